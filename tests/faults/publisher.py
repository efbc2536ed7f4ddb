"""Publishing in a process of its own, to be killed.

Processes come from a fork server that has imported everything already: starting one takes milliseconds.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from datetime import UTC, datetime
from multiprocessing.process import BaseProcess
from pathlib import Path

from schemas.errors import ThoughttraceError
from tasks.publish import compare, publish, verify  # noqa: F401 (loaded once, by the fork server)
from tasks.storage import s3  # noqa: F401
from tasks.storage.store import open_store

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tests.faults.publisher", "s3fs", "aiobotocore.session"])


def start_publisher(
    uri: str,
    candidate_id: str,
    publish_id: str,
    *,
    crash_at: str = "",
    sleep_at: str = "",
    sleep_s: float = 0.0,
    single_writer: bool = False,
    said: Path | None = None,
) -> BaseProcess:
    """Start to publish; the exit code is the one of the command line, or -9 for a crash.

    Args:
        uri: store.
        candidate_id: what to publish.
        publish_id: name of the run.
        crash_at: kill -9 itself after this step.
        sleep_at: wait after this step, so that races meet.
        sleep_s: for so long.
        single_writer: as the flag.
        said: file that gets the error's class and message.
    """
    # the fork server keeps the environment that it was started with
    environ = {k: v for k, v in os.environ.items() if k.startswith("AWS_")}
    arguments = (uri, candidate_id, publish_id, crash_at, sleep_at, sleep_s, single_writer, said, environ)
    process = _context.Process(target=_publish, args=arguments)
    process.start()
    return process


def _publish(
    uri: str,
    candidate_id: str,
    publish_id: str,
    crash_at: str,
    sleep_at: str,
    sleep_s: float,
    single_writer: bool,
    said: Path | None,
    environ: dict[str, str],
) -> None:
    os.environ.update(environ)

    def checkpoint(step: str) -> None:
        if step == crash_at:
            os.kill(os.getpid(), signal.SIGKILL)
        if step == sleep_at:
            time.sleep(sleep_s)

    store = open_store(uri)
    code, message = 0, ""
    try:
        publish.publish_candidate(
            store,
            store.child("private"),
            candidate_id,
            publish_id=publish_id,
            approved_by="tester",
            now=datetime.now(UTC),
            single_writer=single_writer,
            checkpoint=checkpoint,
        )
    except ThoughttraceError as error:
        code, message = error.exit_code, f"{type(error).__name__}: {error}"
    if said is not None:
        said.write_text(message)
    os._exit(code)
