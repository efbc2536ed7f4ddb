"""`thoughttrace.jsonl.zst`: the compatible records of all shards as one compressed file."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator

import zstandard

RECORDS = "thoughttrace.jsonl.zst"
"""Name of the file in a release."""

LEVEL = 10
"""Compression level."""
THREADS = 1
"""Of zstd's own, beside the one that makes the records. It cuts its input at fixed places, so that the same records
give the same bytes."""


def compress_records(lines: Iterable[bytes]) -> bytes:
    """Compress JSON lines into one zstd frame."""
    packed = io.BytesIO()
    with zstandard.ZstdCompressor(level=LEVEL, threads=THREADS).stream_writer(
        packed, closefd=False
    ) as writer:
        for line in lines:
            writer.write(line)
    return packed.getvalue()


def read_records(packed: bytes) -> Iterator[bytes]:
    """Yield the JSON lines of a compressed file, each with its line end."""
    with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(packed)) as reader:
        yield from io.BufferedReader(reader, buffer_size=1 << 20)  # pyright: ignore[reportArgumentType]
