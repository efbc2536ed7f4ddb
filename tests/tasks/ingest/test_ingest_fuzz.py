"""Whatever the bytes: no error but the expected ones, no row lost, nothing read twice."""

from __future__ import annotations

import gzip
import io
import json
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from schemas.errors import InputError, ThoughttraceError
from schemas.rules import RULES
from tasks.ingest.records import split_records
from tasks.validate.staged import validate_across, validate_staged
from tests.exports import BUILDERS, Read, jsonl, line, read_bytes

SLOW = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))

SNIPPETS = [
    b'"',
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b"\n",
    b"\x00",
    b"\xff",
    b"\\u0000",
    b"\\ud800",
    b"1e999",
    b"null",
]
SNIPPETS += [
    b'"id":',
    b" :",
    b"NaN",
    b"\r",
    b"\xef\xbb\xbf",
    b"[" * 300,
    b"9" * 5_000,
    "ß🌿".encode(),
    b'{"a":1}',
]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """An export with bytes cut out, put in or moved."""
    dialect = draw(st.sampled_from(sorted(BUILDERS)))
    records = [BUILDERS[dialect](i, n=draw(st.sampled_from([2, 4]))) for i in range(draw(st.integers(1, 4)))]
    as_lines = draw(st.booleans())
    data = (
        jsonl(records) if as_lines else json.dumps(records, indent=draw(st.sampled_from([None, 1]))).encode()
    )
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        gone = draw(st.sampled_from([0, 0, 1, 5, 200]))
        data = data[:at] + draw(st.sampled_from(SNIPPETS) | st.binary(max_size=6)) + data[at + gone :]
    return draw(st.sampled_from([lambda d: d, lambda d: d, gzip.compress]))(data)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def misshapen(draw: st.DrawFn) -> bytes:
    """Valid JSON of a dialect in which some values were replaced or removed."""
    dialect = draw(st.sampled_from(sorted(BUILDERS)))
    records = [BUILDERS[dialect](i) for i in range(3)]
    for _ in range(draw(st.integers(1, 3))):
        target: Any = records[draw(st.integers(1, 2))]
        while True:
            keys = list(target) if isinstance(target, dict) else list(range(len(target)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(target[key], dict | list) and target[key] and draw(st.integers(0, 3)):
                target = target[key]
                continue
            if draw(st.booleans()):
                target[key] = draw(JSON)
            else:
                del target[key]
            break
    return jsonl(records)


def check_laws(read: Read) -> None:
    reader = read.reader
    for _, _, n_in, n_out, n_quarantined, n_removed in reader.funnel.rows():
        assert min(n_in, n_out, n_quarantined, n_removed) >= 0
        assert n_in == n_out + n_quarantined + n_removed
    out = dict(reader.funnel["table_name", "n_out"].rows())
    frames = {
        name: [getattr(s, name) for s in read.pages] for name in ("conversations", "messages", "thoughts")
    }
    assert {name: sum(f.height for f in found) for name, found in frames.items()} == {
        name: out[name] for name in frames
    }
    assert set(reader.quarantine["rule"]) <= set(RULES)
    assert (reader.n_quarantined == 0) == (reader.quarantine.height == 0)
    ids = []
    for shard in read.pages:
        result = validate_staged(shard.conversations, shard.messages, shard.thoughts)
        assert result.conversations.height + result.quarantine["conversation_key"].n_unique() == (
            shard.conversations.height
        )
        ids.append(result.ids)
    for frame in ids:
        validate_across(frame)


@SLOW
@given(damaged())
def test_damaged_exports(data: bytes) -> None:
    try:
        read = read_bytes(data, page_messages=8)
    except ThoughttraceError:
        return
    check_laws(read)


@SLOW
@given(misshapen())
def test_misshapen_records(data: bytes) -> None:
    read = read_bytes(data, page_messages=8)
    check_laws(read)
    assert read.reader.n_lines == 3
    # the first record is untouched
    assert read.pages
    assert 1 in read.table("conversations")["line"]


@SLOW
@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    # bytes as short as this hold no record of any dialect
    with pytest.raises(InputError, match=r"export0\.jsonl"):
        read_bytes(data)


@SLOW
@example([b"\x00\r"], 1)
@example([b"ab\r", b"c"], 1)
@given(st.lists(st.binary(max_size=30).map(lambda b: b.replace(b"\n", b"")), max_size=8), st.integers(1, 64))
def test_lines_are_conserved(lines: list[bytes], max_bytes: int) -> None:
    data = b"x" + b"\n".join(lines)
    records = list(split_records(io.BufferedReader(io.BytesIO(data), 16), "x", max_bytes))
    assert [(r.line, r.n_bytes) for r in records] == [
        (i, len(part.rstrip(b"\r")))
        for i, part in enumerate(data.split(b"\n"), 1)
        if part or i <= data.count(b"\n")
    ]
    for record in records:
        body = data[record.byte_offset : record.byte_offset + record.n_bytes]
        assert record.data == (None if len(body) > max_bytes else body.strip(b" \t\r\n"))


@settings(SLOW, max_examples=60)
@given(
    st.lists(st.dictionaries(st.text(max_size=8), JSON, max_size=3), min_size=1, max_size=4),
    st.sampled_from([None, 0, 2]),
    st.integers(1, 40),
)
def test_documents_are_split_where_json_says(records: list[Any], indent: int | None, chunk: int) -> None:
    data = json.dumps(records, indent=indent).encode()
    with mock.patch("tasks.ingest.records._CHUNK", chunk):
        found = list(split_records(io.BufferedReader(io.BytesIO(data), 16), "x", 10_000))
    assert [json.loads(r.data or b"") for r in found] == records
    for record in found:
        assert data[record.byte_offset : record.byte_offset + record.n_bytes] == record.data
        assert data[: record.byte_offset].count(b"\n") == record.line - 1


def test_reading_twice_gives_the_same() -> None:
    data = jsonl([line(BUILDERS["published"](i)) for i in range(30)]) + b"{bad"
    first, second = (read_bytes(data, page_messages=20) for _ in range(2))
    assert first.reader.quarantine.equals(second.reader.quarantine)
    for one, other in zip(first.pages, second.pages, strict=True):
        assert one.messages.equals(other.messages)
