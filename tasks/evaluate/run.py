"""One evaluation from tables to results: plan, ask, summarise. Reads and writes no release."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import polars as pl

from schemas.config import Settings
from tasks.evaluate.asking import LiveAsker, PlanningAsker, Progress
from tasks.evaluate.conversations import read_conversations
from tasks.evaluate.local_models import LocalModel
from tasks.evaluate.models import choose_options, is_local
from tasks.evaluate.registry import find_suite
from tasks.evaluate.suite import Findings, Options, Results, Selection, Suite
from tasks.evaluate.vectors import (
    LOCAL,
    CountedTexts,
    HostedEmbedder,
    KeptVectors,
    TextVectors,
    open_local_vectors,
)
from tasks.memo.answers import AnswerMemo
from tasks.memo.vectors import VectorMemo
from tasks.storage.store import Store
from tasks.tag.budget import Budget
from tasks.tag.sending import Chat, RunLimits

_CALLS_PER_S = 200.0
_LATENCY_S = 1.5
_CHARACTERS_A_TOKEN = 4.0


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """What one step needs of one model.

    Attributes:
        step: name of the step.
        model: who is asked.
        n_questions: questions in all.
        n_known: answered already, so free.
        n_calls: calls still to make.
        input_tokens: estimate.
        output_tokens: estimate.
        usd: estimate; None where the price is unknown.
    """

    step: str
    model: str
    n_questions: int
    n_known: int
    n_calls: int
    input_tokens: int
    output_tokens: int
    usd: float | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What an evaluation would do.

    Attributes:
        n_items: items asked about.
        n_left_out: items left out, by rule.
        steps: what each step needs.
        calls: calls to providers; local ones are not counted.
        usd: their price; None where one is unknown.
        seconds: time they take at the limits of the settings.
    """

    n_items: Mapping[str, int]
    n_left_out: Mapping[str, int]
    steps: tuple[PlannedStep, ...]
    calls: int
    usd: float | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """An evaluation that has been carried out, as far as it went."""

    suite: Suite
    options: Options
    selection: Selection
    findings: Findings
    results: Results
    stopped: str
    cost: Mapping[str, Any]
    snapshots: Mapping[str, Sequence[str]]


def plan_evaluation(
    name: str, method: str, tables: Mapping[str, pl.DataFrame], settings: Settings, private: Store
) -> Plan:
    """Say what an evaluation would ask and cost; asks nobody.

    Raises:
        UsageError: a suite, method or pair of predictor and judge that is not possible.
    """
    suite, options, selection = _prepare(name, method, tables, settings)
    asker, texts = PlanningAsker(AnswerMemo(private)), CountedTexts()
    suite.collect(selection, options, asker, texts)
    steps = [_plan_step(asker, step, model) for step, model in asker.steps]
    embedding = settings.evaluate.embedding_model
    if suite.embeds and texts.texts:
        steps.append(_plan_embedding(embedding, list(texts.texts), private))
    paid = [s for s in steps if not is_local(s.model)]
    calls = sum(s.n_calls for s in paid)
    prices = [s.usd for s in paid if s.n_calls]
    rate = min(
        _CALLS_PER_S,
        settings.tag.concurrency / _LATENCY_S,
        settings.tag.requests_per_minute / 60 if settings.tag.requests_per_minute else _CALLS_PER_S,
    )
    return Plan(
        n_items=_count(i.group for i in selection.items),
        n_left_out=_count(f.error for f in selection.left_out),
        steps=tuple(steps),
        calls=calls,
        usd=None if any(p is None for p in prices) else round(sum(p for p in prices if p is not None), 6),
        seconds=round(calls / rate + _LATENCY_S * len(paid), 1) if calls else 0.0,
    )


def run_evaluation(
    name: str,
    method: str,
    tables: Mapping[str, pl.DataFrame],
    settings: Settings,
    private: Store,
    *,
    now: datetime,
    progress: Progress = lambda step, done, total: None,
    open_client: Callable[[str], Chat] | None = None,
) -> Evaluation:
    """Carry out an evaluation; a spent budget ends it early, with what there is.

    Raises:
        UsageError: see `plan_evaluation`.
        ConfigError: a model that cannot be used.
        BudgetError: a price is unknown, and that is not allowed.
        ProviderError: the embedding model fails for good.
    """
    suite, options, selection = _prepare(name, method, tables, settings)
    budget = Budget(settings.evaluate.budget_usd)
    local: list[VectorMemo] = []

    def local_vectors() -> VectorMemo:
        if not local:
            local.append(open_local_vectors(settings.tag.weights_dir, private))
        return local[0]

    def open_model(model: str) -> Chat:
        if is_local(model):
            return LocalModel(model, local_vectors())
        from tasks.tag.client import ChatClient

        return ChatClient(model, settings.tag.timeout_s, allow_unpriced=settings.tag.allow_unpriced)

    limits = RunLimits(
        settings.tag.concurrency, settings.tag.requests_per_minute, settings.tag.tokens_per_minute
    )
    asker = LiveAsker(AnswerMemo(private), open_client or open_model, limits, budget, now, progress)
    vectors: TextVectors = CountedTexts()
    if suite.embeds:
        embedding = settings.evaluate.embedding_model
        if embedding == LOCAL:
            vectors = KeptVectors(local_vectors())
        else:
            hosted = HostedEmbedder(
                embedding,
                budget,
                asker.ledger.line("embed", embedding),
                settings.tag.timeout_s,
                allow_unpriced=settings.tag.allow_unpriced,
                sleep=time.sleep,
            )
            vectors = KeptVectors(VectorMemo(hosted, private))
    try:
        findings = suite.collect(selection, options, asker, vectors)
    finally:
        for memo in local:
            memo.save()
    return Evaluation(
        suite=suite,
        options=options,
        selection=selection,
        findings=findings,
        results=suite.summarise(selection, options, findings),
        stopped=asker.stopped,
        cost=asker.ledger.as_dict(),
        snapshots={m: sorted(s) for m, s in sorted(asker.snapshots.items())},
    )


def _prepare(
    name: str, method: str, tables: Mapping[str, pl.DataFrame], settings: Settings
) -> tuple[Suite, Options, Selection]:
    suite = find_suite(name)

    def find_spans(texts: Sequence[str]) -> list[list[tuple[str, str]]]:
        return _find_spans(texts, settings)

    options = replace(choose_options(suite, settings.evaluate, method), find_spans=find_spans)
    return suite, options, suite.select(read_conversations(tables), options)


def _plan_step(asker: PlanningAsker, step: str, model: str) -> PlannedStep:
    count = asker.steps[step, model]
    if is_local(model):
        return PlannedStep(step, model, count.n_questions, count.n_known, count.n_calls, 0, 0, 0.0)
    from tasks.tag.client import count_tokens, find_price

    sample = "\n".join(asker.samples.get(model, ()))
    ratio = count_tokens(model, sample) / len(sample) if sample else 1 / _CHARACTERS_A_TOKEN
    tokens_in = int(count.characters * ratio)
    price = find_price(model)
    usd = None if price is None else round(tokens_in * price[0] + count.output_tokens * price[1], 6)
    return PlannedStep(
        step, model, count.n_questions, count.n_known, count.n_calls, tokens_in, count.output_tokens, usd
    )


def _plan_embedding(model: str, texts: Sequence[str], private: Store) -> PlannedStep:
    if model == LOCAL:
        return PlannedStep("embed", LOCAL, len(texts), 0, len(texts), 0, 0, 0.0)
    from tasks.tag.client import find_price

    price = find_price(model)
    # the snapshot of a hosted model is its name
    new = VectorMemo(CountedTexts(model), private).count_new(texts)
    share = new / len(texts)
    tokens = int(share * sum(len(t) for t in texts) / _CHARACTERS_A_TOKEN)
    usd = None if price is None else round(tokens * price[0], 6)
    return PlannedStep("embed", model, len(texts), len(texts) - new, -(-new // 64), tokens, 0, usd)


def _count(names: Any) -> dict[str, int]:
    counts: dict[str, int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    return dict(sorted(counts.items()))


def _find_spans(texts: Sequence[str], settings: Settings) -> list[list[tuple[str, str]]]:
    from tasks.scrub.engine import build_detector

    found = build_detector(settings.privacy).detect(texts)
    certain = settings.privacy.mask_score
    return [
        [(s.type, text[s.start : s.end]) for s in spans if s.score >= certain]
        for text, spans in zip(texts, found, strict=True)
    ]
