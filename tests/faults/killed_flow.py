"""The release and withdrawal flows in a process of its own, without Prefect, killed at a chosen write.

Counting the writes to the stores reaches every state that a killed run can leave: between any two writes
nothing changes. Processes come from a fork server that has imported everything already.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import great_expectations  # noqa: F401 (loaded once, by the fork server)
from prefect import Task

import flows.release
import flows.withdraw
import tasks.report.task
import tasks.tag.stage
from schemas.errors import ThoughttraceError
from tasks.storage.local import LocalStore
from tasks.storage.s3 import S3Store
from tasks.tag.lexical import HashedWords

_WRITES = ("create", "put", "swap", "put_file", "copy", "copy_from", "delete", "purge")
_KEPT = ("AWS_", "THOUGHTTRACE_", "OPENAI_")

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tests.faults.killed_flow", "s3fs", "aiobotocore.session"])


def start_flow(
    kind: str,
    *,
    kill_at: int = 0,
    kill_by: signal.Signals = signal.SIGKILL,
    count_to: Path | None = None,
    told_to: Path | None = None,
    n_scrubbers: int = 0,
    has_light_head: bool = False,
    is_drawing: bool = False,
    **parameters: Any,
) -> BaseProcess:
    """Start `release` or `withdraw`; the exit code is the command line's, -9 for a kill, 70 for a defect.

    Args:
        kind: which flow.
        kill_at: kill itself right after this write to a store, counted from 1; 0 means never.
        kill_by: by which signal.
        count_to: file that gets the number of writes.
        told_to: file that gets the message of an expected error.
        n_scrubbers: worker processes that scrub, however little there is to do; 0 means as the run decides.
        has_light_head: tag without loading the embedder; the labels differ from those of a plain run.
        is_drawing: write the real figures and report too.
        parameters: of the flow.
    """
    environ = {k: v for k, v in os.environ.items() if k.startswith(_KEPT)}
    process = _context.Process(
        target=_run,
        args=(
            kind,
            (kill_at, kill_by),
            count_to,
            told_to,
            n_scrubbers,
            has_light_head,
            is_drawing,
            parameters,
            environ,
        ),
    )
    process.start()
    return process


def run_flow(kind: str, **options: Any) -> int:
    """Run a flow to its end and return the exit code."""
    process = start_flow(kind, **options)
    process.join(240)
    return process.exitcode


def _run(
    kind: str,
    kill: tuple[int, signal.Signals],
    count_to: Path | None,
    told_to: Path | None,
    n_scrubbers: int,
    has_light_head: bool,
    is_drawing: bool,
    parameters: dict[str, Any],
    environ: dict[str, str],
) -> None:
    for name in [n for n in os.environ if n.startswith(_KEPT)]:
        del os.environ[name]
    os.environ.update(environ)
    counter = _count_writes(*kill)
    if not is_drawing:
        # it takes most of the time and writes nothing of its own
        tasks.report.task.render_figures = lambda *_, **__: {"figures/a.svg": b"<svg/>"}
        tasks.report.task.render_report = lambda *_, **__: b"<p>report</p>"
    if has_light_head:
        tasks.tag.stage.load_embedder = lambda _: HashedWords()
    if n_scrubbers:
        flows.release.count_processes = lambda *_: n_scrubbers
    module = {"release": flows.release, "withdraw": flows.withdraw}[kind]
    # whichever module of the flows calls a task calls the bare function
    for part in [m for n, m in sys.modules.items() if n.startswith("flows.")]:
        for name, value in list(vars(part).items()):
            if isinstance(value, Task):
                setattr(part, name, value.fn)
            elif name == "start_shards":
                setattr(part, name, _AllDone)
            elif name == "side_tasks":
                setattr(part, name, _no_side_tasks)
    code = 0
    try:
        getattr(module, kind).fn(**parameters)
    except ThoughttraceError as error:
        code = error.exit_code
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        if told_to is not None:
            told_to.write_text(str(error))
    except Exception:
        traceback.print_exc()
        code = 70
    if count_to is not None:
        count_to.write_text(str(counter()))
    os._exit(code)


class _AllDone:
    """Stands for `flows.fan_out.ShardRuns`: shards one after the other, and nothing is left to wait for."""

    def __init__(self, step: str, work: Callable[..., Any], run: Any, shards: Any, *shared: Any) -> None:
        self._results = tuple(work(run, shard, number, *shared) for number, shard in enumerate(shards, 1))

    def wait(self, n_left: int = 0) -> None:
        pass

    def results(self) -> Any:
        return self._results


@contextmanager
def _no_side_tasks(_: bool) -> Iterator[Callable[..., Future[Any]]]:
    def do_now(work: Callable[..., Any], *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(work(*args, **kwargs))
        return done

    yield do_now


def _count_writes(kill_at: int, kill_by: signal.Signals) -> Callable[[], int]:
    lock = threading.Lock()
    n_writes = 0

    def counted(write: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal n_writes
            result = write(*args, **kwargs)
            with lock:
                n_writes += 1
                if n_writes == kill_at:
                    os.kill(os.getpid(), kill_by)
            return result

        return call

    for store in (LocalStore, S3Store):
        for name in _WRITES:
            if hasattr(store, name):
                setattr(store, name, counted(getattr(store, name)))
    return lambda: n_writes
