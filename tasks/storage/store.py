"""The store: what every backend offers, and how one is opened from its address.

Keys are relative, `/`-separated and never leave the root. Three kinds of write exist, because they are
all that a publisher needs: `create` (only if absent: the commit), `swap` (only if unchanged: the
pointer) and `put` (last one wins: files named by their digest, or private work in progress).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol, runtime_checkable
from urllib.parse import unquote, urlsplit

from schemas.errors import UsageError


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What a store knows about one object without reading it.

    Attributes:
        key: key relative to the store's root.
        size: bytes.
        etag: opaque token that changes with every write; what `swap` compares.
        modified: time of the last write by the store's clock, UTC.
        sha256: hex digest that the store itself has checked, where it keeps one; else empty.
    """

    key: str
    size: int
    etag: str
    modified: datetime
    sha256: str = ""


@runtime_checkable
class Store(Protocol):
    """A folder of objects. Missing keys raise `NotFoundError`, a lost race `ConflictError`."""

    @property
    def uri(self) -> str:
        """Address of the root, as a person would type it."""
        ...

    @property
    def is_local(self) -> bool:
        """Whether the objects are files of this machine."""
        ...

    def create(self, key: str, data: bytes) -> str:
        """Write an object that must not exist yet and return its etag; one winner among any number."""
        ...

    def put(self, key: str, data: bytes, sha256: str | None = None) -> str:
        """Write an object, replacing any other, and return its etag."""
        ...

    def swap(self, key: str, data: bytes, etag: str | None) -> str:
        """Replace an object only if its etag is still this one (`None`: only if absent)."""
        ...

    def get(self, key: str) -> bytes:
        """Return the bytes of an object."""
        ...

    def get_with_etag(self, key: str) -> tuple[bytes, str]:
        """Return bytes and etag of the same version of an object."""
        ...

    def head(self, key: str) -> ObjectInfo | None:
        """Return what is known about an object, or None if it is not there."""
        ...

    def list(self, prefix: str = "") -> Sequence[ObjectInfo]:
        """Return all objects whose key starts with this, sorted by key; never from a cache."""
        ...

    def put_file(self, key: str, path: Path, sha256: str | None = None) -> None:
        """Write a finished local file as an object; a wrong `sha256` raises `VerificationError`."""
        ...

    def get_file(self, key: str, path: Path) -> None:
        """Write an object to a local file, whole or not at all."""
        ...

    def copy(self, src: str, dst: str) -> None:
        """Copy an object inside the store, replacing any other."""
        ...

    def delete(self, key: str) -> None:
        """Delete an object if it is there."""
        ...

    def purge(self, key: str) -> int:
        """Delete an object with every version that the backend kept; returns how many there were."""
        ...

    def purge_history(self, prefix: str = "", keep: Sequence[str] = ()) -> int:
        """Delete earlier versions that the backend kept, but below the prefixes `keep`; returns how many."""
        ...

    def sweep(self, before: datetime) -> int:
        """Drop the leftovers of writers that died before this time (temporary files, open uploads)."""
        ...

    def child(self, prefix: str) -> Store:
        """Return the store whose root is this folder of ours."""
        ...


def check_key(key: str) -> str:
    """Return the key if it stays inside the root, else raise.

    Raises:
        UsageError: empty key or segment, absolute, `.`, `..`, a backslash or a control character.
    """
    parts = key.split("/")
    if any(p in {"", ".", ".."} for p in parts) or "\\" in key or any(ord(c) < 32 for c in key):
        raise UsageError(f"not a key inside the store: {key!r}")
    return key


def check_prefix(prefix: str) -> str:
    """Return the prefix of a listing if it stays inside the root; it may be empty or end with `/`."""
    if prefix.strip("/"):
        check_key(prefix.removesuffix("/"))
    elif prefix:
        raise UsageError(f"not a prefix inside the store: {prefix!r}")
    return prefix


def local_path(uri: str) -> Path | None:
    """Return the folder or file that a path or `file://` address means; None for other schemes.

    Raises:
        UsageError: a `file://` address or a share on another host, or what no path can be.
    """
    if "\0" in uri:
        raise UsageError(f"no path has a zero byte in it: {uri!r}")
    if uri.startswith(("\\\\", "//")):
        raise UsageError(f"share on another host: {uri}; mount it and give its path")
    try:
        parts = urlsplit(uri)
    except ValueError:
        raise UsageError(f"neither a path nor an address: {uri!r}") from None
    if parts.scheme == "file":
        if parts.netloc not in {"", "localhost"}:
            raise UsageError(f"file address on another host: {uri}")
        path = unquote(parts.path)
        if "\0" in path:
            raise UsageError(f"no path has a zero byte in it: {uri!r}")
        return _at_home(Path(path))
    # a colon may stand in a file name: only `scheme://` makes an address
    return None if "://" in uri else _at_home(Path(uri))


def _at_home(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError:
        raise UsageError(f"no home directory of that user: {path}") from None


def open_store(uri: str) -> Store:
    """Open the store at a folder, a `file://` address or `s3://bucket/prefix`.

    S3 credentials come from the usual AWS chain, the endpoint from `AWS_ENDPOINT_URL_S3` or
    `AWS_ENDPOINT_URL`; without credentials requests are anonymous.

    Raises:
        UsageError: no address, an unknown scheme, or a path that is a file.
    """
    if not uri.strip():
        raise UsageError("no store given: pass --store or set THOUGHTTRACE_STORE")
    path = local_path(uri)
    if path is not None:
        from tasks.storage.local import LocalStore

        return LocalStore(path)
    if uri.startswith("s3://"):
        from tasks.storage.s3 import S3Store

        return S3Store(uri)
    scheme = uri.split("://", 1)[0]
    raise UsageError(f"no store at {scheme}:// addresses; use a folder or s3://bucket/prefix")


def open_private(store: Store, uri: str = "") -> Store:
    """Open the private store: at its own address, or the folder `private/` of the store."""
    return open_store(uri) if uri else store.child("private")
