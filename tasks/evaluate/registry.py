"""The suites by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from schemas.errors import UsageError
from tasks.evaluate import semantic_shift, thought_dynamics
from tasks.evaluate.suite import Suite

SUITES: Mapping[str, Suite] = MappingProxyType(
    {s.name: s for s in (semantic_shift.SUITE, thought_dynamics.SUITE)}
)


def find_suite(name: str) -> Suite:
    """Return a suite.

    Raises:
        UsageError: no such suite; names those that are.
    """
    if name not in SUITES:
        raise UsageError(f"no suite {name!r}; known: {', '.join(SUITES)}")
    return SUITES[name]
