"""A Postgres of its own on loopback, where its binaries are: Debian's package `postgresql`."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Database:
    """A running database.

    Attributes:
        url: for Prefect's server.
        port: on loopback.
        folder: of the binaries.
    """

    url: str
    port: int
    folder: Path

    def dump(self) -> bytes:
        """All of it as text."""
        command = [
            self.folder / "pg_dump",
            "-h",
            "127.0.0.1",
            "-p",
            str(self.port),
            "-U",
            "prefect",
            "prefect",
        ]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=120).stdout


def find_binaries() -> Path | None:
    """Folder of `initdb` and `postgres`; Debian keeps them off the PATH."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    kept = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return kept[-1].parent if kept else None


@contextmanager
def run_postgres() -> Iterator[Database | None]:
    """Start a server in a new folder; None where there is no Postgres."""
    binaries = find_binaries()
    if binaries is None:
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="tt-pg-"))
    # Postgres refuses to run as root
    user = "postgres" if os.geteuid() == 0 else None
    if user:
        os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = folder / "data"
    make = [binaries / "initdb", "-D", data, "-U", "prefect", "--auth=trust", "--encoding=UTF8", "--no-sync"]
    serve = [binaries / "postgres", "-D", data, "-p", str(port), "-c", "listen_addresses=127.0.0.1"]
    serve += ["-c", f"unix_socket_directories={folder}", "-c", "fsync=off", "-c", "max_connections=200"]
    server = None
    try:
        subprocess.run(make, check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL, timeout=120)
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(serve, user=user, cwd=folder, stdout=log, stderr=log)
        _create(binaries, port, folder / "log")
        yield Database(f"postgresql+asyncpg://prefect@127.0.0.1:{port}/prefect", port, binaries)
    finally:
        if server is not None:
            # at once, without waiting for clients
            server.send_signal(signal.SIGINT)
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
        shutil.rmtree(folder, ignore_errors=True)


def _create(binaries: Path, port: int, log: Path) -> None:
    command = [binaries / "createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "prefect", "prefect"]
    deadline = time.monotonic() + 60
    while subprocess.run(command, capture_output=True, timeout=30).returncode != 0:
        assert time.monotonic() < deadline, log.read_text()[-2000:]
        time.sleep(0.3)
