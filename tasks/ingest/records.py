"""A stream of bytes as records, each with its place, without ever holding more than one.

Two layouts are read. *Lines* (JSONL): a record is a line. *Documents*: a JSON array of objects, or
objects that span several lines; a record is an object and its place is where the object starts.
Everything between the records of a document that is not white space, a comma or the array's brackets
comes out as a record too, so that it is judged and counted like any other line.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from schemas.errors import InputError

BOM = b"\xef\xbb\xbf"
_HEAD = 1 << 16
_CHUNK = 1 << 20
_SPACE = b" \t\r\n"


class Record(NamedTuple):
    """One record as it stands in the file.

    Attributes:
        line: line on which it starts, from 1.
        byte_offset: where it starts in the unpacked stream.
        n_bytes: its length, without the line's end.
        sha256: hex digest of its bytes.
        data: its bytes; None where it is longer than the limit, and empty for a blank line.
    """

    line: int
    byte_offset: int
    n_bytes: int
    sha256: str
    data: bytes | None


def split_records(stream: io.BufferedReader, name: str, max_bytes: int) -> Iterator[Record]:
    """Yield the records of a stream in order, in the layout that its beginning shows.

    Args:
        stream: unpacked bytes, buffered.
        name: name of the stream for messages.
        max_bytes: longest record whose bytes are kept.

    Raises:
        InputError: a JSON array ends before it is closed.
    """
    start = len(BOM) if stream.peek(_HEAD)[: len(BOM)] == BOM else 0
    stream.read(start)
    if _is_document(stream.peek(_HEAD)[:_HEAD]):
        yield from _Documents(stream, name, max_bytes, start).split()
    else:
        yield from _split_lines(stream, start, max_bytes)


def _is_document(head: bytes) -> bool:
    """Whether the stream is an array, or an object that goes on over several lines."""
    text = head.lstrip(_SPACE)
    if text[:1] == b"[":
        return True
    first, newline, rest = text.partition(b"\n")
    following = rest.lstrip(_SPACE)[:1]
    if text[:1] != b"{" or not newline or not following:
        return False
    end = first.rstrip(_SPACE)[-1:]
    # a broken first line of a JSONL file is followed by the next record
    return end in (b"[", b":") or (end in (b"{", b",") and following != b"{")


def _split_lines(stream: io.BufferedReader, start: int, max_bytes: int) -> Iterator[Record]:
    number, offset = 0, start
    # two bytes more than the limit: the line's end does not count
    while line := stream.readline(max_bytes + 2):
        number += 1
        body = line.rstrip(b"\r\n")
        if len(body) <= max_bytes:
            yield Record(number, offset, len(body), hashlib.sha256(body).hexdigest(), body.strip(_SPACE))
            offset += len(line)
        else:
            n_bytes, n_total, digest = _skip_line(stream, line)
            yield Record(number, offset, n_bytes, digest, None)
            offset += n_total


def _skip_line(stream: io.BufferedReader, part: bytes) -> tuple[int, int, str]:
    """Read to the end of a line; return its length without and with its end, and its digest."""
    digest, n_bytes = hashlib.sha256(), 0
    more = part
    while more and not part.endswith(b"\n"):
        # a carriage return may be the beginning of the line's end
        body = part.rstrip(b"\r")
        digest.update(body)
        n_bytes += len(body)
        more = stream.readline(_CHUNK)
        part = part[len(body) :] + more
    body = part.rstrip(b"\r\n")
    digest.update(body)
    return n_bytes + len(body), n_bytes + len(part), digest.hexdigest()


_OUTSIDE = re.compile(rb'["{}\[\]]')
_INSIDE = re.compile(rb'["\\]')


@dataclass(slots=True)
class _Element:
    """The record being read: its place and, up to the limit, its bytes."""

    line: int
    byte_offset: int
    max_bytes: int
    n_bytes: int = 0
    parts: list[bytes] = field(default_factory=list)
    digest: Any = field(default_factory=hashlib.sha256)

    def add(self, data: bytes) -> None:
        self.n_bytes += len(data)
        self.digest.update(data)
        if self.n_bytes <= self.max_bytes:
            self.parts.append(data)
        else:
            self.parts.clear()

    def record(self) -> Record:
        data = b"".join(self.parts) if self.n_bytes <= self.max_bytes else None
        return Record(self.line, self.byte_offset, self.n_bytes, self.digest.hexdigest(), data)


class _Documents:
    """Splits an array, or objects in a row, at the brackets of the outermost level."""

    def __init__(self, stream: io.BufferedReader, name: str, max_bytes: int, start: int) -> None:
        self._stream = stream
        self._name = name
        self._max_bytes = max_bytes
        self._depth = 0
        self._base = 0
        self._in_string = False
        self._n_escaped = 0
        self._line = 1
        self._offset = start
        self._element: _Element | None = None

    def split(self) -> Iterator[Record]:
        """Yield the records up to the end of the stream."""
        chunk = self._stream.read(_CHUNK)
        text = chunk.lstrip(_SPACE)
        if text[:1] == b"[":
            skipped = len(chunk) - len(text) + 1
            self._advance(chunk[:skipped])
            self._base = self._depth = 1
            chunk = chunk[skipped:] or self._stream.read(_CHUNK)
        while chunk:
            yield from self._scan(chunk)
            chunk = self._stream.read(_CHUNK)
        if self._base:
            raise InputError(
                f"{self._name}: the JSON array is not closed after {self._offset} bytes; "
                "the file is truncated, fetch it again"
            )
        yield from self._close()

    def _scan(self, chunk: bytes) -> Iterator[Record]:
        position, taken = self._n_escaped, 0
        while found := (_INSIDE if self._in_string else _OUTSIDE).search(chunk, position):
            position, char = found.end(), found.group()
            if char == b"\\":
                position += 1
            elif char == b'"':
                self._in_string = not self._in_string
            elif char in b"{[":
                if self._depth == self._base:
                    self._take(chunk[taken : position - 1])
                    yield from self._close()
                    taken = position - 1
                self._depth += 1
            elif self._depth > self._base:
                self._depth -= 1
                if self._depth == self._base:
                    self._take(chunk[taken:position])
                    yield from self._close()
                    taken = position
            elif self._base:
                self._take(chunk[taken : position - 1])
                yield from self._close()
                self._advance(chunk[position - 1 : position])
                # the array is closed; whatever follows is judged as objects in a row
                self._base = self._depth = 0
                taken = position
        # a backslash at the end of the chunk escapes the first byte of the next
        self._n_escaped = max(0, position - len(chunk))
        self._take(chunk[taken:])

    def _take(self, data: bytes) -> None:
        """Add bytes to the element at hand; white space and commas between elements start none."""
        if self._element is None:
            text = data.lstrip(_SPACE + b",")
            self._advance(data[: len(data) - len(text)])
            data = text
            if not data:
                return
            self._element = _Element(self._line, self._offset, self._max_bytes)
        self._element.add(data)
        self._advance(data)

    def _close(self) -> Iterator[Record]:
        if self._element is not None:
            element, self._element = self._element, None
            yield element.record()

    def _advance(self, data: bytes) -> None:
        self._offset += len(data)
        self._line += data.count(b"\n")
