"""Processes are started where there is enough to do, and not beside a runner that has its own."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.fan_out import EXPORT_OF_A_SHARD, WORTH_PROCESSES, count_processes
from schemas.config import Settings
from schemas.errors import InputError
from schemas.run import RunContext

RUN = RunContext("store", "private", Settings(), datetime(2026, 1, 1, tzinfo=UTC))


def export(folder: Path, n_bytes: int) -> list[str]:
    (folder / "a.jsonl").write_bytes(b" " * n_bytes)
    return [str(folder)]


def test_small_runs_start_none(tmp_path) -> None:
    assert count_processes(RUN, export(tmp_path, WORTH_PROCESSES - 1)) == 0


def test_processes_are_as_many_as_there_are_shards(tmp_path) -> None:
    many = replace(RUN, settings=Settings.model_validate({"run": {"workers": 8}}))
    assert count_processes(many, export(tmp_path, WORTH_PROCESSES)) == 2
    assert count_processes(many, export(tmp_path, 3 * EXPORT_OF_A_SHARD)) == 3
    assert count_processes(RUN, export(tmp_path, 3 * EXPORT_OF_A_SHARD)) == RUN.settings.run.workers
    one = replace(RUN, settings=Settings.model_validate({"run": {"workers": 1}}))
    assert count_processes(one, export(tmp_path, WORTH_PROCESSES)) == 0


def test_what_is_missing_is_told(tmp_path) -> None:
    with pytest.raises(InputError):
        count_processes(RUN, [str(tmp_path / "none.jsonl")])


def test_other_runners_have_their_own_processes(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("THOUGHTTRACE_RUN__TASK_RUNNER", "dask")
    assert count_processes(RUN, export(tmp_path, WORTH_PROCESSES)) == 0
