"""Processes are started where there is enough to do, and not beside a runner that has its own."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import pytest

from flows.processes import EXPORT_OF_A_SHARD, WORTH_PROCESSES, count_processes, open_processes_early
from schemas.config import Settings
from schemas.errors import InputError
from tasks.scrub.workers import in_worker, scrub_workers

SETTINGS = Settings()


def export(folder: Path, n_bytes: int) -> list[str]:
    (folder / "a.jsonl").write_bytes(b" " * n_bytes)
    return [str(folder)]


def test_small_runs_start_none(tmp_path) -> None:
    assert count_processes(SETTINGS, export(tmp_path, WORTH_PROCESSES - 1)) == 0


def test_processes_are_as_many_as_there_are_shards(tmp_path) -> None:
    many = Settings.model_validate({"run": {"workers": 8}})
    assert count_processes(many, export(tmp_path, WORTH_PROCESSES)) == 2
    assert count_processes(many, export(tmp_path, 3 * EXPORT_OF_A_SHARD)) == 3
    assert count_processes(SETTINGS, export(tmp_path, 3 * EXPORT_OF_A_SHARD)) == SETTINGS.run.workers
    one = Settings.model_validate({"run": {"workers": 1}})
    assert count_processes(one, export(tmp_path, WORTH_PROCESSES)) == 0


def test_what_is_missing_is_told(tmp_path) -> None:
    with pytest.raises(InputError):
        count_processes(SETTINGS, [str(tmp_path / "none.jsonl")])


def test_other_runners_have_their_own_processes(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("THOUGHTTRACE_RUN__TASK_RUNNER", "dask")
    assert count_processes(SETTINGS, export(tmp_path, WORTH_PROCESSES)) == 0


def test_processes_that_were_opened_early_are_those_of_the_run(tmp_path) -> None:
    with open_processes_early(export(tmp_path, WORTH_PROCESSES)):
        pids = {in_worker(os.getpid) for _ in range(20)}
        assert os.getpid() not in pids
        early = {child.pid for child in multiprocessing.active_children()}
        assert pids <= early
        with scrub_workers(2):
            assert in_worker(os.getpid) in early
            assert {child.pid for child in multiprocessing.active_children()} == early
        # they ended with the run
        assert in_worker(os.getpid) == os.getpid()


def test_what_is_wrong_with_a_run_is_left_for_the_run_to_tell(tmp_path) -> None:
    for exports, config in (([str(tmp_path / "none.jsonl")], ""), (export(tmp_path, 1), str(tmp_path))):
        with open_processes_early(exports, config):
            assert in_worker(os.getpid) == os.getpid()
