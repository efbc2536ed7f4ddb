"""Progress of a run for the person at the terminal; silent under Prefect workers and in tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Report = Callable[[str, int, int | None], None]
"""Called with the step's name, what is done, and the total (None: not known)."""

_report: ContextVar[Report | None] = ContextVar("report", default=None)


@contextmanager
def reporting(report: Report) -> Iterator[None]:
    """Send progress of the flows run inside to `report`."""
    token = _report.set(report)
    try:
        yield
    finally:
        _report.reset(token)


def advance(step: str, done: int, total: int | None = None) -> None:
    """Tell how far a step is."""
    report = _report.get()
    if report is not None:
        report(step, done, total)
