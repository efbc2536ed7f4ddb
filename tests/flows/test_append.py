"""Appending to a release, trying it out first, and refusing exports that would drop conversations."""

from __future__ import annotations

import io
import json
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import polars as pl
import pytest
import zstandard

from schemas.errors import GateError
from tasks.synth.export import generate

N_FIRST, N_ALL = 24, 30


def run(export: Path, store: Path, **parameters) -> dict:
    from flows.release import release

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THOUGHTTRACE_ID_KEY", "k" * 40)
        return release(
            exports=[str(export)],
            store=str(store),
            tagging={"model": "none"},
            approval="none",
            **parameters,
        )


@pytest.fixture(scope="module")
def store(prefect_server, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("append")
    lines = list(generate(N_ALL, 11, "published", short=True).lines())
    (folder / "first.jsonl").write_bytes(b"\n".join(lines[:N_FIRST]))
    (folder / "more.jsonl").write_bytes(b"\n".join(lines[N_FIRST:]))
    run(folder / "first.jsonl", folder / "store")
    return folder / "store"


def test_other_shards_in_processes_of_their_own_change_nothing(store, monkeypatch) -> None:
    monkeypatch.setenv("THOUGHTTRACE_INGEST__SHARD_MESSAGES", "60")
    monkeypatch.setattr("flows.processes.WORTH_PROCESSES", 1)
    submitted: list[str] = []

    class Pool(ProcessPoolExecutor):
        def submit(self, work, /, *args, **kwargs):
            submitted.append(work.__name__)
            return super().submit(work, *args, **kwargs)

    monkeypatch.setattr("tasks.scrub.workers.ProcessPoolExecutor", Pool)
    assert run(store.parent / "first.jsonl", store)["status"] == "unchanged"
    shards = [name for name in submitted if name == "write_clean_shard"]
    assert len(shards) > 1
    # the first calls start the processes
    assert submitted == ["getpid", "getpid", *shards, "write_canary_proof"]


def test_exports_that_would_drop_conversations_are_refused(store) -> None:
    with pytest.raises(GateError, match=f"{N_FIRST} of the last release's {N_FIRST} conversations"):
        run(store.parent / "more.jsonl", store)


def test_a_dry_run_leaves_nothing_public_and_no_candidate(store) -> None:
    outcome = run(store.parent / "more.jsonl", store, source={"append": True}, publishing={"dry_run": True})
    assert outcome["status"] == "dry-run"
    assert outcome["counts"]["conversations"] == N_ALL
    assert [p.name for p in (store / "releases").iterdir()] == ["v1.0.0"]
    assert not [p for p in (store / "private/candidates").rglob("*") if p.is_file()]


def test_appending_adds_and_keeps(store) -> None:
    outcome = run(store.parent / "more.jsonl", store, source={"append": True})
    assert (outcome["status"], outcome["version"]) == ("published", "v1.1.0")
    before = pl.read_parquet(store / "releases/v1.0.0/messages/*.parquet")
    after = pl.read_parquet(store / "releases/v1.1.0/messages/*.parquet")
    assert before.join(after, on="message_id", how="anti").height == 0
    assert after["conversation_id"].n_unique() == N_ALL
    packed = (store / "releases/v1.1.0/thoughttrace.jsonl.zst").read_bytes()
    with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(packed)) as reader:
        ids = [json.loads(line)["id"] for line in io.BufferedReader(reader)]
    assert len(ids) == len(set(ids)) == N_ALL
    participants = pl.read_parquet(store / "releases/v1.1.0/participants/*.parquet")
    assert set(participants["first_release"]) <= {"v1.0.0", "v1.1.0"}


def test_appending_the_same_again_changes_nothing(store) -> None:
    assert run(store.parent / "more.jsonl", store, source={"append": True})["status"] == "unchanged"
