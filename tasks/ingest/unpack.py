"""Export files as streams of unpacked bytes: plain, gzip, zstd or zip, told apart by their first bytes.

Nothing is extracted to disk. What an archive may expand to is limited, so that a small hostile file
cannot fill the machine; a damaged archive stops the run, because nobody can say which rows it lost.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, cast

import pyarrow as pa

from schemas.config import IngestSettings
from schemas.errors import InputError
from tasks.storage.inputs import is_export_name

BUFFER = 1 << 20
_RATIO_FREE_BYTES = 16 << 20
"""Ratios are judged from this unpacked size on: a short repetitive file is no bomb."""
_NAME_LENGTH = 120

_GZIP, _ZSTD, _ZIP = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PK\x03\x04"
_PACKED = {
    _GZIP: "gzip",
    _ZSTD: "zstd",
    _ZIP: "zip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"7z\xbc\xaf": "7-Zip",
}
_OTHER = {
    b"PK\x05\x06": "an empty zip archive",
    b"PAR1": "a Parquet file",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
    b"{\x00": "UTF-16 text",
    b"[\x00": "UTF-16 text",
    b"\x00{": "UTF-16 text",
    b"\x00[": "UTF-16 text",
    b"\x00\x00\xfe\xff": "UTF-32 text",
}


@dataclass(frozen=True, slots=True)
class Member:
    """One unpacked stream of an export file.

    Attributes:
        name: file name, with `!member` for a file inside a zip archive; printable and cut in length.
        stream: the unpacked bytes, buffered.
    """

    name: str
    stream: io.BufferedReader


def unpack(packed: BinaryIO, name: str, settings: IngestSettings) -> Iterator[Member]:
    """Yield the streams that an export file holds, one after the other.

    Args:
        packed: the file's bytes, able to seek.
        name: name of the file for messages.
        settings: limits on the unpacked size and on its ratio to the packed size.

    Raises:
        InputError: the file is empty, damaged, encrypted, packed twice or in a way that is not read, or
            (while the stream is read) unpacks to more than the limits allow.
    """
    head = packed.read(8)
    packed.seek(0)
    if not head:
        raise InputError(f"{name}: the file is empty")
    kind = _packing(head)
    limits = _Limits(name, settings, packed)
    if kind is None:
        _refuse_other(head, name)
        yield Member(name, io.BufferedReader(packed, BUFFER))  # pyright: ignore[reportArgumentType]
    elif kind == "zip":
        yield from _unpack_zip(packed, name, limits)
    elif kind in {"gzip", "zstd"}:
        # pyarrow reads members and frames in a row and, unlike others, notices a cut zstd frame
        stream = pa.CompressedInputStream(pa.PythonFile(packed, mode="r"), kind)
        yield _member(cast("BinaryIO", stream), name, limits)
    else:
        raise InputError(f"{name}: {kind} is not read; unpack it, or pack it with gzip, zstd or zip")


def printable_name(name: str) -> str:
    """Return a file name fit for a message: control characters replaced, cut in the middle."""
    clean = "".join(c if c.isprintable() else "?" for c in name)
    if len(clean) <= _NAME_LENGTH:
        return clean
    half = _NAME_LENGTH // 2
    return f"{clean[: half - 1]}…{clean[-half:]}"


def _packing(head: bytes) -> str | None:
    return next((kind for magic, kind in _PACKED.items() if head.startswith(magic)), None)


def _refuse_other(head: bytes, name: str) -> None:
    found = next((text for magic, text in _OTHER.items() if head.startswith(magic)), None)
    if found is None:
        return
    advice = ""
    if "UTF" in found:
        advice = "; convert it first: iconv -f " + found.split()[0] + " -t UTF-8 FILE > NEW"
    raise InputError(f"{name}: this is {found}, not JSON in UTF-8{advice}")


def _unpack_zip(packed: BinaryIO, name: str, limits: _Limits) -> Iterator[Member]:
    try:
        archive = zipfile.ZipFile(packed)
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise InputError(f"{name}: the zip archive is damaged or truncated; fetch it again") from error
    with archive:
        members = [m for m in archive.infolist() if not m.is_dir() and _is_export(m.filename)]
        if not members:
            raise InputError(f"{name}: the zip archive holds no export (.json, .jsonl or .ndjson)")
        for info in sorted(members, key=lambda m: m.filename):
            member_name = f"{name}!{printable_name(info.filename)}"
            if info.flag_bits & 1:
                raise InputError(f"{member_name}: the archive is encrypted; unpack it first")
            try:
                stream = archive.open(info)
            except (zipfile.BadZipFile, NotImplementedError, OSError) as error:
                raise InputError(f"{member_name}: the zip member cannot be unpacked") from error
            yield _member(cast("BinaryIO", stream), member_name, limits)


def _is_export(member: str) -> bool:
    return not member.startswith("__MACOSX/") and is_export_name(member.rpartition("/")[2])


def _member(stream: BinaryIO, name: str, limits: _Limits) -> Member:
    buffered = io.BufferedReader(_LimitedStream(stream, name, limits), BUFFER)
    head = buffered.peek(8)[:8]
    if _packing(head) is not None:
        raise InputError(f"{name}: holds another archive; unpack it first")
    _refuse_other(head, name)
    return Member(name, cast("io.BufferedReader", buffered))


class _Limits:
    """How much one input file may unpack to, over all its members."""

    def __init__(self, name: str, settings: IngestSettings, packed: BinaryIO) -> None:
        self._name = name
        self._ratio = settings.max_archive_ratio
        self._max_bytes = int(settings.max_unpacked_gb * 1e9)
        self._n_packed = packed.seek(0, io.SEEK_END)
        self._n_unpacked = 0
        packed.seek(0)

    def count(self, n_bytes: int) -> None:
        """Add unpacked bytes; raises `InputError` when they are too many."""
        self._n_unpacked += n_bytes
        if self._n_unpacked > self._max_bytes:
            raise InputError(
                f"{self._name}: unpacks to more than {self._max_bytes / 1e9:g} GB (ingest.max_unpacked_gb)"
            )
        if self._n_unpacked > _RATIO_FREE_BYTES and self._n_unpacked > self._ratio * self._n_packed:
            raise InputError(
                f"{self._name}: unpacks to more than {self._ratio:g} times its size, which looks like an "
                "archive bomb; raise ingest.max_archive_ratio if you trust it"
            )


class _LimitedStream(io.RawIOBase):
    """Unpacked bytes, counted against the limits, with damage turned into `InputError`."""

    def __init__(self, source: BinaryIO, name: str, limits: _Limits) -> None:
        self._source = source
        self._name = name
        self._limits = limits
        self._n_read = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
        try:
            data = self._source.read(len(buffer))
        except (OSError, EOFError, ValueError, zlib.error, zipfile.BadZipFile) as error:
            raise InputError(
                f"{self._name}: the archive is damaged or truncated after {self._n_read} unpacked bytes; "
                "fetch it again"
            ) from error
        self._n_read += len(data)
        self._limits.count(len(data))
        buffer[: len(data)] = data
        return len(data)
