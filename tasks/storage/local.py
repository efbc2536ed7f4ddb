"""The store as a local folder: the same promises as object storage, kept by the file system.

`create` writes a temporary file, syncs it and links it to its name: linking fails if the name exists,
and a crash leaves no half-written object (opening the name exclusively and then writing would).
`swap` holds a lock on the key, compares and renames.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
import uuid
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from schemas.errors import (
    ConflictError,
    NotFoundError,
    StoreAccessError,
    StoreUnavailableError,
    UsageError,
    VerificationError,
)
from tasks.storage.store import ObjectInfo, check_key, check_prefix

_TEMP_PREFIX = ".tmp-"
_LOCK_SUFFIX = ".lock"
_CHUNK = 1 << 20


class LocalStore:
    """A store in a folder, made at the first write."""

    is_local = True

    def __init__(self, root: Path) -> None:
        """Open the folder.

        Raises:
            UsageError: the path is a file.
        """
        if root.exists() and not root.is_dir():
            raise UsageError(f"the store must be a folder, but this is a file: {root}")
        self._root = root

    @property
    def uri(self) -> str:
        """The folder."""
        return str(self._root)

    @property
    def root(self) -> Path:
        """The folder as a path."""
        return self._root

    def path(self, key: str) -> Path:
        """Return where an object lies."""
        return self._root / check_key(key)

    def existing(self, key: str) -> Path:
        """Return where an object lies; raises `NotFoundError` if it is not there."""
        path = self.path(key)
        if not path.is_file():
            raise NotFoundError(f"not in the store {self._root}: {key}")
        return path

    def create(self, key: str, data: bytes) -> str:
        """See `Store.create`."""
        path = self.path(key)
        with self._translated(key), self._temporary(path) as temp:
            temp.write_bytes(data)
            etag = _sync_file(temp)
            self._link(temp, key)
            _sync_folder(path.parent)
        return etag

    def put(self, key: str, data: bytes, sha256: str | None = None) -> str:
        """See `Store.put`."""
        path = self.path(key)
        if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
            raise VerificationError(f"{key}: the bytes to write do not have the digest {sha256[:12]}…")
        with self._translated(key), self._temporary(path) as temp:
            temp.write_bytes(data)
            etag = _sync_file(temp)
            temp.replace(path)
            _sync_folder(path.parent)
        return etag

    def swap(self, key: str, data: bytes, etag: str | None) -> str:
        """See `Store.swap`."""
        path = self.path(key)
        with self._translated(key):
            path.parent.mkdir(parents=True, exist_ok=True)
        with self.locked(key):
            found = self.head(key)
            if (found.etag if found else None) != etag:
                raise ConflictError(f"{key} was changed by somebody else")
            return self.put(key, data)

    def get(self, key: str) -> bytes:
        """See `Store.get`."""
        with self._translated(key):
            return self.path(key).read_bytes()

    def get_with_etag(self, key: str) -> tuple[bytes, str]:
        """See `Store.get_with_etag`."""
        with self._translated(key), self.path(key).open("rb") as file:
            return file.read(), _etag(os.fstat(file.fileno()))

    def head(self, key: str) -> ObjectInfo | None:
        """See `Store.head`."""
        path = self.path(key)
        with self._translated(key):
            try:
                return None if path.is_dir() else _info(key, path.stat())
            except (FileNotFoundError, NotADirectoryError):
                return None

    def list(self, prefix: str = "") -> list[ObjectInfo]:
        """See `Store.list`."""
        folder = self._root / check_prefix(prefix).rpartition("/")[0]
        found: list[ObjectInfo] = []
        with self._translated(prefix):
            for base, _, names in os.walk(folder, onerror=_unless_missing):
                for name in names:
                    path = Path(base, name)
                    key = path.relative_to(self._root).as_posix()
                    if key.startswith(prefix) and not _is_hidden(name):
                        try:
                            found.append(_info(key, path.stat()))
                        except FileNotFoundError:  # deleted while we were listing
                            continue
        return sorted(found, key=lambda info: info.key)

    def put_file(self, key: str, path: Path, sha256: str | None = None) -> None:
        """See `Store.put_file`."""
        target = self.path(key)
        digest = hashlib.sha256()
        with self._translated(key), self._temporary(target) as temp:
            with path.open("rb") as source, temp.open("wb") as sink:
                while chunk := source.read(_CHUNK):
                    digest.update(chunk)
                    sink.write(chunk)
            if sha256 is not None and digest.hexdigest() != sha256:
                raise VerificationError(f"{key}: the bytes to write do not have the digest {sha256[:12]}…")
            _sync_file(temp)
            temp.replace(target)
            _sync_folder(target.parent)

    def get_file(self, key: str, path: Path) -> None:
        """See `Store.get_file`."""
        with self._translated(key), self._temporary(path) as temp:
            shutil.copyfile(self.path(key), temp)
            temp.replace(path)

    def copy(self, src: str, dst: str) -> None:
        """See `Store.copy`."""
        with self._translated(src):
            self.put_file(dst, self.existing(src))

    def delete(self, key: str) -> None:
        """See `Store.delete`."""
        path = self.path(key)
        with self._translated(key):
            path.unlink(missing_ok=True)

    def purge(self, key: str) -> int:
        """See `Store.purge`: a folder keeps one version; folders left empty go too."""
        existed = self.head(key) is not None
        self.delete(key)
        for parent in self.path(key).relative_to(self._root).parents[:-1]:
            try:
                (self._root / parent).rmdir()
            except OSError:
                break
        return int(existed)

    def purge_history(self, prefix: str = "", keep: Sequence[str] = ()) -> int:
        """See `Store.purge_history`: a folder keeps none."""
        return 0

    def sweep(self, before: datetime) -> int:
        """See `Store.sweep`: temporary files of writers that died."""
        n_swept = 0
        for path in self._root.rglob(f"{_TEMP_PREFIX}*"):
            if path.is_file() and path.stat().st_mtime < before.timestamp():
                path.unlink(missing_ok=True)
                n_swept += 1
        return n_swept

    def child(self, prefix: str) -> LocalStore:
        """See `Store.child`."""
        return LocalStore(self._root / check_key(prefix.strip("/")))

    @contextmanager
    def locked(self, key: str) -> Generator[None]:
        """Hold the lock that belongs to a key; the system frees it when the holder dies."""
        path = self.path(key)
        lock = path.with_name(f".{path.name}{_LOCK_SUFFIX}")
        with self._translated(key):
            lock.parent.mkdir(parents=True, exist_ok=True)
            file = lock.open("w")
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _link(self, temp: Path, key: str) -> None:
        path = self.path(key)
        try:
            path.hardlink_to(temp)
        except FileExistsError:
            raise ConflictError(f"exists already: {key}") from None
        except OSError as error:
            if error.errno not in _NO_HARD_LINKS:
                raise
            with self.locked(key):
                if path.exists():
                    raise ConflictError(f"exists already: {key}") from None
                temp.replace(path)

    @contextmanager
    def _temporary(self, target: Path) -> Generator[Path]:
        # in the same folder, so that the rename stays inside one file system
        target.parent.mkdir(parents=True, exist_ok=True)
        temp = target.with_name(f"{_TEMP_PREFIX}{uuid.uuid4().hex}")
        try:
            yield temp
        finally:
            temp.unlink(missing_ok=True)

    @contextmanager
    def _translated(self, key: str) -> Generator[None]:
        try:
            yield
        except (FileNotFoundError, IsADirectoryError) as error:
            raise NotFoundError(f"not in the store {self._root}: {key}") from error
        except (NotADirectoryError, FileExistsError) as error:
            raise UsageError(f"a file stands where the store needs a folder: {error.filename}") from error
        except PermissionError as error:
            # the wrong folder or the wrong account: nothing outside failed, and to wait would not help
            raise StoreAccessError(
                f"the store {self._root}: no permission at {key}; let this account write there, or give another folder"
            ) from error
        except OSError as error:
            reason = _REASONS.get(error.errno or 0, error.strerror or type(error).__name__)
            raise StoreUnavailableError(f"the store {self._root} failed at {key}: {reason}") from error


_NO_HARD_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS}
_REASONS = {
    errno.ENOSPC: "no space left on the device; free some and run again",
    errno.EDQUOT: "the disk quota is used up; free some space and run again",
    errno.EROFS: "the file system is read-only",
    errno.EFBIG: "the file would exceed the size limit",
}


def _etag(stat: os.stat_result) -> str:
    # every write makes a new file, so this changes even when the bytes return to an earlier state
    return f"{stat.st_ino:x}-{stat.st_mtime_ns:x}-{stat.st_size:x}"


def _info(key: str, stat: os.stat_result) -> ObjectInfo:
    return ObjectInfo(key, stat.st_size, _etag(stat), datetime.fromtimestamp(stat.st_mtime, UTC))


def _is_hidden(name: str) -> bool:
    return name.startswith(_TEMP_PREFIX) or (name.startswith(".") and name.endswith(_LOCK_SUFFIX))


def _unless_missing(error: OSError) -> None:
    if not isinstance(error, (FileNotFoundError, NotADirectoryError)):
        raise error


def _sync_file(path: Path) -> str:
    with path.open("rb") as file:
        os.fsync(file.fileno())
        return _etag(os.fstat(file.fileno()))


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
