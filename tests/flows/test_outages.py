"""A service that cannot be reached is exit 3 with a plain line; a fault of the command line is not."""

from __future__ import annotations

import errno
import socket

import httpx
import pytest

from flows.cli import app as cli
from flows.cli.outside import explain_outage

SERVER = "http://ada:secret@127.0.0.1:9/api"


def raised_from(cause: BaseException) -> RuntimeError:
    error = RuntimeError("Failed to reach API")
    error.__cause__ = cause
    return error


def test_a_prefect_server_that_is_not_there(monkeypatch, capsys) -> None:
    monkeypatch.setenv("PREFECT_API_URL", SERVER)
    with pytest.raises(httpx.ConnectError) as refused:
        httpx.get(f"{SERVER}/admin/version")

    def fail(**_: object) -> None:
        raise raised_from(refused.value)

    monkeypatch.setattr(cli, "app", fail)
    assert cli.run(debug=False) == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert "Prefect server at http://127.0.0.1:9 (PREFECT_API_URL) cannot be reached" in line
    assert "secret" not in line


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), 3),
        (TimeoutError(), 3),
        (socket.gaierror(-2, "Name or service not known"), 3),
        (OSError(errno.EHOSTUNREACH, "No route to host"), 3),
        (raised_from(httpx.ReadTimeout("late")), 3),
        (PermissionError(errno.EACCES, "Permission denied", "x.jsonl"), 2),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), 2),
        (RuntimeError("words of a person"), 1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_exit_codes(monkeypatch, capsys, error, code) -> None:
    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr(cli, "app", fail)
    assert cli.run(debug=False) == code
    assert "words" not in capsys.readouterr().err


def test_an_error_inside_a_handler_is_a_fault_of_its_own() -> None:
    fault = KeyError("x")
    fault.__context__ = ConnectionRefusedError()
    assert explain_outage(fault) == ""
