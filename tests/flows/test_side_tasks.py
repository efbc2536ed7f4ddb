"""Tasks beside the others: their errors are told, and a run that ends does not wait for what they wait for."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from prefect import flow, task
from prefect.exceptions import TerminationSignal
from prefect.task_runners import ThreadPoolTaskRunner

import flows.fan_out
from flows.fan_out import side_tasks, start_shards
from schemas.errors import BudgetError, DataError, InternalError, ReviewPendingError
from tasks.scrub.workers import in_worker, scrub_workers

LONG_S = 60


@task
def wait_for_a_worker() -> None:
    in_worker(time.sleep, LONG_S)


@task
def fail() -> None:
    raise DataError("a row is missing")


def test_the_error_of_the_run_is_told_without_waiting(prefect_server) -> None:
    @flow
    def run() -> None:
        with side_tasks(True) as beside, scrub_workers(2):
            beside(wait_for_a_worker)
            time.sleep(1)
            raise BudgetError("spent")

    began = time.monotonic()
    with pytest.raises(BudgetError, match="spent"):
        run()
    assert time.monotonic() - began < LONG_S / 2


def test_a_task_that_the_end_of_the_run_cuts_off_says_so(prefect_server) -> None:
    told: list[str] = []

    @task
    def wait_and_tell() -> None:
        try:
            wait_for_a_worker.fn()
        except InternalError as error:
            told.append(str(error))

    @flow
    def run() -> None:
        with side_tasks(True) as beside, scrub_workers(2):
            beside(wait_and_tell)
            time.sleep(1)
            raise ReviewPendingError("2 spans wait")

    with pytest.raises(ReviewPendingError):
        run()
    assert told == ["the run ended before this was done"]


def test_the_error_of_a_side_task_is_told_where_its_result_is_asked_for(prefect_server) -> None:
    reached: list[str] = []

    @flow
    def run() -> None:
        with side_tasks(True) as beside:
            failed = beside(fail)
            reached.append("body")
            failed.result()

    with pytest.raises(DataError, match="a row is missing"):
        run()
    assert reached == ["body"]


def test_without_processes_a_task_runs_where_its_result_is_asked_for(prefect_server) -> None:
    done: list[str] = []

    @task
    def note(what: str) -> None:
        done.append(what)

    @flow
    def run() -> None:
        with side_tasks(False) as beside:
            later = beside(note, "task")
            done.append("body")
            later.result()

    run()
    assert done == ["body", "task"]


def test_a_cancelled_run_ends_soon(prefect_server, monkeypatch) -> None:
    ended: list[bool] = []
    monkeypatch.setattr(flows.fan_out, "_end_soon", lambda: ended.append(True))
    with pytest.raises(TerminationSignal), side_tasks(True):
        raise TerminationSignal(15)
    assert ended == [True]


def test_what_runs_beside_starts_when_a_worker_finds_no_shard(prefect_server) -> None:
    """Of three shards on two workers the last one is still in work."""
    began, go_on = threading.Event(), threading.Event()
    done: list[int] = []

    @task
    def work(run: Any, shard: Any, number: int) -> int:
        if number == 1:
            began.set()
            assert go_on.wait(LONG_S)
        done.append(number)
        return number

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=2))
    def run() -> tuple[list[int], tuple[int, ...]]:
        shards = start_shards("working", work, None, [None, None, None])  # pyright: ignore[reportArgumentType]
        shards.wait(n_left=1)
        assert began.wait(LONG_S)
        before = sorted(done)
        go_on.set()
        return before, shards.results()

    assert run() == ([2, 3], (1, 2, 3))


def test_the_error_of_a_shard_is_told_before_more_is_started(prefect_server) -> None:
    @task
    def work(run: Any, shard: Any, number: int) -> int:
        if number == 3:
            raise DataError("a row is missing")
        return number

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=1))
    def run() -> None:
        start_shards("working", work, None, [None, None, None]).wait(n_left=1)  # pyright: ignore[reportArgumentType]

    with pytest.raises(DataError, match="a row is missing"):
        run()
