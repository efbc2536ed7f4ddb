"""Processes are started where there is enough to do, and not for what is known already."""

from __future__ import annotations

from datetime import UTC, datetime

from flows.fan_out import WORTH_PROCESSES, count_processes
from schemas.config import Settings
from schemas.refs import ArtifactRef
from schemas.run import RunContext, TableSet

RUN = RunContext("store", "private", Settings(), datetime(2026, 1, 1, tzinfo=UTC))


def shard(number: int, n_bytes: int) -> TableSet:
    return TableSet(str(number), (("messages", ArtifactRef(f"{number}", "0" * 64, 1, n_bytes)),))


def test_small_runs_are_not_even_looked_at() -> None:
    def refuse(run, shards):
        raise AssertionError("looked at")

    assert count_processes(RUN, [shard(1, 10), shard(2, 10)], refuse) == 0


def test_processes_are_for_open_shards() -> None:
    shards = [shard(number, WORTH_PROCESSES) for number in range(4)]
    assert count_processes(RUN, shards, lambda _, s: s) == RUN.settings.run.workers
    assert count_processes(RUN, shards, lambda _, s: s[:1]) == 1
    assert count_processes(RUN, shards, lambda _, s: ()) == 0


def test_other_runners_have_their_own_processes(monkeypatch) -> None:
    monkeypatch.setenv("THOUGHTTRACE_RUN__TASK_RUNNER", "dask")
    shards = [shard(number, WORTH_PROCESSES) for number in range(4)]
    assert count_processes(RUN, shards, lambda _, s: s) == 0
