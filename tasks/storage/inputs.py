"""The exports to read: found by path, folder or pattern, and opened as streams.

Only local files and `s3://` are read; every other scheme is refused, so that a parameter of a run
cannot make the worker fetch arbitrary addresses.
"""

from __future__ import annotations

import fnmatch
import glob
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from schemas.errors import InputError
from tasks.storage.store import local_path

SUFFIXES = (".json", ".jsonl", ".ndjson", ".zip")
"""What counts as an export inside a folder; each may carry `.gz` or `.zst`."""
_PACKED = (".gz", ".zst")
_WILDCARDS = "*?["


@dataclass(frozen=True, slots=True, order=True)
class InputFile:
    """One export file.

    Attributes:
        uri: path or `s3://` address.
        name: file name without folders; what messages and manifests show.
        size: bytes.
    """

    uri: str
    name: str
    size: int


def list_inputs(patterns: Iterable[str]) -> list[InputFile]:
    """Return the files that paths, folders and patterns mean, each once, sorted by address.

    Args:
        patterns: files, folders (searched in depth for exports), or patterns with `*`, `**`, `?`.

    Raises:
        InputError: something is missing, unreadable or matches nothing, or the scheme is not read.
    """
    files: dict[str, InputFile] = {}
    for pattern in patterns:
        path = local_path(pattern)
        if path is not None:
            found = _list_local(pattern, path)
        elif pattern.startswith("s3://"):
            found = _list_s3(pattern)
        else:
            raise InputError(
                f"cannot read {pattern.split('://', 1)[0]}:// addresses; give a local path or s3://"
            )
        files.update((file.uri, file) for file in found)
    if not files:
        raise InputError("no export given")
    return sorted(files.values())


def refuse_store_inside(patterns: Iterable[str], store: str) -> None:
    """Refuse an input folder that holds the store: a release would be read as an export of itself.

    Raises:
        InputError: the store lies in one of the folders.
    """
    place = local_path(store)
    if place is None:
        for pattern in patterns:
            if f"{store.rstrip('/')}/".startswith(f"{pattern.rstrip('/')}/"):
                raise InputError(f"the store {store} lies in the input folder {pattern}; keep them apart")
        return
    for pattern in patterns:
        path = local_path(pattern)
        if path is not None and path.is_dir() and place.resolve().is_relative_to(path.resolve()):
            raise InputError(f"the store {place} lies in the input folder {path}; keep them apart")


def open_input(file: InputFile) -> BinaryIO:
    """Open an export for reading bytes; local files and objects alike can seek.

    Raises:
        InputError: it cannot be opened.
        StoreUnavailableError: the object store fails.
    """
    if file.uri.startswith("s3://"):
        from tasks.storage.s3_connection import connect
        from tasks.storage.s3_errors import translate_s3_error
        from tasks.storage.s3_reading import read_again

        try:
            stream: Any = connect().open(file.uri.removeprefix("s3://"), "rb", block_size=8 << 20)
        except Exception as error:
            raise translate_s3_error(error, file.uri, "read", "") from error
        fetch: Callable[[int, int], bytes] = stream.cache.fetcher
        bucket, _, key = file.uri.removeprefix("s3://").partition("/")

        def fetch_again(start: int, end: int) -> bytes:
            return read_again(lambda: fetch(start, end), f"s3://{bucket}", key)

        # one range of the object after another, each of them whole or a StoreUnavailableError
        stream.cache.fetcher = fetch_again
        return cast("BinaryIO", stream)
    try:
        return Path(file.uri).open("rb")
    except OSError as error:
        raise InputError(f"cannot read {file.uri}: {error.strerror}") from error


def is_export_name(name: str) -> bool:
    """Whether a file of this name inside a folder counts as an export."""
    lower = name.lower()
    for packed in _PACKED:
        lower = lower.removesuffix(packed)
    return lower.endswith(SUFFIXES) and not name.startswith(".")


def _list_local(pattern: str, path: Path) -> list[InputFile]:
    try:
        if path.is_dir():
            found = _walk(path)
            if not found:
                raise InputError(f"no export in the folder {path} (looked for {', '.join(SUFFIXES)})")
            return found
        if path.exists():
            return [_local_file(path)]
        if any(c in str(path) for c in _WILDCARDS):
            names = glob.glob(str(path), recursive=True)  # noqa: PTH207 (absolute patterns too)
            found = [_local_file(Path(n)) for n in names if not Path(n).is_dir()]
            if not found:
                raise InputError(f"no file matches {pattern}")
            return found
    except OSError as error:
        raise InputError(f"cannot read {error.filename or path}: {error.strerror}") from error
    raise InputError(f"no such file or folder: {path}")


def _walk(folder: Path) -> list[InputFile]:
    def refuse(error: OSError) -> None:
        raise error

    found: list[InputFile] = []
    for base, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        found.extend(_local_file(Path(base, name)) for name in names if is_export_name(name))
    return found


def _local_file(path: Path) -> InputFile:
    if not os.access(path, os.R_OK):
        raise InputError(f"no permission to read {path}")
    if not path.is_file():
        raise InputError(f"not a regular file: {path}")
    return InputFile(str(path), path.name, path.stat().st_size)


def _list_s3(pattern: str) -> list[InputFile]:
    from tasks.storage.s3 import S3Store

    bucket, _, key = pattern.removeprefix("s3://").partition("/")
    store: Any = S3Store(f"s3://{bucket}")
    wildcard = min((key.find(c) for c in _WILDCARDS if c in key), default=-1)
    if wildcard >= 0:
        listed = [o for o in store.list(key[:wildcard]) if fnmatch.fnmatchcase(o.key, key)]
    else:
        exact = store.head(key) if key and not key.endswith("/") else None
        folder = f"{key.rstrip('/')}/" if key else ""
        listed = (
            [exact] if exact else [o for o in store.list(folder) if is_export_name(o.key.rpartition("/")[2])]
        )
    if not listed:
        raise InputError(f"no export at {pattern}")
    return [InputFile(f"s3://{bucket}/{o.key}", o.key.rpartition("/")[2], o.size) for o in listed]
