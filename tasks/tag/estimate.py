"""What questions will cost: calls, tokens, USD and time, before anything is spent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from schemas.config import TagSettings
from tasks.tag.questions import Call, Question, gather_calls
from tasks.tag.session import Session

_SAMPLE = 40
_BODIES = 2_000
"""Calls whose length is measured at most."""
_CALLS_PER_S = 200.0
"""What litellm sends a second from one process, measured with a provider that answers in 200 ms."""
_LATENCY_S = 1.5


@dataclass(frozen=True, slots=True)
class CostEstimate:
    """Calls of one facet to one model: questions, memo hits, calls, tokens, USD (None: price unknown)."""

    facet: str
    model: str
    n_questions: int
    n_known: int
    n_calls: int
    input_tokens: int
    output_tokens: int
    usd: float | None


@dataclass(frozen=True, slots=True)
class CallEstimate:
    """The sum of a plan.

    Attributes:
        lines: one a facet and model; the second and later models are what a fallback would cost.
        calls: calls to the first model.
        usd: price at the first model; None when it is not known.
        seconds: time at the limits of the settings.
    """

    lines: tuple[CostEstimate, ...]
    calls: int
    usd: float | None
    seconds: float


def estimate_calls(
    questions: Sequence[Question], settings: TagSettings, session: Session | None
) -> CallEstimate:
    """Estimate what asking these questions would cost; asks nothing.

    Tokens are counted with the model's tokenizer (or the nearest that ships) on a sample of calls, and
    scaled by characters.
    """
    if session is None:
        return CallEstimate((), 0, 0.0, 0.0)
    from tasks.tag.client import find_price

    known = session.list_known(questions)
    lines: list[CostEstimate] = []
    for model in session.models:
        price = find_price(model)
        for facet in dict.fromkeys(q.decisions.facet for q in questions):
            of_facet = [i for i, q in enumerate(questions) if q.decisions.facet == facet]
            calls = gather_calls(unique_questions([questions[i] for i in of_facet if i not in known], model))
            tokens_in, tokens_out = _count(calls, model)
            lines.append(
                CostEstimate(
                    facet=facet,
                    model=model,
                    n_questions=len(of_facet),
                    n_known=sum(i in known for i in of_facet),
                    n_calls=len(calls),
                    input_tokens=tokens_in,
                    output_tokens=tokens_out,
                    usd=None if price is None else tokens_in * price[0] + tokens_out * price[1],
                )
            )
    first = [x for x in lines if x.model == session.models[0]]
    prices = [x.usd for x in first]
    usd = None if any(p is None for p in prices) else sum(p for p in prices if p is not None)
    n_calls = sum(x.n_calls for x in first)
    return CallEstimate(tuple(lines), n_calls, usd, _seconds(n_calls, first, settings))


def unique_questions(questions: Sequence[Question], model: str) -> list[Question]:
    """Return the questions, each key once, in order: the same question is asked once."""
    return list({q.key(model): q for q in reversed(questions)}.values())[::-1]


def _count(calls: Sequence[Call], model: str) -> tuple[int, int]:
    from tasks.tag.client import count_tokens

    if not calls:
        return 0, 0
    statics = {c.decisions.digest: c.decisions.static for c in calls}
    static_tokens = {d: count_tokens(model, s) for d, s in statics.items()}
    step = max(1, len(calls) // _SAMPLE)
    sample = [c.body() for c in calls[::step]]
    per_character = count_tokens(model, "\n".join(sample)) / max(1, sum(map(len, sample)))
    some = calls[:: max(1, len(calls) // _BODIES)]
    bodies = sum(len(c.body()) for c in some) * len(calls) / len(some)
    tokens_in = sum(static_tokens[c.decisions.digest] for c in calls) + int(bodies * per_character)
    return tokens_in, sum(c.expected_output_tokens for c in calls)


def _seconds(n_calls: int, lines: Sequence[CostEstimate], settings: TagSettings) -> float:
    if not n_calls:
        return 0.0
    rates = [_CALLS_PER_S, settings.concurrency / _LATENCY_S]
    if settings.requests_per_minute:
        rates.append(settings.requests_per_minute / 60)
    seconds = n_calls / min(rates) + _LATENCY_S
    if settings.tokens_per_minute:
        tokens = sum(x.input_tokens + x.output_tokens for x in lines)
        seconds = max(seconds, tokens / settings.tokens_per_minute * 60)
    return round(seconds, 1)
