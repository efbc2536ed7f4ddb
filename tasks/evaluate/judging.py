"""Asking judges for scores of items or predictions; a judge never scores what it wrote itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tasks.evaluate.asking import NOTHING_LEFT, Ask, Asker, make_ask
from tasks.evaluate.guard import Guard
from tasks.evaluate.prompting import load_prompt
from tasks.evaluate.resampling import Floats, Interval, ParticipantBootstrap
from tasks.evaluate.shapes import ScoreShape
from tasks.evaluate.suite import Failure, Findings, Item, Options, Prediction, Score

MASKED = "texts_masked"
"""Key in `Findings.extra`: digests of texts that lost sentences addressed to the reader."""


def find_guard(findings: Findings) -> Guard:
    """Return the guard of a run of a suite, one for all its steps."""
    return findings.extra.setdefault(MASKED, Guard())


def score_items(
    findings: Findings,
    asker: Asker,
    items: Sequence[Item],
    judges: Sequence[str],
    *,
    step: str,
    prompt: str,
    metric: str,
    shape: ScoreShape,
    material: Callable[[Item], Mapping[str, Any]],
) -> None:
    """Add a score of every judge for every item, or a named failure."""
    guard = find_guard(findings)
    asks: list[Ask] = []
    for judge in judges:
        for item in items:
            ask = make_ask(
                guard,
                item_id=item.item_id,
                step=step,
                model=judge,
                prompt=prompt,
                material=material(item),
                shape=shape,
            )
            if ask is None:
                findings.failures.append(Failure(item.item_id, step, NOTHING_LEFT, model=judge))
            else:
                asks.append(ask)
    for ask, answer in zip(asks, asker.ask(asks), strict=True):
        if answer.fault:
            failure = Failure(ask.item_id, step, answer.fault, "", ask.model, answer.n_attempts)
            findings.failures.append(failure)
        else:
            findings.scores.append(
                Score(
                    ask.item_id,
                    "",
                    "",
                    ask.model,
                    metric,
                    answer.value,
                    answer.model_snapshot,
                    ask.prompt.sha256,
                )
            )


def score_predictions(
    findings: Findings,
    asker: Asker,
    items: Sequence[Item],
    predictions: Sequence[Prediction],
    options: Options,
    *,
    step: str,
    prompt: str,
    metric: str,
    shape: ScoreShape,
    keys: tuple[str, str],
) -> None:
    """Add a score of every judge but the predictor for every prediction, or a named failure.

    A judge sees the two texts and nothing else of the conversation: what it does not see cannot move it.

    Args:
        findings: is added to.
        asker: who answers.
        items: what was predicted.
        predictions: by any model and condition.
        options: who judges whom.
        step: name of the step.
        prompt: name of the prompt.
        metric: name of the score.
        shape: its scale.
        keys: what the target and the prediction are called in the material.
    """
    guard = find_guard(findings)
    target = {i.item_id: i.target for i in items}
    asks: list[tuple[Ask, Prediction]] = []
    for prediction in predictions:
        for judge in options.judges_of(prediction.model):
            ask = make_ask(
                guard,
                item_id=prediction.item_id,
                step=step,
                model=judge,
                prompt=prompt,
                material={keys[0]: target[prediction.item_id], keys[1]: prediction.prediction},
                shape=shape,
                condition=prediction.condition,
            )
            if ask is None:
                findings.failures.append(
                    Failure(
                        prediction.item_id,
                        step,
                        NOTHING_LEFT,
                        f"{prediction.condition}|{prediction.model}",
                        judge,
                    )
                )
            else:
                asks.append((ask, prediction))
    answers = asker.ask([ask for ask, _ in asks])
    for (ask, prediction), answer in zip(asks, answers, strict=True):
        if answer.fault:
            # who predicted is part of the condition: the model of a failure is the one that was asked
            condition = f"{prediction.condition}|{prediction.model}"
            findings.failures.append(
                Failure(ask.item_id, step, answer.fault, condition, ask.model, answer.n_attempts)
            )
        else:
            findings.scores.append(
                Score(
                    ask.item_id,
                    prediction.condition,
                    prediction.model,
                    ask.model,
                    metric,
                    answer.value,
                    answer.model_snapshot,
                    load_prompt(prompt).sha256,
                )
            )


def agreement(first: Floats, second: Floats, boot: ParticipantBootstrap) -> dict[str, Interval]:
    """Agreement of two judges on items that both scored: Spearman's ρ, quadratic κ, mean gap.

    Source: Cohen 1968, Weighted kappa.
    """
    both = np.isfinite(first) & np.isfinite(second)
    a, b, codes = first[both], second[both], boot.codes[both]
    nothing = Interval(float("nan"), float("nan"), float("nan"))
    if len(a) < 2:
        return {"spearman": nothing, "quadratic_kappa": nothing, "mean_gap": nothing}
    ranks_a, ranks_b = _ranks(a), _ranks(b)

    def sums(values: Floats) -> Floats:
        out = np.zeros(len(boot.names))
        np.add.at(out, codes, values)
        return out

    n = sums(np.ones(len(a)))
    moments = {
        key: sums(values)
        for key, values in {
            "x": ranks_a,
            "y": ranks_b,
            "xx": ranks_a**2,
            "yy": ranks_b**2,
            "xy": ranks_a * ranks_b,
            "gap": np.abs(a - b),
            "a": a,
            "b": b,
            "aa": a**2,
            "bb": b**2,
            "ab": a * b,
        }.items()
    }

    def spearman(w: Floats) -> Floats:
        m = {k: w @ v / np.maximum(w @ n, 1e-12) for k, v in moments.items()}
        with np.errstate(divide="ignore", invalid="ignore"):
            spread = np.sqrt((m["xx"] - m["x"] ** 2) * (m["yy"] - m["y"] ** 2))
            return np.where(spread > 1e-9, (m["xy"] - m["x"] * m["y"]) / spread, np.nan)

    def kappa(w: Floats) -> Floats:
        m = {k: w @ v / np.maximum(w @ n, 1e-12) for k, v in moments.items()}
        observed = m["aa"] + m["bb"] - 2 * m["ab"]
        expected = m["aa"] + m["bb"] - 2 * m["a"] * m["b"]
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(expected > 1e-12, 1 - observed / expected, np.nan)

    return {
        "spearman": boot.statistic(spearman),
        "quadratic_kappa": boot.statistic(kappa),
        "mean_gap": boot.statistic(lambda w: w @ moments["gap"] / np.maximum(w @ n, 1e-12)),
    }


def _ranks(values: Floats) -> Floats:
    """Return mid-ranks."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - (counts - 1) / 2)[place]
