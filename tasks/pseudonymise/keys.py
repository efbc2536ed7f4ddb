"""Keys: one master key from outside, everything else derived from it.

The master key opens the registry's *root*; ids, splits, audit hashes and memo names are keyed by
subkeys of the root (HKDF-SHA-256, RFC 5869). A fresh registry takes its root from the master key, so the
same key gives the same ids on another machine. Rotating the master key seals the old root under the new
key and changes nothing else: nobody is renumbered.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from schemas.errors import KeyMissingError

KEY_VARIABLE = "THOUGHTTRACE_ID_KEY"
KEY_FILE_VARIABLE = "THOUGHTTRACE_ID_KEY_FILE"
MIN_KEY_BYTES = 32
_MAX_KEY_FILE_BYTES = 64 * 1024
_HOW = (
    f"set {KEY_VARIABLE} (at least {MIN_KEY_BYTES} bytes) or {KEY_FILE_VARIABLE}; "
    "`openssl rand -hex 32` makes one"
)


@dataclass(frozen=True, slots=True)
class Keys:
    """Subkeys of one registry. Their bytes are never shown.

    Attributes:
        fingerprint: public name of the master key: 16 hex digits, tells nothing about it.
        root: what a rotation carries over.
        ids: names participants and conversations in the registry.
        splits: decides the split of a participant.
        audit: hashes surfaces in the audit table and the review rules.
        memo: names memo entries of texts.
    """

    fingerprint: str
    root: bytes = field(repr=False)
    ids: bytes = field(repr=False)
    splits: bytes = field(repr=False)
    audit: bytes = field(repr=False)
    memo: bytes = field(repr=False)


def load_master_key(environment: Mapping[str, str]) -> bytes:
    """Return the master key from the environment or from the file that it names.

    Args:
        environment: usually `os.environ`.

    Raises:
        KeyMissingError: no key, two keys, an unreadable file, or a key too short.
    """
    value = environment.get(KEY_VARIABLE, "")
    path = environment.get(KEY_FILE_VARIABLE, "")
    if value and path:
        raise KeyMissingError(f"both {KEY_VARIABLE} and {KEY_FILE_VARIABLE} are set; unset one of them")
    if not value and not path:
        raise KeyMissingError(f"no id key: {_HOW}")
    if value:
        return check_master_key(value.strip().encode(), KEY_VARIABLE)
    try:
        with Path(path).open("rb") as file:
            data = file.read(_MAX_KEY_FILE_BYTES)
    except OSError as error:
        raise KeyMissingError(f"cannot read {KEY_FILE_VARIABLE} {path}: {error.strerror}") from error
    # an editor's line end is not part of the key
    return check_master_key(data.rstrip(b"\r\n"), f"{KEY_FILE_VARIABLE} {path}")


def check_master_key(key: bytes, origin: str) -> bytes:
    """Return the key if it can be used.

    Args:
        key: the key.
        origin: where it comes from, for the message.

    Raises:
        KeyMissingError: it is too short.
    """
    if len(key) < MIN_KEY_BYTES:
        raise KeyMissingError(f"the id key in {origin} has {len(key)} bytes; {_HOW}")
    return key


def derive_keys(master: bytes, sealed_root: bytes | None = None) -> Keys:
    """Derive the subkeys.

    Args:
        master: the master key.
        sealed_root: the registry's root as `seal_root` left it; None where the key was never rotated.

    Raises:
        KeyMissingError: the master key does not open the sealed root.
    """
    check_master_key(master, "use")
    root = derive(master, "root")
    if sealed_root is not None:
        try:
            root = AESSIV(derive(master, "seal", 64)).decrypt(sealed_root, [b"thoughttrace root"])
        except InvalidTag:
            raise KeyMissingError(
                "the id key is not the one that this registry was last rotated to"
            ) from None
    return Keys(
        fingerprint=derive(master, "fingerprint", 8).hex(),
        root=root,
        ids=derive(root, "ids"),
        splits=derive(root, "splits"),
        audit=derive(root, "audit"),
        memo=derive(root, "memo"),
    )


def seal_root(root: bytes, master: bytes) -> bytes:
    """Encrypt a root under a master key (AES-SIV, RFC 5297: needs no random number)."""
    check_master_key(master, "use")
    return AESSIV(derive(master, "seal", 64)).encrypt(root, [b"thoughttrace root"])


def derive(key: bytes, purpose: str, n_bytes: int = 32) -> bytes:
    """Derive a key for one purpose (HKDF-SHA-256)."""
    return HKDF(SHA256(), n_bytes, salt=None, info=f"thoughttrace/v1/{purpose}".encode()).derive(key)


def keyed_digest(key: bytes, text: str) -> str:
    """Return the HMAC-SHA-256 of a text, cut to 160 bits, in hex."""
    return hmac.digest(key, text.encode("utf-8", "surrogatepass"), "sha256")[:20].hex()
