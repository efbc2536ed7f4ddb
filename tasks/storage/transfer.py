"""One file from a store to another, or to another place in the same one, with its digest checked."""

from __future__ import annotations

import tempfile
from pathlib import Path

from schemas.errors import NotFoundError
from tasks.storage.local import LocalStore
from tasks.storage.s3 import S3Store
from tasks.storage.store import Store


def transfer(source: Store, src: str, target: Store, dst: str, sha256: str) -> None:
    """Copy an object and make sure that the copy has this digest.

    Two buckets of one server: the server copies, if it vouches for the digest; nothing passes through
    here. Everything else is read, hashed and written.

    Raises:
        VerificationError: the source has another digest.
        NotFoundError: the source is gone.
        StoreUnavailableError: a store fails.
    """
    if isinstance(source, S3Store) and isinstance(target, S3Store):
        info = source.head(src)
        if info is None:
            raise NotFoundError(f"not in the store: {source.uri}/{src}")
        if info.sha256 == sha256 and _copy_on_server(source, src, target, dst) == sha256:
            return
    if isinstance(source, LocalStore):
        target.put_file(dst, source.existing(src), sha256=sha256)
        return
    with tempfile.TemporaryDirectory(prefix="transfer-") as folder:
        path = Path(folder, "object")
        source.get_file(src, path)
        target.put_file(dst, path, sha256=sha256)


def is_in_place(store: Store, key: str, n_bytes: int, sha256: str) -> bool:
    """Whether an object is there with this size, and this digest where the store keeps one."""
    info = store.head(key)
    return info is not None and info.size == n_bytes and info.sha256 in {"", sha256}


def _copy_on_server(source: S3Store, src: str, target: S3Store, dst: str) -> str:
    """Return the digest of the copy; some servers tell it only when asked."""
    if digest := target.copy_from(source, src, dst):
        return digest
    info = target.head(dst)
    return info.sha256 if info else ""
