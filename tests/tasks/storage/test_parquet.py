"""Parquet bytes are decided by the rows and the definition, nothing else."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import DataError, VerificationError
from schemas.fields import CONVERSATIONS, MESSAGES, PARTICIPANTS
from tasks.storage.parquet import encode_table, fingerprint_rows, fingerprint_schema
from tasks.storage.store import open_store
from tasks.storage.tables import canonical_json, read_json, read_table, scan_table, write_json, write_table


def messages(texts: list[str]) -> pl.DataFrame:
    n = len(texts)
    return pl.DataFrame(
        {
            "message_id": [f"c_{i}" for i in range(n)],
            "conversation_id": ["c"] * n,
            "position": list(range(n)),
            "role": ["user"] * n,
            "content": texts,
            "offset_s": [float(i) for i in range(n)],
            "stage": ["early"] * n,
            "language": ["en"] * n,
            "n_redactions": [0] * n,
            "sensitive": [["health"] if i % 3 == 0 else [] for i in range(n)],
        },
        schema=MESSAGES.polars_schema(),
    )


@given(st.lists(st.text(), min_size=1, max_size=30), st.integers(1, 29))
@settings(max_examples=30, deadline=None)
def test_chunks_do_not_show(texts: list[str], cut: int) -> None:
    whole = messages(texts)
    pieces = pl.concat([whole.slice(0, cut), whole.slice(cut)], rechunk=False)
    assert encode_table(pieces, MESSAGES) == encode_table(whole, MESSAGES)
    assert fingerprint_rows(pieces, MESSAGES) == fingerprint_rows(whole, MESSAGES)


@given(st.lists(st.text(max_size=3), min_size=1, max_size=6), st.lists(st.text(max_size=3), max_size=6))
@settings(max_examples=60, deadline=None)
def test_fingerprint_tells_rows_apart(left: list[str], right: list[str]) -> None:
    same = fingerprint_rows(messages(left), MESSAGES) == fingerprint_rows(messages(right), MESSAGES)
    assert same == (left == right)


def test_fingerprint_tells_null_from_a_value() -> None:
    frame = CONVERSATIONS.empty()
    row = {
        "conversation_id": "c",
        "participant_id": "p",
        "task_no": 0,
        "model_name": "m",
        "started_at": datetime(2026, 5, 1, tzinfo=UTC),
        "duration_s": 1.0,
        "task_summary": "",
        "task_expectation": None,
        "language": "en",
        "n_messages": 2,
        "n_reasons": 0,
        "n_reactions": 0,
        "split": "train",
        "model_provider": None,
    }
    one = pl.DataFrame([row], schema=frame.schema)
    two = pl.DataFrame([{**row, "task_summary": None, "task_expectation": ""}], schema=frame.schema)
    assert fingerprint_rows(one, CONVERSATIONS) != fingerprint_rows(two, CONVERSATIONS)
    assert fingerprint_rows(one, CONVERSATIONS) == fingerprint_rows(one.clone(), CONVERSATIONS)


def test_file_carries_schema_page_index_and_no_trace_of_the_run() -> None:
    data = encode_table(messages(["a", "b"]), MESSAGES, sort_by=("conversation_id", "position"))
    file = pq.ParquetFile(io.BytesIO(data))
    assert file.schema_arrow.equals(MESSAGES.arrow_schema(), check_metadata=False)
    content = file.schema_arrow.field("content")
    assert content.metadata[b"description"] == b"Text of the message, scrubbed."
    assert set(file.schema_arrow.metadata) == {b"table", b"schema_version"}
    group = file.metadata.row_group(0)
    assert [s.column_index for s in group.sorting_columns] == [1, 2]
    assert group.column(0).has_offset_index
    assert group.column(0).compression == "ZSTD"


def test_row_groups_are_cut_exactly() -> None:
    file = pq.ParquetFile(io.BytesIO(encode_table(messages(["x"] * 2_500), MESSAGES, row_group_rows=1_000)))
    assert [file.metadata.row_group(i).num_rows for i in range(3)] == [1_000, 1_000, 500]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda f: f.drop("role"),
        lambda f: f.with_columns(extra=1),
        lambda f: f.with_columns(pl.col("position").cast(pl.Int64)),
        lambda f: f.with_columns(content=pl.lit(None, pl.String)),
    ],
)
def test_frames_that_do_not_fit_are_refused(spoil) -> None:
    with pytest.raises(DataError, match="table messages"):
        encode_table(spoil(messages(["a"])), MESSAGES)


def test_tables_travel_and_damage_is_seen(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    frame = messages(["a", "b"])
    ref = write_table(store, "x/messages.parquet", frame, MESSAGES)
    assert ref.n_rows == 2
    assert ref.sha256 == hashlib.sha256(store.get(ref.uri)).hexdigest()
    assert read_table(store, ref, MESSAGES).equals(frame)
    with pytest.raises(DataError, match="participants"):
        read_table(store, ref, PARTICIPANTS)
    with pytest.raises(VerificationError, match="not the ones"):
        read_table(store, replace(ref, sha256="0" * 64))


def test_json_is_canonical(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    assert canonical_json({"b": 1, "a": "ü"}) == '{"a":"ü","b":1}\n'.encode()
    write_json(store, "a.json", {"x": [1]})
    assert read_json(store, "a.json") == {"x": [1]}
    store.put("b.json", b'{"x":')
    with pytest.raises(VerificationError, match=r"b\.json"):
        read_json(store, "b.json")


def test_schema_fingerprint_follows_nullability() -> None:
    fields = (replace(MESSAGES.fields[0], nullable=True), *MESSAGES.fields[1:])
    assert fingerprint_schema(replace(MESSAGES, fields=fields)) != fingerprint_schema(MESSAGES)


def test_a_scan_gives_the_same_rows_and_refuses_the_same_files(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    frame = messages(["a", "b", "c"])
    ref = write_table(store, "messages.parquet", frame, MESSAGES)
    lazy = scan_table(store, ref, MESSAGES)
    assert lazy.collect().equals(read_table(store, ref, MESSAGES))
    assert lazy.select("role").collect(engine="streaming").height == 3
    with pytest.raises(DataError, match="other columns"):
        scan_table(store, ref, PARTICIPANTS)
    store.put("messages.parquet", encode_table(messages(["x"]), MESSAGES))
    with pytest.raises(VerificationError, match="not the ones"):
        scan_table(store, ref, MESSAGES)
