"""Progress of a run: for the person at the terminal, and as one line of JSON a step in the log of the run."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

Report = Callable[[str, int, int | None], None]
"""Called with the step's name, what is done, and the total (None: not known)."""

Announce = Callable[[str, Mapping[str, Any]], None]
"""Called with the name of a document that a person should see during the run, and the document."""

# below Prefect's logger of flow runs: it sends INFO to the run's page, and has the level that the user has set
_log = logging.getLogger("prefect.flow_runs.steps")
_report: ContextVar[Report | None] = ContextVar("report", default=None)
_announce: ContextVar[Announce | None] = ContextVar("announce", default=None)


@contextmanager
def reporting(report: Report, announce: Announce | None = None) -> Generator[None]:
    """Send progress of the flows run inside to `report`, and their announcements to `announce`."""
    tokens = _report.set(report), _announce.set(announce)
    try:
        yield
    finally:
        _report.reset(tokens[0])
        _announce.reset(tokens[1])


def advance(step: str, done: int, total: int | None = None) -> None:
    """Tell how far a step is: names and counts only."""
    _log.info(json.dumps({"event": "step", "step": step, "done": done, "total": total}))
    report = _report.get()
    if report is not None:
        report(step, done, total)


def announce(name: str, document: Mapping[str, Any]) -> None:
    """Show a document during the run: what comes before an expense must be seen before it."""
    show = _announce.get()
    if show is not None:
        show(name, document)
