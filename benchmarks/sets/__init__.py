"""Invented development sets for the scrubber: every text is written here, nothing is shared with `tasks.scrub`."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.sets import adversarial, chat, credentials, lookalikes, social
from benchmarks.sets.draft import Record

SETS: dict[str, Callable[[int], list[Record]]] = {
    "chat": chat.generate,
    "social": social.generate,
    "adversarial": adversarial.generate,
    "credentials": credentials.generate,
    "lookalikes": lookalikes.generate,
}
"""Name to generator; the argument is a seed. `lookalikes` holds no personal data at all."""
