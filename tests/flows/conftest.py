"""One Prefect server for all flow tests of a session, without the services that slow it down."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

REPO = Path(__file__).parents[2]
ID_KEY = "test-key-0123456789abcdef0123456789abcdef"
_SERVICES = (
    "TASK_RUN_RECORDER",
    "EVENT_PERSISTER",
    "TRIGGERS",
    "SCHEDULER",
    "LATE_RUNS",
    "CANCELLATION_CLEANUP",
    "PAUSE_EXPIRATIONS",
    "FOREMAN",
    "REPOSSESSOR",
    "DB_VACUUM",
)

Cli = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[str]:
    """A temporary Prefect database and server; flows without the heartbeat's one-second ticks."""
    for service in _SERVICES:
        os.environ.setdefault(f"PREFECT_SERVER_SERVICES_{service}_ENABLED", "false")
    # the command line prints errors itself; Prefect would add a traceback
    os.environ["PREFECT_LOGGING_LEVEL"] = "CRITICAL"
    from prefect.settings import PREFECT_API_URL, PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
    from prefect.testing.utilities import prefect_test_harness

    with (
        prefect_test_harness(server_startup_timeout=120),
        temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}),
    ):
        yield str(PREFECT_API_URL.value())


@pytest.fixture(scope="session")
def start_cli(prefect_server: str, tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """Start `thoughttrace` as a process of its own against the session's Prefect server."""
    home = tmp_path_factory.mktemp("prefect-home")

    def start(*arguments: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "flows.cli.app", *arguments],
            cwd=REPO,
            env={
                **os.environ,
                "PYTHONPATH": str(REPO),
                "PREFECT_API_URL": prefect_server,
                "PREFECT_HOME": str(home),
                "THOUGHTTRACE_ID_KEY": ID_KEY,
                **environment,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


@pytest.fixture
def run(monkeypatch, capsys, tmp_path: Path):
    """Call a command in this process: exit code, and the one line of its error or else what it printed."""
    from flows.cli import app as cli

    def call(*arguments: str) -> tuple[int, str]:
        words = [str(tmp_path / "out") if a == "OUT" else a for a in arguments]
        monkeypatch.setattr(sys, "argv", ["thoughttrace", *words])
        cli.register_commands()
        code = cli.run(debug=False)
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        errors = [line for line in captured.err.splitlines() if line.startswith("error:")]
        assert len(errors) == (1 if code else 0), captured.err
        return code, "".join(errors) or captured.out

    return call
