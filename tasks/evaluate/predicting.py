"""Asking predictors for texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tasks.evaluate.asking import NOTHING_LEFT, Ask, Asker, make_ask
from tasks.evaluate.judging import find_guard
from tasks.evaluate.shapes import TextShape
from tasks.evaluate.suite import Failure, Findings, Item, Prediction


def predict_texts(
    findings: Findings,
    asker: Asker,
    items: Sequence[Item],
    models: Sequence[str],
    *,
    step: str,
    condition: str,
    prompt: Callable[[Item], str],
    shape: Callable[[Item], TextShape],
    material: Callable[[Item], Mapping[str, Any]],
) -> list[Prediction]:
    """Add a prediction of every model for every item, or a named failure; returns the predictions.

    Args:
        findings: is added to.
        asker: who answers.
        items: what is predicted.
        models: who predicts.
        step: name of the step.
        condition: what the prediction is made from, or by which method.
        prompt: name of an item's prompt.
        shape: what is asked for.
        material: what the model is shown.
    """
    guard = find_guard(findings)
    asks: list[Ask] = []
    for model in models:
        for item in items:
            ask = make_ask(
                guard,
                item_id=item.item_id,
                step=step,
                model=model,
                prompt=prompt(item),
                material=material(item),
                shape=shape(item),
                condition=condition,
            )
            if ask is None:
                findings.failures.append(Failure(item.item_id, step, NOTHING_LEFT, condition, model))
            else:
                asks.append(ask)
    predictions: list[Prediction] = []
    for ask, answer in zip(asks, asker.ask(asks), strict=True):
        if answer.fault:
            findings.failures.append(
                Failure(ask.item_id, step, answer.fault, condition, ask.model, answer.n_attempts)
            )
        else:
            predictions.append(
                Prediction(
                    ask.item_id, condition, ask.model, answer.model_snapshot, answer.value, ask.prompt.sha256
                )
            )
    findings.predictions += predictions
    return predictions
