"""How far two sets of texts lie apart: centroid gap, RBF-MMD and the AUC of a linear probe.

Every measure is a function of sums within participants, so that a resample of participants costs a matrix
product and not a new computation.
Source: Gretton et al. 2012, A kernel two-sample test.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tasks.evaluate.resampling import Floats, Interval, ParticipantBootstrap
from tasks.tag.head import fit_head

FOLDS = 5
PROBE_C = 10.0
_BLOCK = 1_000
_NOTHING = Interval(float("nan"), float("nan"), float("nan"))


def centroid_gap(first: Floats, second: Floats, boot: ParticipantBootstrap) -> Interval:
    """L2 distance between the centroids of two sets of vectors, one pair a row."""
    difference = boot.totals(second - first)
    n = boot.totals(np.ones(len(first)))
    found = boot.statistic(lambda w: np.linalg.norm(w @ difference, axis=1) / (w @ n))
    # the norm of a noisy mean is too long on average, so a small gap can lie below all resampled ones
    return Interval(found.value, min(found.low, found.value), max(found.high, found.value))


def median_distance(vectors: Floats, seed: int, sample: int = 1_000) -> float:
    """Median distance between vectors, on a sample: the usual width of the kernel."""
    rng = np.random.default_rng(seed)
    if len(vectors) > sample:
        vectors = vectors[rng.choice(len(vectors), sample, replace=False)]
    upper = np.triu_indices(len(vectors), 1)
    distances = np.sqrt(_squared_distances(vectors, vectors))[upper]
    return float(np.median(distances[distances > 0])) if (distances > 0).any() else 1.0


def rbf_mmd(first: Floats, second: Floats, width: float, boot: ParticipantBootstrap) -> Interval:
    """Squared MMD with a Gaussian kernel, over pairs of texts of different participants only.

    Texts of one participant share topics, and a participant who is drawn twice must not meet themselves.
    NaN with fewer than two participants.
    """
    if len(boot.names) < 2:
        return _NOTHING
    blocks = [_kernel_sums(a, b, width, boot) for a, b in ((first, first), (second, second), (first, second))]
    within_first, within_second, between = blocks
    combined = within_first + within_second - 2 * between
    n = boot.totals(np.ones(len(first)))
    pairs = np.outer(n, n)
    np.fill_diagonal(combined, 0.0)
    np.fill_diagonal(pairs, 0.0)

    def statistic(w: Floats) -> Floats:
        return ((w @ combined) * w).sum(1) / ((w @ pairs) * w).sum(1)

    found = boot.statistic(statistic)
    return Interval(found.value, min(found.low, found.value), max(found.high, found.value))


def probe_auc(first: Floats, second: Floats, boot: ParticipantBootstrap) -> Interval:
    """AUC of a linear probe that tells the two sets apart, on participants it was not fitted on.

    Five folds of whole participants (fewer where there are fewer); the AUC compares texts of the same fold.
    NaN with fewer than two participants.
    """
    n_folds = min(FOLDS, len(boot.names))
    if n_folds < 2:
        return _NOTHING
    fold_of = deal_folds(boot.names, n_folds)
    folds = fold_of[boot.codes]
    features = np.concatenate([first, second]).astype(np.float64)
    labels = np.concatenate([np.zeros(len(first)), np.ones(len(second))]).astype(np.int64)
    both = np.concatenate([folds, folds])
    scores = np.zeros(len(features))
    for fold in range(n_folds):
        train = both != fold
        head = fit_head(features[train], labels[train], 2, np.ones(int(train.sum())), PROBE_C)
        logits = head.logits(features[~train])
        scores[~train] = logits[:, 1] - logits[:, 0]
    low, high = scores[: len(first)], scores[len(first) :]
    wins = np.zeros((len(boot.names), len(boot.names)))
    for start in range(0, len(low), _BLOCK):
        part = low[start : start + _BLOCK, None]
        won = (high > part) + 0.5 * (high == part)
        by_second = np.zeros((len(won), len(boot.names)))
        np.add.at(by_second.T, boot.codes, won.T)
        np.add.at(wins, boot.codes[start : start + _BLOCK], by_second)
    n = boot.totals(np.ones(len(first)))
    same_fold = fold_of[:, None] == fold_of[None, :]
    wins *= same_fold
    pairs = np.outer(n, n) * same_fold
    return boot.statistic(lambda w: ((w @ wins) * w).sum(1) / np.maximum(((w @ pairs) * w).sum(1), 1e-12))


def deal_folds(names: Sequence[str], n_folds: int) -> NDArray[np.int64]:
    """Return a fold for each participant, by a hash of the name: the same in every run."""
    order = sorted(range(len(names)), key=lambda i: hashlib.sha256(names[i].encode()).digest())
    folds = np.zeros(len(names), dtype=np.int64)
    folds[order] = np.arange(len(names)) % n_folds
    return folds


def project_pca(vectors: Floats) -> Floats:
    """Return the first two principal components, each with a fixed sign."""
    centred = vectors - vectors.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    axes = axes[:2] * np.sign(axes[:2][np.arange(len(axes[:2])), np.abs(axes[:2]).argmax(axis=1)])[:, None]
    found = centred @ axes.T
    return np.hstack([found, np.zeros((len(found), 2 - found.shape[1]))]) if found.shape[1] < 2 else found


def _kernel_sums(a: Floats, b: Floats, width: float, boot: ParticipantBootstrap) -> Floats:
    """Sum the kernel within blocks of participant × participant."""
    total = np.zeros((len(boot.names), len(boot.names)))
    for start in range(0, len(a), _BLOCK):
        kernel = np.exp(-_squared_distances(a[start : start + _BLOCK], b) / (2 * width**2))
        by_second = np.zeros((len(kernel), len(boot.names)))
        np.add.at(by_second.T, boot.codes, kernel.T)
        np.add.at(total, boot.codes[start : start + _BLOCK], by_second)
    return (total + total.T) / 2


def _squared_distances(a: Floats, b: Floats) -> Floats:
    squares = (a**2).sum(1)[:, None] + (b**2).sum(1)[None, :] - 2 * a @ b.T
    return np.maximum(squares, 0.0)
