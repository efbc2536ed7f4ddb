"""Ctrl-C while a flow runs: the command ends within seconds, whatever it is at."""

from __future__ import annotations

import logging
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from types import FrameType

from flows.cli.output import console, print_error

EXIT_INTERRUPTED = 130
PATIENCE_S = 3
"""Seconds that a command has to end by itself."""

_LEAKED = "ignore:resource_tracker:UserWarning"
"""What multiprocessing says of processes that nobody waited for; it cleans up after them."""

_told = threading.Event()


@contextmanager
def ending_soon() -> Generator[None]:
    """Inside, Ctrl-C ends this process soon: nothing is lost by an end without ceremony.

    A shard in work would go on to its end, for a thread cannot be told to stop; and Prefect would go on asking its
    temporary server, which a terminal's Ctrl-C has ended as well.

    Raises:
        KeyboardInterrupt: in the place of whatever error Ctrl-C led to.
    """
    is_main = threading.current_thread() is threading.main_thread()
    # a shell that starts a command in the background makes Ctrl-C ignored
    if not is_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    is_interrupted = False

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal is_interrupted
        is_interrupted = True
        raise KeyboardInterrupt

    # the main thread may wait for a lock when the signal comes to another one, and would see it only afterwards
    listening, told = os.pipe()
    os.set_blocking(told, False)
    threading.Thread(target=_end_when_told, args=(listening,), daemon=True).start()
    os.environ["PYTHONWARNINGS"] = ",".join(filter(None, [os.environ.get("PYTHONWARNINGS"), _LEAKED]))
    before = signal.set_wakeup_fd(told, warn_on_full_buffer=False)
    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    except BaseException:
        if not is_interrupted:
            raise
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if not is_interrupted:
            signal.set_wakeup_fd(before)
            os.close(told)
    if is_interrupted:
        raise KeyboardInterrupt


def _end_when_told(listening: int) -> None:
    """End the process some seconds after a Ctrl-C, and at once after another one."""
    deadline: float | None = None
    while True:
        patience = None if deadline is None else max(0.0, deadline - time.monotonic())
        ready, _, _ = select.select([listening], [], [], patience)
        signals = os.read(listening, 64) if ready else b""
        if deadline is None and not signals:
            os.close(listening)
            return
        if deadline is not None and (not ready or signal.SIGINT in signals):
            _end()
        if deadline is None and signal.SIGINT in signals:
            # what Prefect says of a server that is gone
            logging.disable(logging.CRITICAL)
            deadline = time.monotonic() + PATIENCE_S


def tell_interrupted() -> int:
    """Say that the command was interrupted; returns the exit code."""
    _told.set()
    print_error("interrupted; nothing is half done. The same command resumes.")
    return EXIT_INTERRUPTED


def _end() -> None:
    if not _told.is_set():
        tell_interrupted()
    console.show_cursor()
    server = sys.modules.get("prefect.server.api.server")
    if server is not None:
        with suppress(Exception):
            server.SubprocessASGIServer().stop()
    os._exit(EXIT_INTERRUPTED)
