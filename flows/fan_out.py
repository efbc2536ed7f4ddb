"""One task run a shard: where they run, and how their results are gathered."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from prefect import Task
from prefect.exceptions import TerminationSignal
from prefect.futures import PrefectFuture, as_completed
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner
from prefect.utilities.callables import get_call_parameters

from flows.processes import runner_kind
from flows.progress import advance
from flows.telling import ShardProgress
from schemas.errors import ConfigError
from schemas.run import RunContext, TableSet

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

PATIENCE_S = 3
"""Seconds that a terminated run has to end by itself."""


def runner() -> TaskRunner[Any]:
    """The task runner of this process, by `THOUGHTTRACE_RUN__TASK_RUNNER` and its neighbours.

    Deployed flows take the runner they were decorated with, so it is chosen when the flow is imported
    and from the environment alone.

    Raises:
        ConfigError: an unknown runner, or one whose extra is not installed.
    """
    kind = runner_kind()
    workers = int(os.environ.get("THOUGHTTRACE_RUN__WORKERS", "2"))
    address = os.environ.get("THOUGHTTRACE_RUN__TASK_RUNNER_ADDRESS", "")
    if kind == "threads":
        return ThreadPoolTaskRunner(max_workers=workers)
    if kind == "processes":
        from prefect.task_runners import ProcessPoolTaskRunner

        return ProcessPoolTaskRunner(max_workers=workers)
    try:
        if kind == "dask":
            from prefect_dask import DaskTaskRunner  # pyright: ignore[reportMissingImports]

            return DaskTaskRunner(address=address or None)
        if kind == "ray":
            from prefect_ray import RayTaskRunner  # pyright: ignore[reportMissingImports]

            return RayTaskRunner(address=address or None)
    except ImportError:
        raise ConfigError(f"task runner {kind!r} needs `pip install thoughttrace[{kind}]`") from None
    raise ConfigError(f"unknown task runner {kind!r}: use threads, processes, dask or ray")


class Pending(Protocol[T_co]):
    """A task that runs, or will."""

    def result(self) -> T_co:
        """Wait for its result."""
        ...


class Beside(Protocol):
    """Starts a task that runs beside the next ones; ask for its result before the block ends."""

    def __call__(self, task: Task[..., T], *args: Any, **kwargs: Any) -> Pending[T]:
        """Start it."""
        ...


@dataclass(frozen=True, slots=True)
class _Later(Generic[T]):
    """A task that is started where its result is asked for."""

    start: Callable[[], PrefectFuture[T]]

    def result(self) -> T:
        return self.start().result()


@contextmanager
def side_tasks(are_beside: bool) -> Generator[Beside]:
    """Open threads for tasks that wait for another process, apart from those of the shards.

    Args:
        are_beside: False runs each by itself, where its result is asked for: one core, or little memory.
    """
    with ThreadPoolTaskRunner(max_workers=2) as threads:

        def beside(task: Task[..., T], *args: Any, **kwargs: Any) -> Pending[T]:
            def start() -> PrefectFuture[T]:
                return threads.submit(task, get_call_parameters(task.fn, args, kwargs))

            return start() if are_beside else _Later(start)

        try:
            yield beside
        except TerminationSignal:
            _end_soon()
            raise


class ShardRuns(Generic[T]):
    """The runs of one task, one a shard, that were started together."""

    def __init__(self, step: str, futures: Sequence[PrefectFuture[T]]) -> None:
        """Take what was started.

        Args:
            step: what the progress bar says.
            futures: one a shard, in the order of the shards.
        """
        self._step = step
        self._futures = futures
        self._finished = as_completed(list(futures))
        self._progress = ShardProgress(step, len(futures))
        self._n_done = 0
        advance(step, 0, len(futures))

    def wait(self, n_left: int = 0) -> None:
        """Wait until no more than so many shards are left; the first failure is raised, finished shards stay done."""
        try:
            while self._n_done < len(self._futures) - n_left:
                next(self._finished).result()
                self._n_done += 1
                advance(self._step, self._n_done, len(self._futures))
                self._progress.done(self._n_done)
        except TerminationSignal:
            _end_soon()
            raise

    def results(self) -> tuple[T, ...]:
        """Wait for all, and return the results in the order of the shards."""
        self.wait()
        return tuple(future.result() for future in self._futures)


def start_shards(
    step: str, task: Task[..., T], run: RunContext, shards: Sequence[TableSet], *shared: Any
) -> ShardRuns[T]:
    """Start a task for every shard.

    Args:
        step: what the progress bar says.
        task: called with the run, one shard, its number from 1, and `shared`.
        run: the run.
        shards: one entry a shard.
        shared: the same for every shard.
    """
    # the newest conversations come last, and take longest where all others are known
    numbered = list(enumerate(shards, 1))[::-1]
    futures = [task.submit(run, shard, number, *shared) for number, shard in numbered]
    return ShardRuns(step, futures[::-1])


def over_shards(
    step: str, task: Task[..., T], run: RunContext, shards: Sequence[TableSet], *shared: Any
) -> tuple[T, ...]:
    """Run a task for every shard and return the results in the order of the shards; see `start_shards`.

    The first failure stops the run; finished shards stay done.
    """
    return start_shards(step, task, run, shards, *shared).results()


def _end_soon() -> None:
    """End this process even if a shard is in work: a thread cannot be told to stop, and nothing is lost by a kill.

    Otherwise a cancelled run goes on until its worker loses patience after 30 s.
    """
    timer = threading.Timer(PATIENCE_S, os.kill, (os.getpid(), signal.SIGKILL))
    timer.daemon = True
    timer.start()
