"""Agreement between labels and gold: Cohen's κ, macro-F1, Krippendorff's α, with cluster intervals.

Labels of one conversation hang together, so the bootstrap draws conversations, not items.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 500
Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Judged:
    """Single labels of the same items by two sides, as codes, with the conversation of each."""

    truth: Codes
    said: Codes
    groups: Codes
    n_labels: int


def judge(truth: Sequence[str], said: Sequence[str], groups: Sequence[str], labels: Sequence[str]) -> Judged:
    """Return labels as codes; a label outside `labels` is an error."""
    code = {v: i for i, v in enumerate(labels)}
    group = {g: i for i, g in enumerate(dict.fromkeys(groups))}
    return Judged(
        np.array([code[v] for v in truth], dtype=np.int64),
        np.array([code[v] for v in said], dtype=np.int64),
        np.array([group[g] for g in groups], dtype=np.int64),
        len(labels),
    )


def count_confusion(judged: Judged) -> NDArray[np.float64]:
    """Return gold in rows, said in columns."""
    matrix = np.zeros((judged.n_labels, judged.n_labels))
    np.add.at(matrix, (judged.truth, judged.said), 1.0)
    return matrix


def cohen_kappa(confusion: NDArray[np.float64]) -> float:
    """Agreement beyond chance; NaN where chance explains all (one label only).

    Source: Cohen 1960, A coefficient of agreement for nominal scales.
    """
    n = confusion.sum()
    if n == 0:
        return float("nan")
    chance = float((confusion.sum(0) * confusion.sum(1)).sum() / n**2)
    return float("nan") if chance >= 1 else (float(np.trace(confusion) / n) - chance) / (1 - chance)


def macro_f1(confusion: NDArray[np.float64]) -> float:
    """Mean F1 of the labels that occur in gold."""
    hits, gold, said = np.diag(confusion), confusion.sum(1), confusion.sum(0)
    occurs = gold > 0
    return float((2 * hits[occurs] / (gold + said)[occurs]).mean()) if occurs.any() else float("nan")


def interval(
    judged: Judged, measure: Callable[[NDArray[np.float64]], float], seed: int
) -> tuple[float, float, float]:
    """Return a measure with its 95 % interval over resampled conversations."""
    n_groups = int(judged.groups.max()) + 1 if len(judged.groups) else 0
    if not n_groups:
        return float("nan"), float("nan"), float("nan")
    per_group = np.zeros((n_groups, judged.n_labels, judged.n_labels))
    np.add.at(per_group, (judged.groups, judged.truth, judged.said), 1.0)
    rng = np.random.default_rng(seed)
    drawn = [measure(per_group[rng.integers(0, n_groups, n_groups)].sum(axis=0)) for _ in range(RESAMPLES)]
    return measure(per_group.sum(axis=0)), *_middle(drawn)


@dataclass(frozen=True, slots=True)
class JudgedSets:
    """Sets of labels of the same items by two sides, each distinct set as a code.

    Attributes:
        truth: code of the gold set of each item.
        said: code of the other side's set.
        groups: conversation of each item.
        shared: labels that two sets have in common, by their codes.
        sizes: labels of a set, by its code.
    """

    truth: Codes
    said: Codes
    groups: Codes
    shared: NDArray[np.float64]
    sizes: NDArray[np.float64]


def judge_sets(
    truth: Sequence[frozenset[str]], said: Sequence[frozenset[str]], groups: Sequence[str]
) -> JudgedSets:
    """Return sets of labels as codes."""
    kinds = list(dict.fromkeys([*truth, *said]))
    code = {kind: i for i, kind in enumerate(kinds)}
    group = {g: i for i, g in enumerate(dict.fromkeys(groups))}
    return JudgedSets(
        np.array([code[v] for v in truth], dtype=np.int64),
        np.array([code[v] for v in said], dtype=np.int64),
        np.array([group[g] for g in groups], dtype=np.int64),
        np.array([[len(a & b) for b in kinds] for a in kinds], dtype=np.float64).reshape(
            len(kinds), len(kinds)
        ),
        np.array([len(a) for a in kinds], dtype=np.float64),
    )


def multi_f1(sets: JudgedSets, items: Codes | None = None) -> float:
    """Micro F1 of sets of labels: shared labels against all given by either side.

    Args:
        sets: the sets of both sides.
        items: items counted, one as often as it occurs here; all when not given.
    """
    truth, said = _pick(sets, items)
    total = float(sets.sizes[truth].sum() + sets.sizes[said].sum())
    return 2 * float(sets.shared[truth, said].sum()) / total if total else float("nan")


def krippendorff_alpha(sets: JudgedSets, items: Codes | None = None) -> float:
    """Krippendorff's α for two coders of label sets, with the Jaccard distance.

    Args:
        sets: the sets of both sides.
        items: items counted, one as often as it occurs here; all when not given.

    Source: Krippendorff 2004, Content Analysis; Jaccard distance for set-valued items.
    """
    truth, said = _pick(sets, items)
    if not len(truth):
        return float("nan")
    union = sets.sizes[:, None] + sets.sizes[None, :] - sets.shared
    distances = 1 - np.divide(sets.shared, union, out=np.ones_like(union), where=union > 0)
    counts = np.bincount(np.concatenate([truth, said]), minlength=len(sets.sizes)).astype(np.float64)
    n = counts.sum()
    expected = float(counts @ distances @ counts / (n * (n - 1)))
    return float("nan") if expected == 0 else 1 - float(distances[truth, said].mean()) / expected


def interval_of_sets(
    sets: JudgedSets, measure: Callable[[JudgedSets, Codes | None], float], seed: int
) -> tuple[float, float, float]:
    """Return a measure of sets with its 95 % interval over resampled conversations."""
    n_groups = int(sets.groups.max()) + 1 if len(sets.groups) else 0
    if not n_groups:
        return float("nan"), float("nan"), float("nan")
    members = [np.flatnonzero(sets.groups == g) for g in range(n_groups)]
    rng = np.random.default_rng(seed)
    drawn = [
        measure(sets, np.concatenate([members[g] for g in rng.integers(0, n_groups, n_groups)]))
        for _ in range(RESAMPLES)
    ]
    return measure(sets, None), *_middle(drawn)


def expected_calibration_error(confidences: Sequence[float], right: Sequence[bool]) -> float:
    """Mean gap between confidence and accuracy over ten bins."""
    if not confidences:
        return float("nan")
    conf, ok = np.array(confidences), np.array(right, dtype=np.float64)
    bins = np.minimum((conf * 10).astype(int), 9)
    return float(
        sum(
            (bins == b).mean() * abs(ok[bins == b].mean() - conf[bins == b].mean())
            for b in range(10)
            if (bins == b).any()
        )
    )


def name_confusion(matrix: NDArray[np.float64], labels: Sequence[str]) -> Mapping[str, Mapping[str, int]]:
    """Return the cells that are not zero: gold label to said label to items."""
    return {
        row: {column: int(matrix[i, j]) for j, column in enumerate(labels) if matrix[i, j]}
        for i, row in enumerate(labels)
        if matrix[i].any()
    }


def _pick(sets: JudgedSets, items: Codes | None) -> tuple[Codes, Codes]:
    return (sets.truth, sets.said) if items is None else (sets.truth[items], sets.said[items])


def _middle(drawn: Sequence[float]) -> tuple[float, float]:
    """Return the middle 95 % of what was drawn."""
    finite = [d for d in drawn if np.isfinite(d)]
    if not finite:
        return float("nan"), float("nan")
    low, high = np.percentile(finite, [2.5, 97.5])
    return float(low), float(high)
