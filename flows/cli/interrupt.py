"""Ctrl-C while a flow runs: the command ends within seconds, whatever it is at."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from types import FrameType

from flows.cli.output import console, print_error

EXIT_INTERRUPTED = 130
PATIENCE_S = 3
"""Seconds that a command has to end by itself."""

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
        if is_interrupted:
            _end()
        is_interrupted = True
        # of a server that is gone
        logging.disable(logging.CRITICAL)
        timer = threading.Timer(PATIENCE_S, _end)
        timer.daemon = True
        timer.start()
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    except BaseException:
        if not is_interrupted:
            raise
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if is_interrupted:
        raise KeyboardInterrupt


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
