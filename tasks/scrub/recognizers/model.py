"""What a recogniser is: a pattern with a name, version, score and the examples that prove it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from tasks.scrub.spans import Span


class Found(NamedTuple):
    """A judged match: code-point range and score."""

    start: int
    end: int
    score: float


Judge = Callable[[re.Match[str]], Found | None]
"""Looks at a match and its surroundings; None rejects it."""


@dataclass(frozen=True, slots=True)
class Recognizer:
    """One rule that finds one type of span.

    Every pattern is bounded: no repeat may run over more than a few hundred characters without a
    look-behind that stops it from starting again inside the same run (a fuzz test holds it to that).

    Attributes:
        name: stable name, shown in spans and in the audit table.
        type: one of `SPAN_TYPES`.
        version: raised with every change of behaviour; part of the fingerprint.
        score: score of a match that no judge looks at.
        pattern: what to find.
        gate: RE2 expression that every match satisfies, cheap to test; texts without it are skipped.
        must: examples, the expected range between « and ».
        must_not: texts in which nothing may be found.
        group: group of the pattern that is the span.
        judge: validates a match and gives its range and score.
    """

    name: str
    type: str
    version: int
    score: float
    pattern: re.Pattern[str]
    gate: str
    must: tuple[str, ...]
    must_not: tuple[str, ...]
    group: int = 0
    judge: Judge | None = None

    def find(self, text: str) -> list[Span]:
        """Return all spans of this recogniser in a text, in order."""
        spans: list[Span] = []
        for match in self.pattern.finditer(text):
            if self.judge is None:
                start, end = match.span(self.group)
                spans.append(Span(start, end, self.type, self.score, self.name))
            elif (found := self.judge(match)) is not None:
                spans.append(Span(found.start, found.end, self.type, found.score, self.name))
        return spans


def digits(text: str) -> str:
    """Return the decimal digits of a text."""
    return "".join(c for c in text if "0" <= c <= "9")
