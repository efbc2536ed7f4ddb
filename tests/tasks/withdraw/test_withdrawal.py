"""Withdrawn participants are gone: from the next release, from the store, from every format."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import polars as pl
import pytest
import zstandard

from schemas.errors import StaleCandidateError
from tasks.publish.diff import Removals, diff_tables
from tasks.publish.releases import list_versions, load_release, read_manifest
from tasks.publish.verify import verify_release
from tasks.publish.yank import yank_release
from tasks.storage.store import Store, open_store
from tasks.withdraw.mentions import _CHUNK, compile_mentions, count_mentions, drop_mentions
from tasks.withdraw.patch import keep_records, suppress_small_groups
from tasks.withdraw.plan import (
    extend_funnel,
    file_request,
    find_mentions,
    honoured_requests,
    make_request,
    plan_withdrawal,
    remove_participants,
)
from tasks.withdraw.purge import PurgeReport, purge_releases
from tasks.withdraw.purge_private import purge_private
from tests.publishing import publish, release, stage
from tests.release_tables import NOW, make_tables

GONE = "user3"
RECORD = b'{"id":"user3_task1_conversation1"}\n{"id":"user30_task1_conversation1"}\n{"id":"user4_task1_conversation1"}\n'


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = open_store(str(tmp_path / "store"))
    side = {"thoughttrace.jsonl.zst": zstandard.compress(RECORD), "report.html": b"<p>user3_task1</p>"}
    release(store, "v1.0.0", range(6), side_files=side)
    release(store, "v1.1.0", range(8), side_files=side)
    return store


def parquet(frame: pl.DataFrame) -> bytes:
    sink = io.BytesIO()
    frame.write_parquet(sink)
    return sink.getvalue()


def test_an_id_is_found_in_every_format() -> None:
    pattern = compile_mentions([GONE, "5f3c9a7be1d2c4a6b8907f11"])
    raw = b"my id is 5F3C9A7BE1D2C4A6B8907F11."
    nested = pl.DataFrame({"c": [{"participant_id": "user3"}], "bytes": [b"\0"]})
    for name, data in {
        "a.jsonl": RECORD,
        "a.jsonl.zst": zstandard.compress(RECORD),
        "a.json.gz": gzip.compress(RECORD),
        "a.html": b"<td>user3_task2_conversation1</td>",
        "b.txt": raw,
        "c.parquet": parquet(pl.DataFrame({"participant_id": ["user3", "user30"]})),
        "d.parquet": parquet(nested),
        "e.parquet": parquet(pl.DataFrame({"item_id": ["user3_task1_conversation1_message0"]})),
    }.items():
        assert count_mentions(data, name, pattern) == 1, name


def test_others_are_not_mistaken_for_them() -> None:
    pattern = compile_mentions([GONE])
    frame = pl.DataFrame({"participant_id": ["user30", "superuser3"], "content": ["ask user3 about it"] * 2})
    assert count_mentions(parquet(frame), "a.parquet", pattern) == 0
    assert count_mentions(b"user33_task1 auser3_task1", "a.txt", pattern) == 0


@pytest.mark.parametrize(
    "at", [_CHUNK - 30, _CHUNK - 5, _CHUNK - 1, _CHUNK, 2 * _CHUNK - 512, 2 * _CHUNK + 1]
)
def test_an_id_across_two_chunks_counts_once(at: int) -> None:
    pattern = compile_mentions([GONE])
    data = b"." * at + b"user3_task1" + b"." * (_CHUNK * 3 - at)
    assert count_mentions(data, "a.txt", pattern) == 1
    assert count_mentions(b"x" * at + b"user3_task1" + b"." * 900, "a.txt", pattern) == 0


def test_rows_and_lines_of_others_stay() -> None:
    pattern = compile_mentions([GONE])
    left = drop_mentions(zstandard.compress(RECORD), "a.jsonl.zst", pattern)
    assert left is not None
    assert zstandard.decompress(left, max_output_size=1000).count(b"\n") == 2
    frame = pl.DataFrame({"participant_id": ["user3", "user4"]})
    left = drop_mentions(parquet(frame), "a.parquet", pattern)
    assert left is not None
    assert pl.read_parquet(io.BytesIO(left))["participant_id"].to_list() == ["user4"]
    assert drop_mentions(parquet(frame.head(1)), "a.parquet", pattern) is None
    assert drop_mentions(b"{}", "a.json", pattern) is None


def test_removal_takes_theirs_and_nothing_else() -> None:
    before = make_tables(range(6))
    after = remove_participants(before, [GONE])
    others = make_tables([p for p in range(6) if f"user{p}" != GONE])
    for name in ("participants", "conversations", "messages", "thoughts", "labels"):
        assert after[name].equals(others[name]), name
    funnel = extend_funnel(before, after, before["funnel"])
    row = funnel.filter(stage="withdraw", table_name="messages").row(0, named=True)
    assert row["n_in"] == row["n_out"] + row["n_removed"] == before["messages"].height
    again = remove_participants(after, ["user5"])
    twice = extend_funnel(after, again, funnel).filter(stage="withdraw", table_name="participants")
    assert twice.select("n_in", "n_out", "n_removed").rows() == [(6, 4, 2)]
    changes = diff_tables(before, after, Removals(withdrawn=[GONE]))
    assert set(changes.filter(change="removed")["reason"]) == {"withdrawn"}


def test_small_groups_lose_their_attributes() -> None:
    tables = make_tables(range(5))
    people = tables["participants"].with_columns(
        age_band=pl.Series(["a", "a", "a", "b", "b"]), education=pl.lit("x")
    )
    safe = suppress_small_groups(people, tables["conversations"], 3)
    assert safe["age_band"].to_list() == ["a", "a", "a", None, None]
    assert safe["education"].null_count() == 2
    assert suppress_small_groups(safe, tables["conversations"], 1).equals(safe)


def test_records_of_others_stay_byte_for_byte() -> None:
    tables = make_tables(range(3))
    ids = tables["conversations"]["conversation_id"].to_list()
    survey = {"age": "x", "gender": None, "education": "Bachelor", "occupation": None, "frequency": "5"}
    lines = [json.dumps({"id": i, "survey_answers": [survey]}).encode() + b"\n" for i in ids]
    kept = remove_participants(tables, ["user1"])
    people, conversations = kept["participants"], kept["conversations"]
    same = list(keep_records(lines, people, conversations, is_strict=False))
    assert same == [line for line in lines if b"user1_" not in line]
    [first, *_] = keep_records(lines, people, conversations, is_strict=True)
    assert json.loads(first)["survey_answers"][0]["age"] == people["age_band"][0]


def test_plan_patch_yank_purge(store: Store) -> None:
    private = store.child("private")
    request = make_request([GONE], NOW)
    waiting = stage(store, "v1.2.0", range(9))
    file_request(private, request)
    file_request(private, request)
    plan = plan_withdrawal(store, private, request)
    assert [(a.version, a.n_rows["participants"]) for a in plan.releases] == [("v1.0.0", 1), ("v1.1.0", 1)]
    assert (plan.line, plan.patch) == ("v1.1.0", "v1.1.1")
    with pytest.raises(StaleCandidateError, match="withdrawals"):
        publish(store, waiting, "run-w")

    tables = remove_participants(load_release(store, "v1.1.0")[1], request.participant_ids)
    honoured = honoured_requests(private, tables["participants"]["participant_id"].to_list())
    assert honoured == [request.request_id]
    release(store, "v1.1.1", tables=tables, withdrawals=honoured)
    assert plan_withdrawal(store, private, request) == plan
    for affected in plan.releases:
        yank_release(store, affected.version, why="a participant withdrew", now=NOW, replaced_by="v1.1.1")
    assert find_mentions(store, [GONE]) == {}
    assert find_mentions(store, [GONE], yanked_too=True)

    private.put(
        "audit/v1.parquet",
        parquet(pl.DataFrame({"conversation_id": [f"{GONE}_task1_conversation1", "user4"]})),
    )
    private.put("memo/x.parquet", b"whatever")
    private.put("gold/other.jsonl", b'{"id":"user4_task1_conversation1"}')
    report = purge_releases(store, ["v1.0.0", "v1.1.0"], now=NOW)
    report = purge_private(private, [GONE], report)
    assert report.n_rewritten == 1
    assert report.deleted
    assert not private.list("candidates/")
    assert not private.list("memo/")
    assert private.list("gold/")
    left = [o.key for o in store.list() if "withdrawals/" not in o.key]
    pattern = compile_mentions([GONE])
    assert [k for k in left if count_mentions(store.get(k), k, pattern)] == []
    assert verify_release(store, "v1.1.1").is_sound
    assert purge_releases(store, ["v1.0.0", "v1.1.0"], now=NOW).n_deleted == 0
    assert list_versions(store) == ["v1.0.0", "v1.1.0", "v1.1.1"]


def test_a_withdrawal_rewrites_few_bytes(store: Store) -> None:
    before, _ = read_manifest(store, "v1.1.0")
    tables = remove_participants(load_release(store)[1], [GONE])
    release(store, "v1.1.1", tables=tables)
    after, _ = read_manifest(store, "v1.1.1")
    old = {f.sha256 for f in before.tables["messages"].files}
    # the wave of v1.1.0 does not hold the person, so its file stays
    assert len(old & {f.sha256 for f in after.tables["messages"].files}) == len(old) - 1


def test_renamed_by_digest(tmp_path: Path) -> None:
    private = open_store(str(tmp_path))
    key = "gold/tags/ab/" + "ab" * 32 + ".parquet"
    private.put(key, parquet(pl.DataFrame({"id": ["user3", "user4"]})))
    purge_private(private, [GONE], PurgeReport())
    [left] = private.list("gold/")
    assert left.key != key
    assert left.key.split("/")[2] == left.key.split("/")[3][:2]
