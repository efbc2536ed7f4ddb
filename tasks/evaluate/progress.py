"""Where the progress of an evaluation is told; the caller of the task sets it, nobody listens otherwise."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

Listener = Callable[[str, int, int | None], None]

listener: ContextVar[Listener | None] = ContextVar("evaluation_progress", default=None)


def tell_progress(step: str, done: int, total: int) -> None:
    """Tell whoever listens how far a step is."""
    heard = listener.get()
    if heard is not None:
        heard(step, done, total)
