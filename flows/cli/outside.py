"""Errors of the outside world: a server that cannot be reached or does not answer in time."""

from __future__ import annotations

import errno
import os
import socket
import sys
from typing import Any, cast
from urllib.parse import urlsplit

_NETWORK = frozenset(
    {
        errno.ECONNREFUSED,
        errno.ECONNRESET,
        errno.ECONNABORTED,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ENETDOWN,
        errno.ENETRESET,
        errno.ENETUNREACH,
        errno.ETIMEDOUT,
    }
)


def explain_outage(error: BaseException | None) -> str:
    """Say in one line which service failed; empty where the error, or what it was raised from, is no such thing.

    Args:
        error: what ended the command.
    """
    # only what an error was raised from: an error inside a handler is a fault of its own
    while error is not None:
        told = _explain_http(error) or _explain_network(error)
        if told:
            return told
        error = error.__cause__
    return ""


def _explain_http(error: BaseException) -> str:
    # Prefect's client speaks through httpx; where it was never imported, nothing of it can have failed
    httpx = sys.modules.get("httpx")
    if httpx is None or not isinstance(error, httpx.TransportError | httpx.HTTPStatusError):
        return ""
    try:
        url = str(cast("Any", error).request.url)
    except RuntimeError:
        url = ""
    response = getattr(error, "response", None)
    what = "cannot be reached" if response is None else f"answered {response.status_code}"
    server = os.environ.get("PREFECT_API_URL", "").rstrip("/")
    if server and (not url or url.startswith(server)):
        return (
            f"the Prefect server at {_name_place(server)} (PREFECT_API_URL) {what}; start it with "
            "`thoughttrace up`, or unset PREFECT_API_URL"
        )
    return f"{_name_place(url) or 'a service'} {what}; try again later"


def _explain_network(error: BaseException) -> str:
    if isinstance(error, BrokenPipeError) or not isinstance(error, OSError):
        return ""
    if isinstance(error, ConnectionError | TimeoutError | socket.gaierror) or error.errno in _NETWORK:
        return f"a service cannot be reached ({error.strerror or type(error).__name__}); try again later"
    return ""


def _name_place(url: str) -> str:
    """Scheme and host: user names, passwords and queries stay out of messages."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{host}{port}" if host else ""
