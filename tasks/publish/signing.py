"""Signatures that anybody can check with `minisign -Vm manifest.json -p key.pub`.

Ed25519 over the BLAKE2b-512 digest of the file, with a trusted comment that is signed too.

Source: https://jedisct1.github.io/minisign/#signature-format
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from schemas.errors import UsageError, VerificationError

_ALGORITHM = b"Ed"
_PREHASHED = b"ED"
_NO_KDF = b"\0\0"
_SCRYPT = b"Sc"
_CHECKSUM = b"B2"
_COMMENT = "untrusted comment: "
_TRUSTED = "trusted comment: "


@dataclass(frozen=True, slots=True)
class MinisignSigner:
    """A secret key. Never printed: its representation shows the id alone."""

    _key: Ed25519PrivateKey
    _number: bytes

    def __repr__(self) -> str:
        return f"MinisignSigner({self.key_id})"

    @property
    def key_id(self) -> str:
        """Id of the key, as minisign prints it."""
        return _show_number(self._number)

    def sign(self, data: bytes, comment: str) -> bytes:
        """Return the content of a `.minisig` file."""
        signature = self._key.sign(hashlib.blake2b(data).digest())
        whole = self._key.sign(signature + comment.encode())
        return (
            f"{_COMMENT}signature of a thoughttrace release\n{_encode(_PREHASHED + self._number + signature)}\n"
            f"{_TRUSTED}{comment}\n{_encode(whole)}\n"
        ).encode()

    def sign_raw(self, data: bytes) -> bytes:
        """Return the bare Ed25519 signature."""
        return self._key.sign(data)

    def public_key(self) -> str:
        """Return the content of the `.pub` file to hand to readers."""
        public = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return f"{_COMMENT}thoughttrace release key {self.key_id}\n{_encode(_ALGORITHM + self._number + public)}\n"

    def secret_key(self) -> str:
        """Return the content of an unencrypted secret key file; keep it out of repositories."""
        seed = self._key.private_bytes_raw()
        public = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        body = self._number + seed + public
        checksum = hashlib.blake2b(_ALGORITHM + body, digest_size=32).digest()
        head = _ALGORITHM + _NO_KDF + _CHECKSUM + bytes(32 + 8 + 8)
        return f"{_COMMENT}thoughttrace secret key, not encrypted\n{_encode(head + body + checksum)}\n"


@dataclass(frozen=True, slots=True)
class MinisignVerifier:
    """A public key."""

    _key: Ed25519PublicKey
    _number: bytes

    @property
    def key_id(self) -> str:
        """Id of the key, as minisign prints it."""
        return _show_number(self._number)

    def verify(self, data: bytes, signature: bytes) -> str:
        """Return the trusted comment of a good signature.

        Raises:
            VerificationError: the signature is by another key, or not of these bytes.
        """
        try:
            lines = signature.decode().splitlines()
            body, comment = base64.b64decode(lines[1], validate=True), lines[2].removeprefix(_TRUSTED)
            whole = base64.b64decode(lines[3], validate=True)
        except (UnicodeDecodeError, IndexError, binascii.Error):
            raise VerificationError("is not a minisign signature") from None
        algorithm, number, bare = body[:2], body[2:10], body[10:]
        if number != self._number:
            raise VerificationError(f"was made with key {_show_number(number)}, not {self.key_id}")
        message = hashlib.blake2b(data).digest() if algorithm == _PREHASHED else data
        try:
            self._key.verify(bare, message)
            self._key.verify(whole, bare + comment.encode())
        except InvalidSignature:
            raise VerificationError("does not fit: the manifest or the signature was altered") from None
        return comment


def generate_signer() -> MinisignSigner:
    """Make a new key."""
    return MinisignSigner(Ed25519PrivateKey.generate(), os.urandom(8))


def load_signer(path: Path, password: str = "") -> MinisignSigner:
    """Read a secret key file of minisign, encrypted or not.

    Raises:
        UsageError: the file cannot be read, or the password is missing or wrong.
    """
    raw = _read_key(path, 158)
    kdf, salt = raw[2:4], raw[6:38]
    body = raw[54:]
    if kdf == _SCRYPT:
        if not password:
            raise UsageError(f"{path} is encrypted: set THOUGHTTRACE_SIGNING_PASSWORD")
        operations, memory = int.from_bytes(raw[38:46], "little"), int.from_bytes(raw[46:54], "little")
        n, r, p = _scrypt_parameters(operations, memory)
        stream = Scrypt(salt=salt, length=len(body), n=n, r=r, p=p).derive(password.encode())
        body = bytes(a ^ b for a, b in zip(body, stream, strict=True))
    number, seed, checksum = body[:8], body[8:40], body[72:]
    # an unencrypted key of minisign -W carries no checksum
    is_unchecked = kdf == _NO_KDF and not any(checksum)
    if not is_unchecked and hashlib.blake2b(raw[:2] + body[:72], digest_size=32).digest() != checksum:
        raise UsageError(f"wrong password for {path}, or the file is damaged")
    return MinisignSigner(Ed25519PrivateKey.from_private_bytes(seed), number)


def open_signer(key_file: str, environment: Mapping[str, str]) -> MinisignSigner | None:
    """Return the signer that the settings name, None where they name none.

    Args:
        key_file: setting `publish.signing_key_file`.
        environment: holds the password of an encrypted key.
    """
    password = environment.get("THOUGHTTRACE_SIGNING_PASSWORD", "")
    return load_signer(Path(key_file), password) if key_file else None


def load_verifier(path: Path) -> MinisignVerifier:
    """Read a public key file of minisign.

    Raises:
        UsageError: the file cannot be read.
    """
    raw = _read_key(path, 42)
    return MinisignVerifier(Ed25519PublicKey.from_public_bytes(raw[10:]), raw[2:10])


def _read_key(path: Path, size: int) -> bytes:
    try:
        lines = [line for line in path.read_text().splitlines() if line.strip()]
        raw = base64.b64decode(lines[-1], validate=True)
    except OSError as error:
        raise UsageError(f"cannot read the key file {path}: {error.strerror}") from None
    except (UnicodeDecodeError, IndexError, binascii.Error):
        raise UsageError(f"not a minisign key: {path}") from None
    if len(raw) != size or raw[:2] != _ALGORITHM:
        raise UsageError(f"not a minisign key of the expected kind: {path}")
    return raw


def _scrypt_parameters(operations: int, memory: int) -> tuple[int, int, int]:
    """Derive N, r, p as libsodium does (`pickparams` of `crypto_pwhash_scryptsalsa208sha256`)."""
    operations, r = max(operations, 32768), 8
    if operations < memory // 32:
        largest, p = operations // (r * 4), 0
    else:
        largest, p = memory // (r * 128), -1
    power = 1
    while 2**power <= largest // 2 and power < 63:
        power += 1
    n = 2**power
    return n, r, 1 if p == 0 else max(1, min(operations // 4 // n, 0x3FFFFFFF) // r)


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _show_number(number: bytes) -> str:
    return number[::-1].hex().upper()
