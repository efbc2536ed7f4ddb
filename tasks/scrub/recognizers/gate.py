"""Runs only the recognisers whose cheap necessary condition holds, conditions tested a dozen at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tasks.scrub.recognizers.model import Recognizer
from tasks.scrub.spans import Span

GATED_FROM_CHARS = 40
"""Below this length running every pattern is quicker than asking."""
N_SETS = 12
"""One set of all conditions has so many states that building them takes longer than reading a megabyte."""
_MAX_MEMORY = 1 << 26


class Gate:
    """Recognisers behind a few RE2 sets; finds exactly what they find one by one."""

    def __init__(self, recognizers: Sequence[Recognizer]) -> None:
        import re2

        self._recognizers = tuple(recognizers)
        options = re2.Options()
        options.max_mem = _MAX_MEMORY
        options.log_errors = False
        gates = sorted({r.gate for r in recognizers})
        self._sets: list[tuple[Any, list[list[int]]]] = []
        for some in filter(None, (gates[start::N_SETS] for start in range(N_SETS))):
            conditions: Any = re2.Set.SearchSet(options)
            for gate in some:
                conditions.Add(gate)
            conditions.Compile()
            members = [[i for i, r in enumerate(self._recognizers) if r.gate == gate] for gate in some]
            self._sets.append((conditions, members))

    def find(self, text: str, *, always_gate: bool = False) -> list[Span]:
        """Return the spans of all recognisers, recogniser by recogniser in their order."""
        if len(text) < GATED_FROM_CHARS and not always_gate:
            chosen = range(len(self._recognizers))
        else:
            chosen = sorted(
                i
                for conditions, members in self._sets
                for hit in conditions.Match(text) or ()
                for i in members[hit]
            )
        return [span for i in chosen for span in self._recognizers[i].find(text)]
