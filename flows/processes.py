"""How many processes of its own a release takes; known before Prefect is imported, which takes a while."""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import partial

from flows.settings import resolve_settings
from schemas.config import Settings
from schemas.errors import ThoughttraceError
from tasks.scrub.workers import scrub_workers, warm_up
from tasks.storage.inputs import list_inputs

WORTH_PROCESSES = 2_000_000
"""Bytes of exports from which on two processes of their own save more than their start costs."""
EXPORT_OF_A_SHARD = 6_000_000
"""Bytes of an export that make about a shard: more processes than shards have nothing to do."""


def runner_kind() -> str:
    """The name of the task runner that the environment asks for."""
    return os.environ.get("THOUGHTTRACE_RUN__TASK_RUNNER", "threads")


def count_processes(settings: Settings, exports: Sequence[str]) -> int:
    """How many processes of its own a step should work in; 0 where shards run elsewhere or are soon done.

    Args:
        settings: of the run.
        exports: export files, folders, patterns or addresses.

    Raises:
        InputError: one of them does not exist.
    """
    if runner_kind() != "threads":
        return 0
    n_bytes = sum(file.size for file in list_inputs(exports))
    if n_bytes < WORTH_PROCESSES or settings.run.workers < 2:
        return 0
    return min(settings.run.workers, max(2, n_bytes // EXPORT_OF_A_SHARD))


def open_processes(settings: Settings, n_processes: int) -> AbstractContextManager[None]:
    """Open the processes of a release, or go on with those that are open; they end with the block.

    Args:
        settings: of the run.
        n_processes: how many; see `count_processes`.
    """
    return scrub_workers(n_processes, partial(warm_up, settings.privacy))


@contextmanager
def open_processes_early(exports: Sequence[str], config_file: str = "") -> Generator[None]:
    """Open the processes of a release before its flow does: they load their models while Prefect starts.

    Args:
        exports: as the flow will get them.
        config_file: as the flow will get it.
    """
    with ExitStack() as opened:
        # whatever is wrong, the flow tells it
        with suppress(ThoughttraceError):
            # a bucket is listed once, by the flow
            if not any("://" in export for export in exports):
                settings = resolve_settings(config_file or None, {}).settings
                opened.enter_context(open_processes(settings, count_processes(settings, exports)))
        yield
