"""Whether a file speaks of certain people: the search behind withdrawal and `verify --absent`.

Every format is searched in its plain form: Parquet row by row, compressed files unpacked. A recruitment
id counts wherever it stands, even inside a text; a public id counts as a value or as the start of an id
of something of theirs, because `user1` alone may be an ordinary word in a text.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from collections.abc import Callable, Collection, Iterator
from typing import BinaryIO, Protocol, cast

import polars as pl
import pyarrow.parquet as pq
import zstandard

_PUBLIC = re.compile(r"user(0|[1-9]\d*)")
_PARQUET, _ZSTD, _GZIP = b"PAR1", b"\x28\xb5\x2f\xfd", b"\x1f\x8b"
_CHUNK = 4 << 20
_OVERLAP = 512


class Hit(Protocol):
    """A place in bytes."""

    def start(self) -> int:
        """First byte."""
        ...


class Finder(Protocol):
    """Tells where bytes speak of somebody; a compiled pattern does."""

    def search(self, data: bytes, /) -> object | None:
        """Return something where they do, else None."""
        ...

    def finditer(self, data: bytes, pos: int = 0, /) -> Iterator[Hit]:
        """Yield the places from a position on."""
        ...


def compile_mentions(names: Collection[str]) -> re.Pattern[bytes]:
    """Return what finds any of these ids in plain bytes.

    Args:
        names: public participant ids, public conversation ids, or ids of any other form; not empty.
    """
    public = sorted(n for n in names if _PUBLIC.fullmatch(n))
    other = sorted(set(names) - set(public))
    patterns: list[str] = []
    if public:
        anybody = "|".join(public)
        patterns += [rf"(?<![A-Za-z0-9])(?:{anybody})_task\d", rf'"(?:{anybody})"']
    patterns += [rf"(?<![A-Za-z0-9]){re.escape(n)}(?![A-Za-z0-9])" for n in other]
    return re.compile("|".join(patterns).encode(), re.IGNORECASE)


def count_mentions(data: bytes, name: str, pattern: Finder) -> int:
    """Return how often a file speaks of them.

    Args:
        data: the file; its first bytes tell Parquet and packed files, whatever the name.
        name: its name; tells CSV.
        pattern: from `compile_mentions`.
    """
    if data.startswith(_PARQUET):
        return sum(1 for line in _parquet_lines(data) if pattern.search(line))
    if name.endswith(".csv"):
        return sum(1 for line in _csv_rows(data) if pattern.search(_cells(line)))
    return sum(1 for _ in _search(_unpacked(data), pattern))


def drop_mentions(data: bytes, name: str, pattern: Finder) -> bytes | None:
    """Return the file without the rows or lines that speak of them; None if nothing would be left of use.

    Parquet files, CSV and JSON lines, packed or not, keep their other rows; every other file is given up whole.
    """
    if data.startswith(_PARQUET):
        frame = pl.read_parquet(io.BytesIO(data))
        keep = pl.Series([not pattern.search(line) for line in _json_lines(frame)], dtype=pl.Boolean)
        kept = frame.filter(keep)
        return encode_rows(kept) if kept.height else None
    if name.endswith(".csv"):
        header, *rows = _csv_rows(data)
        left = [row for row in rows if not pattern.search(_cells(row))]
        return b"".join([header, *left]) if left else None
    for ending, pack in _PACKERS.items():
        if name.endswith(ending):
            plain = b"".join(_unpacked(data))
            lines = [line for line in plain.splitlines(keepends=True) if not pattern.search(line)]
            return pack(b"".join(lines)) if lines else None
    return None


_PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".jsonl": lambda data: data,
    ".jsonl.zst": lambda data: zstandard.ZstdCompressor(level=6).compress(data),
    ".jsonl.gz": lambda data: gzip.compress(data, mtime=0),
}


def encode_rows(frame: pl.DataFrame) -> bytes:
    """Return private rows as Parquet bytes; the same rows give the same bytes."""
    sink = io.BytesIO()
    pq.write_table(frame.to_arrow(), sink, compression="zstd")
    return sink.getvalue()


def _csv_rows(data: bytes) -> Iterator[bytes]:
    """Yield the rows of a CSV file with their line ends; a quoted cell may hold line ends."""
    row = b""
    for line in data.splitlines(keepends=True):
        row += line
        if row.count(b'"') % 2 == 0:
            yield row
            row = b""
    if row:
        yield row


def _cells(row: bytes) -> bytes:
    """Return a CSV row as a JSON list, so that a cell that is an id looks like one everywhere."""
    cells = next(csv.reader([row.decode("utf-8", "replace")]), [])
    return json.dumps(cells, ensure_ascii=False).encode()


def _parquet_lines(data: bytes) -> Iterator[bytes]:
    yield from _json_lines(pl.read_parquet(io.BytesIO(data)))


def _json_lines(frame: pl.DataFrame) -> Iterator[bytes]:
    for piece in frame.iter_slices(20_000):
        # bytes have no JSON form and no ids
        text = piece.select(pl.exclude(pl.Binary)).write_ndjson()
        yield from text.encode().splitlines() if piece.width else ()


def _unpacked(data: bytes) -> Iterator[bytes]:
    source: BinaryIO = io.BytesIO(data)
    if data.startswith(_ZSTD):
        source = cast("BinaryIO", zstandard.ZstdDecompressor().stream_reader(source, read_across_frames=True))
    elif data.startswith(_GZIP):
        source = cast("BinaryIO", gzip.GzipFile(fileobj=source))
    while chunk := source.read(_CHUNK):
        yield chunk


def _search(chunks: Iterator[bytes], pattern: Finder) -> Iterator[Hit]:
    """Find in a stream; the first byte of every window is context only, so that nothing counts twice."""
    window, first = b" ", 1
    for chunk in chunks:
        window += chunk
        limit = max(first, len(window) - _OVERLAP)
        # what touches the end may go on in the next chunk and is found there
        yield from (m for m in pattern.finditer(window, first) if m.start() < limit)
        window = window[limit - 1 :]
    yield from pattern.finditer(window, first)
