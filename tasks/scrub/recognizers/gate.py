"""Runs only the recognisers whose cheap necessary condition holds, all conditions tested in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tasks.scrub.recognizers.model import Recognizer
from tasks.scrub.spans import Span

GATED_FROM_CHARS = 40
"""Below this length running every pattern is quicker than asking."""
_MAX_MEMORY = 1 << 28


class Gate:
    """A set of recognisers behind one RE2 set; finds exactly what they find one by one."""

    def __init__(self, recognizers: Sequence[Recognizer]) -> None:
        import re2

        self._recognizers = tuple(recognizers)
        options = re2.Options()
        options.max_mem = _MAX_MEMORY
        options.log_errors = False
        gates = sorted({r.gate for r in recognizers})
        self._members: list[list[int]] = [
            [i for i, r in enumerate(self._recognizers) if r.gate == gate] for gate in gates
        ]
        conditions: Any = re2.Set.SearchSet(options)
        for gate in gates:
            conditions.Add(gate)
        conditions.Compile()
        self._conditions = conditions

    def find(self, text: str, *, always_gate: bool = False) -> list[Span]:
        """Return the spans of all recognisers, recogniser by recogniser in their order."""
        if len(text) < GATED_FROM_CHARS and not always_gate:
            chosen = range(len(self._recognizers))
        else:
            chosen = sorted(i for hit in self._conditions.Match(text) or () for i in self._members[hit])
        return [span for i in chosen for span in self._recognizers[i].find(text)]
