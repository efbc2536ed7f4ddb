"""Defaults for Prefect's own settings; imported before Prefect by everything that runs a flow.

The same defaults stand in `pyproject.toml` for `prefect` commands run from the repository; here they
also hold where the command runs from another folder. What the user has set wins.
"""

from __future__ import annotations

import os

_DEFAULTS = {
    # an ephemeral server on a busy machine needs more than the 20 s it is given
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
    # a server that is started again must know who holds a place, or it has running flows end themselves
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
    # progress is also told where no run is going on
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    "DO_NOT_TRACK": "1",
    "GX_ANALYTICS_ENABLED": "false",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_LOCAL_BLOG_POSTS": "True",
}


def prepare_prefect(*, quiet: bool = False) -> None:
    """Set defaults in the environment; must run before the first import of Prefect.

    Args:
        quiet: for a command at the terminal, which shows progress itself: no log lines of Prefect, no metrics.
    """
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    if quiet:
        # the command line prints errors itself, in one line
        os.environ["PREFECT_LOGGING_LEVEL"] = "CRITICAL"
        # of a temporary server that a Ctrl-C ends while it writes
        os.environ["PREFECT_SERVER_LOGGING_LEVEL"] = "CRITICAL"
        # the port of the metrics is the worker's; a command that wants it too would fail
        os.environ["PREFECT_CLIENT_METRICS_ENABLED"] = "false"
