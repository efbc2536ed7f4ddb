"""How good the labels are: each labeller against gold it has not seen, and against the others."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import Any

from schemas.taxonomies import Taxonomy
from tasks.tag.agreement import (
    cohen_kappa,
    count_confusion,
    expected_calibration_error,
    interval,
    interval_of_sets,
    judge,
    judge_sets,
    krippendorff_alpha,
    macro_f1,
    multi_f1,
    name_confusion,
)
from tasks.tag.embedding import Embedder
from tasks.tag.items import Gold, Item
from tasks.tag.local import Prediction, fit_tagger

_FOLDS = 8
MIN_ITEMS = 20
"""Fewer items than this say nothing, so nothing is measured on them."""
_MAX_ITEMS = 1_500
_SEED = 20260101


def measure_head(taxonomy: Taxonomy, gold: Sequence[Gold], embedder: Embedder) -> dict[str, Any]:
    """Measure the local head on gold: refitted without each fold of conversations, and without any gold.

    Returns:
        `fitted` and `zero_shot`, each as `score_labels` says; empty where gold is too little.
    """
    known = [g for g in gold if g.facet == taxonomy.facet and g.value in taxonomy and not g.item.is_empty]
    known = sorted(known, key=lambda g: (_hash(g.item.group), g.item.item_id))[:_MAX_ITEMS]
    groups = {g.item.group for g in known}
    if len(known) < MIN_ITEMS or len(groups) < 2:
        return {}
    items = [g.item for g in known]
    folds = [_hash(i.group) % _FOLDS for i in items]
    fitted: dict[str, Prediction] = {}
    for fold in sorted(set(folds)):
        tagger = fit_tagger(taxonomy, embedder, [g for g, f in zip(known, folds, strict=True) if f != fold])
        held = [i for i, f in zip(items, folds, strict=True) if f == fold]
        fitted |= {p.item_id: p for p in tagger.predict(held)}
    zero = {p.item_id: p for p in fit_tagger(taxonomy, embedder).predict(items)}
    truth = _gold_sets(known)
    return {
        "fitted": score_predictions(taxonomy, items, truth, fitted),
        "zero_shot": score_predictions(taxonomy, items, truth, zero),
    }


def score_predictions(
    taxonomy: Taxonomy,
    items: Sequence[Item],
    truth: Mapping[str, frozenset[str]],
    predictions: Mapping[str, Prediction],
) -> dict[str, Any]:
    """Score predictions against gold; see `score_labels`."""
    said = {i: frozenset(p.values) for i, p in predictions.items() if p.values}
    confidence = {i: p.confidence for i, p in predictions.items()}
    return score_labels(taxonomy, items, truth, said, confidence)


def score_labels(
    taxonomy: Taxonomy,
    items: Sequence[Item],
    truth: Mapping[str, frozenset[str]],
    said: Mapping[str, frozenset[str]],
    confidence: Mapping[str, float | None],
) -> dict[str, Any]:
    """Score labels against gold.

    Returns:
        n_items, n_groups (conversations) and, with 95 % intervals over conversations, kappa and macro_f1
        (for topics of the first domain, with multi_label_f1 and krippendorff_alpha of the sets); accuracy,
        ece (null without confidences) and the confusion, gold label to said label to items.
    """
    both = list({i.item_id: i for i in items if i.item_id in truth and i.item_id in said}.values())
    if not both:
        return {"n_items": 0, "n_groups": 0}
    labels = [n.id for n in (taxonomy.roots if taxonomy.multi_label else taxonomy.leaves)]
    first = [_first(taxonomy, truth[i.item_id], labels) for i in both]
    answer = [_first(taxonomy, said[i.item_id], labels) for i in both]
    judged = judge(first, answer, [i.group for i in both], labels)
    confusion = count_confusion(judged)
    right = [a == b for a, b in zip(first, answer, strict=True)]
    sure = [confidence.get(i.item_id) for i in both]
    report: dict[str, Any] = {
        "n_items": len(both),
        "n_groups": len({i.group for i in both}),
        "accuracy": _number(sum(right) / len(right)),
        "kappa": _with_interval(*interval(judged, cohen_kappa, _SEED)),
        "macro_f1": _with_interval(*interval(judged, macro_f1, _SEED)),
        "ece": None
        if any(c is None for c in sure)
        else _number(expected_calibration_error([c for c in sure if c is not None], right)),
        "confusion": name_confusion(confusion, labels),
    }
    if taxonomy.multi_label:
        sets = judge_sets(
            [truth[i.item_id] for i in both], [said[i.item_id] for i in both], [i.group for i in both]
        )
        report["multi_label_f1"] = _with_interval(*interval_of_sets(sets, multi_f1, _SEED))
        report["krippendorff_alpha"] = _with_interval(*interval_of_sets(sets, krippendorff_alpha, _SEED))
    return report


def _gold_sets(gold: Sequence[Gold]) -> dict[str, frozenset[str]]:
    sets: dict[str, frozenset[str]] = {}
    for g in gold:
        sets[g.item.item_id] = sets.get(g.item.item_id, frozenset()) | {g.value}
    return sets


def _first(taxonomy: Taxonomy, values: frozenset[str], labels: Sequence[str]) -> str:
    if not taxonomy.multi_label:
        return min(values)
    tops = {taxonomy.parent_of(v) or v for v in values}
    return next(v for v in labels if v in tops)


def _with_interval(value: float, low: float, high: float) -> dict[str, float | None]:
    return {"value": _number(value), "low": _number(low), "high": _number(high)}


def _number(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=6).digest(), "big")
