"""Intervals by a bootstrap over participants.

The conversations of one participant resemble each other, so a resample draws whole participants with
replacement. Everything is a count matrix (participants × cells) times a weight matrix (resamples ×
participants); the products are sums of whole numbers, exact in floating point and so the same on every
machine. Source: Cameron, Gelbach and Miller (2008), Bootstrap-based improvements for inference with
clustered errors; Wilson (1927) for cells with few counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
Counts: TypeAlias = npt.NDArray[np.int64]

CONFIDENCE = 0.95
_Z = 1.959963984540054
_FEW = 20
_BLOCK_CELLS = 16_000_000
_EXACT_FLOAT32 = 8_000_000
_FLOAT_CELLS = 120_000_000
"""Up to here (480 MB) the draws are kept as floats: turning bytes into floats for each product costs as much
as the product. Above it they stay bytes, and are turned block by block."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Ratios with intervals; NaN where nothing was counted or no interval can be given."""

    value: Floats
    low: Floats
    high: Floats
    design_effect: Floats


class ClusterBootstrap:
    """Participants drawn with replacement, the same draws for every statistic.

    Args:
        n_clusters: number of participants.
        resamples: number of draws.
        seed: decides the draws.
    """

    def __init__(self, n_clusters: int, resamples: int, seed: int) -> None:
        self.n_clusters = n_clusters
        self.resamples = resamples
        rng = np.random.default_rng(seed)
        shape = (resamples if n_clusters > 1 else 0, n_clusters)
        kind = np.float32 if shape[0] * n_clusters <= _FLOAT_CELLS else np.uint8
        self._weights: npt.NDArray[np.float32 | np.uint8] = np.zeros(shape, dtype=kind)
        for row in self._weights:
            drawn = np.bincount(rng.integers(n_clusters, size=n_clusters), minlength=n_clusters)
            row[:] = np.minimum(drawn, 255)

    @property
    def is_possible(self) -> bool:
        """Whether there are participants enough to draw from."""
        return self.n_clusters > 1 and self.resamples > 0

    def sums(self, matrix: Counts) -> Floats:
        """Weighted column sums: resamples × cells, from participants × cells."""
        kind = np.float32 if matrix.sum(0).max(initial=0) < _EXACT_FLOAT32 else np.float64
        values = matrix.astype(kind)
        blocks = [block.astype(kind, copy=False) @ values for block in self._blocks()]
        if not blocks:
            return np.zeros((0, matrix.shape[1]))
        return np.concatenate(blocks).astype(np.float64)

    def ratio(self, numerator: Counts, denominator: Counts) -> Estimate:
        """Sum of numerator over sum of denominator for each cell.

        Args:
            numerator: participants × cells.
            denominator: participants × bases; each base is that of the next cells / bases cells, so a
                single column is the base of all of them.

        Returns:
            One value a cell. Cells with fewer than 20 counts, or fewer than 20 short of the base, get a
            Wilson interval at the effective sample size, as a percentile interval collapses there.
        """
        top, base = numerator.sum(0).astype(np.float64), denominator.sum(0).astype(np.float64)
        n_cells = numerator.shape[1]
        cells_a_base = n_cells // max(1, denominator.shape[1])
        base = np.repeat(base, cells_a_base)
        with np.errstate(divide="ignore", invalid="ignore"):
            value = np.where(base > 0, top / base, np.nan)
        if not self.is_possible or not top.size:
            blank = np.full(top.shape, np.nan)
            return Estimate(value, blank, blank.copy(), blank.copy())
        with np.errstate(divide="ignore", invalid="ignore"):
            sums = self.sums(np.hstack([numerator, denominator]))
            drawn = sums[:, :n_cells] / np.repeat(sums[:, n_cells:], cells_a_base, axis=1)
            low, high = _quantiles(drawn)
            variance = _nan_variance(drawn)
            deff = variance / (value * (1 - value) / base)
        few = (np.minimum(top, base - top) < _FEW) & (base > 0) & (value <= 1)
        usual = deff[~few & np.isfinite(deff)]
        assumed = max(1.0, float(np.median(usual))) if usual.size else 1.0
        wilson_low, wilson_high = wilson(top, base, assumed)
        low = np.where(few, wilson_low, np.minimum(low, value))
        high = np.where(few, wilson_high, np.maximum(high, value))
        return Estimate(value, low, high, np.where(few, assumed, deff))

    def median(self, values: Floats, counts: Counts) -> tuple[float, float]:
        """Interval of the median of values counted per participant.

        Args:
            values: the distinct values, rising.
            counts: participants × values.
        """
        if not self.is_possible or not counts.sum():
            return float("nan"), float("nan")
        drawn = np.cumsum(self.sums(counts), axis=1)
        total = drawn[:, -1:]
        drawn = drawn[total[:, 0] > 0]
        total = drawn[:, -1:]
        lower = values[(drawn >= total / 2).argmax(1)]
        upper = values[(drawn > total / 2).argmax(1)]
        low, high = np.quantile((lower + upper) / 2, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
        return float(low), float(high)

    def _blocks(self) -> Iterator[npt.NDArray[np.float32 | np.uint8]]:
        size = max(1, _BLOCK_CELLS // max(1, self.n_clusters))
        for start in range(0, len(self._weights), size):
            yield self._weights[start : start + size]


def count_matrix(cluster: Counts, cell: Counts, n_clusters: int, n_cells: int) -> Counts:
    """Count pairs of cluster and cell: n_clusters × n_cells."""
    flat = np.bincount(cluster * n_cells + cell, minlength=n_clusters * n_cells)
    return flat.reshape(n_clusters, n_cells).astype(np.int64)


def wilson(top: Floats, base: Floats, design_effect: float = 1.0) -> tuple[Floats, Floats]:
    """Wilson score interval of top / base at the effective sample size base / design_effect."""
    with np.errstate(divide="ignore", invalid="ignore"):
        n = np.where(base > 0, base / design_effect, np.nan)
        p = np.where(base > 0, top / base, np.nan)
        centre = (p + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
        half = _Z * np.sqrt(p * (1 - p) / n + _Z**2 / (4 * n**2)) / (1 + _Z**2 / n)
    return np.clip(centre - half, 0.0, 1.0), np.clip(centre + half, 0.0, 1.0)


def _quantiles(drawn: Floats) -> tuple[Floats, Floats]:
    ends = np.full((2, drawn.shape[1]), np.nan)
    has_any = ~np.isnan(drawn).all(axis=0)
    if has_any.any():
        ends[:, has_any] = np.nanquantile(
            drawn[:, has_any], [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], axis=0
        )
    return ends[0], ends[1]


def _nan_variance(drawn: Floats) -> Floats:
    variance = np.full(drawn.shape[1], np.nan)
    has_any = ~np.isnan(drawn).all(axis=0)
    if has_any.any():
        variance[has_any] = np.nanvar(drawn[:, has_any], axis=0)
    return variance
