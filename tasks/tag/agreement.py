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
    finite = [d for d in drawn if np.isfinite(d)]
    low, high = np.percentile(finite, [2.5, 97.5]) if finite else (float("nan"), float("nan"))
    return measure(per_group.sum(axis=0)), float(low), float(high)


def multi_f1(truth: Sequence[frozenset[str]], said: Sequence[frozenset[str]]) -> float:
    """Micro F1 of sets of labels: shared labels against all given by either side."""
    shared = sum(len(a & b) for a, b in zip(truth, said, strict=True))
    total = sum(len(a) + len(b) for a, b in zip(truth, said, strict=True))
    return 2 * shared / total if total else float("nan")


def krippendorff_alpha(truth: Sequence[frozenset[str]], said: Sequence[frozenset[str]]) -> float:
    """Krippendorff's α for two coders of label sets, with the Jaccard distance.

    Source: Krippendorff 2004, Content Analysis; Jaccard distance for set-valued items.
    """
    if not truth:
        return float("nan")
    observed = float(np.mean([_distance(a, b) for a, b in zip(truth, said, strict=True)]))
    pool = [*truth, *said]
    kinds = list(dict.fromkeys(pool))
    counts = np.array([pool.count(k) for k in kinds], dtype=np.float64)
    distances = np.array([[_distance(a, b) for b in kinds] for a in kinds])
    expected = float(counts @ distances @ counts / (len(pool) * (len(pool) - 1)))
    return float("nan") if expected == 0 else 1 - observed / expected


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


def _distance(a: frozenset[str], b: frozenset[str]) -> float:
    union = len(a | b)
    return 0.0 if not union else 1 - len(a & b) / union
