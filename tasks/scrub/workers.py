"""Processes of their own for scrubbing and what proves it: Python runs one thread at a time, so threads share a core.

A worker loads the models once, while Prefect starts and the exports are read, and takes one piece of work after the
other; it reads and writes the private store itself, so that no table passes between the processes. Workers end with the
run: by the end of the `with` block, and by themselves when the process that started them is gone, however it died.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import Any, ParamSpec, TypeVar

from schemas.config import PrivacySettings
from schemas.errors import InternalError

P = ParamSpec("P")
R = TypeVar("R")


class _Workers:
    """Processes of one run, and the pipe whose end tells them to end."""

    def __init__(self, n_workers: int, prepare: Callable[[], object] | None) -> None:
        context = multiprocessing.get_context("spawn")
        theirs: Any
        theirs, self._lifeline = context.Pipe(duplex=False)
        self.pool = ProcessPoolExecutor(
            n_workers, mp_context=context, initializer=_begin, initargs=(theirs, prepare)
        )
        # a process starts with a call that finds no idle one
        for _ in range(n_workers):
            self.pool.submit(os.getpid)
        self._theirs = theirs
        self.is_closed = False

    def close(self) -> None:
        self.is_closed = True
        self.pool.shutdown(wait=False, cancel_futures=True)
        # the workers wait for the other end of this pipe to close
        self._lifeline.close()
        self._theirs.close()


def warm_up(privacy: PrivacySettings) -> None:
    """Load what this process will read texts with.

    Raises:
        ConfigError: see `tasks.scrub.engine.build_detector`.
    """
    # the process that starts the workers need not wait for what they import
    from tasks.scrub import shard
    from tasks.scrub.opened import load_detector

    del shard
    load_detector(privacy)


_open: _Workers | None = None


@contextmanager
def scrub_workers(n_workers: int, prepare: Callable[[], object] | None = None) -> Generator[None]:
    """Open worker processes for `in_worker`; with fewer than two, work stays in this process.

    Inside another such block the processes of that one are used, and end with this one: so they can be started
    before it is known when they are needed.

    Args:
        n_workers: processes; each takes about 300 MB.
        prepare: a module's function that each of them calls first; the caller does not wait for it.
    """
    global _open
    if n_workers < 2:
        yield
        return
    workers = _open = _open or _Workers(n_workers, prepare)
    try:
        yield
    finally:
        _open = None
        workers.close()


def in_worker(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a module's function in a worker process where some are open, else here; waits for the result.

    Raises:
        InternalError: the worker died; what was finished stays, and the same run goes on from there.
    """
    workers = _open
    if workers is None:
        return work(*args, **kwargs)
    with _telling_death(workers):
        return workers.pool.submit(work, *args, **kwargs).result()


def start_in_worker(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Callable[[], R]:
    """Start a module's function in a worker process; what is returned waits for the result.

    Without worker processes, or where one died while there was nothing to do, the work is done here and at once.
    """
    workers = _open
    if workers is not None:
        with suppress(BrokenProcessPool):
            future = workers.pool.submit(work, *args, **kwargs)
            return lambda: _wait(workers, future)
    result = work(*args, **kwargs)
    return lambda: result


def _wait(workers: _Workers, future: Future[R]) -> R:
    with _telling_death(workers):
        return future.result()


@contextmanager
def _telling_death(workers: _Workers) -> Generator[None]:
    try:
        yield
    except (BrokenProcessPool, CancelledError, MemoryError) as error:
        if workers.is_closed:
            raise InternalError("the run ended before this was done") from None
        what = (
            "ran out of memory"
            if isinstance(error, MemoryError)
            else "was killed, most likely for want of memory"
        )
        raise InternalError(
            f"a process that scrubs {what}; start the run again, it goes on from the finished shards; "
            "fewer at a time: `run.workers`"
        ) from None


def _begin(lifeline: Connection, prepare: Callable[[], object] | None) -> None:
    # Ctrl-C is for the process that started us; it closes the lifeline
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def end_with_parent() -> None:
        try:
            lifeline.recv_bytes()
        except (EOFError, OSError):
            os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()
    if prepare is not None:
        # what fails here fails again where it is needed, and is told there
        with suppress(Exception):
            prepare()
