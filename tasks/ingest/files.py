"""Export files as records that know their dialect and place."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from types import MappingProxyType
from typing import BinaryIO

from schemas.config import IngestSettings
from schemas.errors import InputError
from tasks.ingest.dialects import N_LOOKED_AT, accepting_dialect, recognise_dialect
from tasks.ingest.records import Record, split_records
from tasks.ingest.rows import Place
from tasks.ingest.unpack import Member, printable_name, unpack
from tasks.storage.inputs import InputFile

Opener = Callable[[InputFile], BinaryIO]
_CHUNK = 1 << 20
_LOOK_BYTES = 8 << 20


def digest_inputs(files: Sequence[InputFile], *, open_input: Opener) -> Mapping[str, str]:
    """Return the sha256 of each file's bytes as stored, by URI.

    Raises:
        InputError: a file cannot be read.
    """
    digests: dict[str, str] = {}
    for file in files:
        digest = hashlib.sha256()
        try:
            with open_input(file) as stream:
                while chunk := stream.read(_CHUNK):
                    digest.update(chunk)
        except OSError as error:
            raise _unreadable(file, error) from error
        digests[file.uri] = digest.hexdigest()
    return MappingProxyType(digests)


def read_records(
    file: InputFile, file_sha256: str, settings: IngestSettings, *, open_input: Opener, counted: Counter[str]
) -> Iterator[tuple[Place, bytes | None]]:
    """Yield the records of a file, of all members of an archive: place, and bytes where not too long.

    Args:
        file: the file.
        file_sha256: its digest.
        settings: limits.
        open_input: opens the file; the stream must be able to seek.
        counted: blank lines are counted here.

    Raises:
        InputError: the file cannot be read, is empty or damaged, or its dialect is unknown.
    """
    try:
        with open_input(file) as packed:
            for member in unpack(packed, printable_name(file.name), settings):
                yield from _read_member(member, file_sha256, settings, counted)
    except OSError as error:
        raise _unreadable(file, error) from error


def _read_member(
    member: Member, file_sha256: str, settings: IngestSettings, counted: Counter[str]
) -> Iterator[tuple[Place, bytes | None]]:
    max_bytes = settings.max_line_mb * 1_000_000
    records = _without_blanks(split_records(member.stream, member.name, max_bytes), counted)
    first: list[Record] = []
    for record in records:
        first.append(record)
        n_bytes = sum(len(r.data or b"") for r in first)
        if len(first) == N_LOOKED_AT or n_bytes > _LOOK_BYTES or accepting_dialect(record.data) is not None:
            break
    dialect = recognise_dialect(first, member.name)
    for record in chain(first, records):
        yield Place(dialect, member.name, file_sha256, *record[:4]), record.data


def _without_blanks(records: Iterator[Record], counted: Counter[str]) -> Iterator[Record]:
    for record in records:
        if record.data == b"":
            counted["line.blank"] += 1
        else:
            yield record


def _unreadable(file: InputFile, error: OSError) -> InputError:
    reason = error.strerror or type(error).__name__
    return InputError(f"cannot read {printable_name(file.name)}: {reason}")
