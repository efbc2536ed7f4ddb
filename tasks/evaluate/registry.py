"""The suites by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from schemas.errors import UsageError
from tasks.evaluate import (
    alignment_pairs,
    next_message,
    semantic_shift,
    thought_dynamics,
    thought_inference,
)
from tasks.evaluate.suite import Suite

SUITES: Mapping[str, Suite] = MappingProxyType(
    {
        m.SUITE.name: m.SUITE
        for m in (semantic_shift, thought_inference, next_message, alignment_pairs, thought_dynamics)
    }
)


def find_suite(name: str) -> Suite:
    """Return a suite.

    Raises:
        UsageError: no such suite; names those that are.
    """
    if name not in SUITES:
        raise UsageError(f"no suite {name!r}; known: {', '.join(SUITES)}")
    return SUITES[name]
