"""Intervals for means and differences of the suites: whole participants drawn with replacement.

Items of one participant resemble each other, so they are drawn together; two conditions on the same items
are drawn together too (paired).
Source: Cameron, Gelbach and Miller (2008), Bootstrap-based improvements for inference with clustered errors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """A value and its 95 % interval; NaN where there is none, as with one participant."""

    value: float
    low: float
    high: float


class ParticipantBootstrap:
    """Draws of participants, the same for every figure of a suite.

    Args:
        participants: participant of each item.
        resamples: number of draws.
        seed: decides the draws.
    """

    def __init__(self, participants: Sequence[str], resamples: int, seed: int) -> None:
        self.names = sorted(set(participants))
        place = {name: i for i, name in enumerate(self.names)}
        self.codes = np.array([place[p] for p in participants], dtype=np.int64)
        n = len(self.names)
        rng = np.random.default_rng(seed)
        # with fewer than two there is nothing to draw from
        drawn = rng.multinomial(n, np.full(n, 1 / n), size=resamples) if n > 1 else np.zeros((0, n))
        self.weights: Floats = drawn.astype(np.float64)

    def totals(self, values: Floats) -> Floats:
        """Sum items, or rows of items, within participants."""
        out = np.zeros((len(self.names), *values.shape[1:]))
        np.add.at(out, self.codes, values)
        return out

    def statistic(self, of_weights: Callable[[Floats], Floats]) -> Interval:
        """Return a statistic and its percentile interval.

        Args:
            of_weights: takes draws × participants, returns one value a draw.
        """
        value = float(of_weights(np.ones((1, len(self.names))))[0]) if self.names else float("nan")
        if not len(self.weights):
            return Interval(value, float("nan"), float("nan"))
        drawn = of_weights(self.weights)
        finite = drawn[np.isfinite(drawn)]
        if not len(finite):
            return Interval(value, float("nan"), float("nan"))
        low, high = np.percentile(finite, [2.5, 97.5])
        return Interval(value, float(low), float(high))

    def mean(self, values: Floats) -> Interval:
        """Mean over items; NaN items (no value) count neither above nor below."""
        has = np.isfinite(values)
        top, base = self.totals(np.where(has, values, 0.0)), self.totals(has.astype(np.float64))
        return self.statistic(lambda w: _divide(w @ top, w @ base))

    def difference(self, before: Floats, after: Floats) -> tuple[Interval, Interval]:
        """Return the gain in points and relative to before, on items that have both values."""
        both = np.isfinite(before) & np.isfinite(after)
        old = self.totals(np.where(both, before, 0.0))
        new = self.totals(np.where(both, after, 0.0))
        base = self.totals(both.astype(np.float64))
        points = self.statistic(lambda w: _divide(w @ new - w @ old, w @ base))
        relative = self.statistic(lambda w: _divide(w @ new - w @ old, w @ old))
        return points, relative


def _divide(top: Floats, base: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(base != 0, top / base, np.nan)
