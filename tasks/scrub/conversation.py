"""Decides what is masked in one conversation, all its texts read together."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from tasks.scrub.name_lists import is_only_a_name
from tasks.scrub.policy import (
    Thresholds,
    choose_assistant,
    choose_user_side,
    people_beside_contacts,
)
from tasks.scrub.propagate import Propagator, collect_names, name_tokens
from tasks.scrub.redact import Placeholders, redact_text
from tasks.scrub.spans import DECIDED_SCORE, Span, merge_overlapping, outside

MAX_ROUNDS = 4
Detect = Callable[[Sequence[str]], list[list[Span]]]
Rule = Callable[[str, str], str | None]
"""Standing decision on a surface and its type: `mask`, `keep` or None."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One text of a conversation.

    Attributes:
        item_id: id of the text.
        text: the text.
        is_assistant: whether a model wrote it.
        denied: spans that are masked whatever else is decided, from the deny-list.
    """

    item_id: str
    text: str
    is_assistant: bool
    denied: tuple[Span, ...] = ()


@dataclass(slots=True)
class Decision:
    """What is done to one text.

    Attributes:
        masks: spans replaced, in order, not overlapping.
        labels: their replacements.
        undecided: spans shown to a reviewer, none touching a mask.
        redacted: the text after redaction.
    """

    masks: list[Span] = field(default_factory=list[Span])
    labels: list[str] = field(default_factory=list[str])
    undecided: list[Span] = field(default_factory=list[Span])
    redacted: str = ""


def no_rule(surface: str, kind: str) -> str | None:
    """Return None: no standing decisions."""
    del surface, kind
    return None


def decide_conversation(
    turns: Sequence[Turn],
    candidates: Sequence[Sequence[Span]],
    detect: Detect,
    thresholds: Thresholds,
    rule: Rule = no_rule,
) -> list[Decision]:
    """Choose, propagate, merge and number the spans of a conversation, then read the result once more.

    What the name model finds depends on the words around a name, so a redacted text may show a name that
    the original hid. Redacted texts are read again until nothing new is found: redacting twice changes
    nothing.

    Args:
        turns: texts in the order in which people are numbered.
        candidates: what the detector found in each.
        detect: the detector, for the second reading.
        thresholds: scores of masking and review.
        rule: standing decisions.
    """
    return decide_conversations([(turns, candidates)], detect, thresholds, rule)[0]


def decide_conversations(
    conversations: Sequence[tuple[Sequence[Turn], Sequence[Sequence[Span]]]],
    detect: Detect,
    thresholds: Thresholds,
    rule: Rule = no_rule,
    unnumbered: Collection[str] = (),
) -> list[list[Decision]]:
    """Decide many conversations, each for itself; their redacted texts are read again in one batch a round.

    Args:
        conversations: turns and their candidates, one pair a conversation.
        detect: the detector, for the further readings.
        thresholds: scores of masking and review.
        rule: standing decisions.
        unnumbered: types whose placeholder carries no number.
    """
    found = [[list(spans) for spans in candidates] for _, candidates in conversations]
    decided = [
        _decide_once(turns, spans, thresholds, rule, unnumbered)
        for (turns, _), spans in zip(conversations, found, strict=True)
    ]
    unread = [(c, i) for c, decisions in enumerate(decided) for i, d in enumerate(decisions) if d.masks]
    for _ in range(MAX_ROUNDS):
        if not unread:
            break
        again = detect([decided[c][i].redacted for c, i in unread])
        touched: set[int] = set()
        for (c, i), spans in zip(unread, again, strict=True):
            back = _WayBack(decided[c][i])
            # what only the words around a placeholder make look uncertain is no question for a reviewer
            fresh = [
                original
                for span in spans
                if span.score >= thresholds.mask and (original := back.to_original(span)) is not None
            ]
            if fresh:
                found[c][i].extend(fresh)
                touched.add(c)
        unread = []
        for c in sorted(touched):
            before = [d.masks for d in decided[c]]
            decided[c] = _decide_once(conversations[c][0], found[c], thresholds, rule, unnumbered)
            unread.extend((c, i) for i, d in enumerate(decided[c]) if d.masks != before[i])
    return decided


def _decide_once(
    turns: Sequence[Turn],
    found: Sequence[Sequence[Span]],
    thresholds: Thresholds,
    rule: Rule,
    unnumbered: Collection[str],
) -> list[Decision]:
    found = [_apply_rule(turn, spans, rule) for turn, spans in zip(turns, found, strict=True)]
    chosen = [
        [*_choose(turn, spans, thresholds.mask), *turn.denied]
        for turn, spans in zip(turns, found, strict=True)
    ]
    if len(turns) > 1 or any(chosen):
        _propagate(turns, found, chosen, thresholds, rule)
    placeholders = Placeholders(turn.text for turn in turns)
    decisions: list[Decision] = []
    for turn, spans, candidates in zip(turns, chosen, found, strict=True):
        masks, undecided = _settle(turn, spans, candidates, thresholds, rule)
        labels = [
            f"<{s.type}>" if s.type in unnumbered else placeholders.label(s.type, turn.text[s.start : s.end])
            for s in masks
        ]
        decisions.append(Decision(masks, labels, undecided, redact_text(turn.text, masks, labels)))
    return decisions


def _settle(
    turn: Turn, chosen: Sequence[Span], candidates: Sequence[Span], thresholds: Thresholds, rule: Rule
) -> tuple[list[Span], list[Span]]:
    """Merge what overlaps and apply standing decisions to the merged spans: a reviewer was shown those."""
    merged = merge_overlapping(chosen)
    kept = [s for s in outside(merged, turn.denied) if _ask(turn, s, rule) == "keep"]
    masks = outside(merged, kept) if kept else merged
    maybe = [s for s in _choose(turn, candidates, thresholds.review) if s.score < thresholds.mask]
    undecided: list[Span] = []
    accepted: list[Span] = []
    for span in merge_overlapping(outside(maybe, merged)):
        decision = _ask(turn, span, rule)
        if decision is None:
            undecided.append(span)
        elif decision == "mask":
            accepted.append(span._replace(score=DECIDED_SCORE))
    return [s if s.score <= 1 else s._replace(score=1.0) for s in sorted([*masks, *accepted])], undecided


def _ask(turn: Turn, span: Span, rule: Rule) -> str | None:
    return None if rule is no_rule else rule(turn.text[span.start : span.end], span.type)


def _apply_rule(turn: Turn, spans: Sequence[Span], rule: Rule) -> list[Span]:
    if rule is no_rule:
        return list(spans)
    kept: list[Span] = []
    for span in spans:
        decision = _ask(turn, span, rule)
        if decision == "mask":
            kept.append(span._replace(score=DECIDED_SCORE))
        elif decision is None:
            kept.append(span)
    return kept


def _choose(turn: Turn, spans: Sequence[Span], at_least: float) -> list[Span]:
    if not turn.is_assistant:
        masked = choose_user_side(turn.text, spans, at_least)
    else:
        masked = choose_assistant(turn.text, spans, at_least)
        masked += people_beside_contacts(turn.text, spans, masked, at_least)
    # what a person decided holds in every role, for public-looking names too
    return masked + [s for s in spans if s.score >= DECIDED_SCORE and s not in masked]


def _propagate(
    turns: Sequence[Turn],
    found: Sequence[Sequence[Span]],
    chosen: Sequence[list[Span]],
    thresholds: Thresholds,
    rule: Rule,
) -> None:
    """Carry names through the conversation, both ways.

    What the assistant spells in full is looked for in the user's words, and what the user's side names is
    masked in every text.
    """
    names = {
        turn.text[s.start : s.end]
        for turn, spans in zip(turns, chosen, strict=True)
        for s in spans
        if s.type == "PERSON"
    }
    recited = {
        turn.text[s.start : s.end]
        for turn, spans in zip(turns, found, strict=True)
        if turn.is_assistant
        for s in spans
        if s.type == "PERSON" and s.score >= thresholds.mask
    }
    if recited:
        back = Propagator(collect_names(n for n in sorted(recited) if _is_surely_a_name(n)))
        for turn, spans in zip(turns, chosen, strict=True):
            if not turn.is_assistant:
                hits = _ruled(turn, back.find(turn.text), rule)
                spans.extend(hits)
                names.update(turn.text[s.start : s.end] for s in hits)
    if names:
        everywhere = Propagator(collect_names(sorted(names)))
        for turn, spans in zip(turns, chosen, strict=True):
            spans.extend(_ruled(turn, everywhere.find(turn.text), rule))


def _is_surely_a_name(name: str) -> bool:
    """Whether a name that only the model saw, in an answer, may be looked for in the user's words."""
    tokens = name_tokens(name)
    return bool(tokens) and any(is_only_a_name(t.casefold()) for t in tokens)


def _ruled(turn: Turn, spans: Sequence[Span], rule: Rule) -> list[Span]:
    return [s for s in spans if rule(turn.text[s.start : s.end], s.type) != "keep"]


class _WayBack:
    """Maps offsets of a redacted text to the original."""

    def __init__(self, decision: Decision) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._shifts = [0]
        shift = 0
        for mask, label in zip(decision.masks, decision.labels, strict=True):
            self._starts.append(mask.start + shift)
            self._ends.append(mask.start + shift + len(label))
            shift += len(label) - (mask.end - mask.start)
            self._shifts.append(shift)

    def to_original(self, span: Span) -> Span | None:
        """Return the span in the original; None when it touches a placeholder."""
        passed = bisect_right(self._ends, span.start)
        if passed < len(self._starts) and self._starts[passed] < span.end:
            return None
        shift = self._shifts[passed]
        return span._replace(start=span.start - shift, end=span.end - shift)
