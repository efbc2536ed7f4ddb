"""A Prefect server of its own for a benchmark, warm before anything is timed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from flows.prefect_env import prepare_prefect


class WarmServer(NamedTuple):
    """A running server.

    Attributes:
        address: environment that leads a client to it.
        pid: its process.
    """

    address: dict[str, str]
    pid: int


@contextmanager
def warm_server(folder: Path) -> Iterator[WarmServer]:
    """Start a server on loopback with its database in a folder, wait until it is healthy, and stop it.

    Raises:
        SystemExit: it ended before it was healthy; the end of its log is shown.
    """
    prepare_prefect(quiet=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = {"PREFECT_HOME": str(folder / "prefect"), "PREFECT_API_URL": f"http://127.0.0.1:{port}/api"}
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    log = folder / "server.log"
    with log.open("wb") as out:
        server = subprocess.Popen(command, stdout=out, stderr=out, env={**os.environ, **address})
    try:
        while not _is_healthy(address["PREFECT_API_URL"]):
            if server.poll() is not None:
                raise SystemExit(log.read_text()[-2000:])
            time.sleep(0.3)
        yield WarmServer(address, server.pid)
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(30)


def _is_healthy(api_url: str) -> bool:
    try:
        urllib.request.urlopen(f"{api_url}/health", timeout=5).close()
    except OSError:
        return False
    return True
