"""What a recogniser finds: a typed, scored range of a text, and how overlapping ranges become one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple, get_args

SpanType = Literal[
    "PERSON",
    "EMAIL",
    "PHONE",
    "URL",
    "USERNAME",
    "IP",
    "CREDIT_CARD",
    "IBAN",
    "SSN",
    "ID",
    "ADDRESS",
    "LOCATION",
    "DATE_OF_BIRTH",
    "SECRET",
    "CRYPTO",
    "GPS",
    "PATH",
    "OTHER",
]
SPAN_TYPES: tuple[str, ...] = get_args(SpanType)
"""The closed list of types; a placeholder is `<TYPE_n>`."""

_PRECEDENCE: dict[str, int] = {
    kind: rank
    for rank, kind in enumerate(
        (
            "CREDIT_CARD",
            "IBAN",
            "SSN",
            "EMAIL",
            "SECRET",
            "CRYPTO",
            "URL",
            "IP",
            "GPS",
            "PHONE",
            "PATH",
            "USERNAME",
            "ADDRESS",
            "DATE_OF_BIRTH",
            "ID",
            "PERSON",
            "LOCATION",
            "OTHER",
        )
    )
}

DECIDED_SCORE = 1.5
"""Score of a span that a person decided to mask, while spans are chosen: above what a recogniser may claim."""


class Span(NamedTuple):
    """A range of a text that may identify somebody.

    Attributes:
        start: first code point.
        end: one past the last code point.
        type: one of `SPAN_TYPES`.
        score: how sure the recogniser is, 0 to 1.
        recognizer: name of the recogniser.
    """

    start: int
    end: int
    type: str
    score: float
    recognizer: str


def _outranks(a: Span, b: Span) -> bool:
    """Whether the merged span takes its type from `a`: certain first, then longest, then precedence."""
    certain_a, certain_b = a.score >= 0.95, b.score >= 0.95
    if certain_a != certain_b:
        return certain_a
    if a.end - a.start != b.end - b.start:
        return a.end - a.start > b.end - b.start
    return (_PRECEDENCE[a.type], -a.score) < (_PRECEDENCE[b.type], -b.score)


def merge_overlapping(spans: Iterable[Span]) -> list[Span]:
    """Merge overlapping spans into one that covers their union, so that no part of a name sticks out.

    The merged span takes type, recogniser and score from the strongest member. Touching spans stay apart.

    Returns:
        Spans in order, none overlapping.
    """
    merged: list[Span] = []
    leader: Span | None = None
    for span in sorted(spans):
        if leader is not None and merged and span.start < merged[-1].end:
            leader = span if _outranks(span, leader) else leader
            merged[-1] = leader._replace(start=merged[-1].start, end=max(merged[-1].end, span.end))
            continue
        merged.append(span)
        leader = span
    return merged


def outside(spans: Iterable[Span], masks: Sequence[Span]) -> list[Span]:
    """Return the spans that touch none of `masks` (which are in order and do not overlap)."""
    kept: list[Span] = []
    position = 0
    for span in sorted(spans):
        while position < len(masks) and masks[position].end <= span.start:
            position += 1
        if position < len(masks) and masks[position].start < span.end:
            continue
        kept.append(span)
    return kept
