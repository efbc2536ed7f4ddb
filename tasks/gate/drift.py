"""How far shares moved between two releases, and how far they would move by chance alone.

The usual limits on the population stability index (0.1, 0.25) ignore how many rows were counted; a move of
ten points in the largest of seven shares stays under them. The limit here is a multiple of the index that
two draws from the same shares give, simulated for the number of labels and rows at hand.
Source: Yurdakul and Naranjo (2020), Statistical properties of the population stability index.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

HALF = 0.5


@dataclass(frozen=True, slots=True)
class ShareSet:
    """The shares of one set of labels in one release.

    Attributes:
        shares: label to share.
        n: labels counted.
        n_hidden: labels whose share is held back.
        design_effect: variance of a share as a multiple of that of independent rows.
        fingerprint: differs where the set of labels differs; None where there is none.
    """

    shares: Mapping[str, float]
    n: float
    n_hidden: int
    design_effect: float
    fingerprint: float | None


def read_shares(metrics: Mapping[str, float], name: str) -> ShareSet:
    """Take one set of shares out of the flat metrics; empty where they hold none."""
    prefix = f"share.{name}."
    return ShareSet(
        shares={k.removeprefix(prefix): v for k, v in metrics.items() if k.startswith(prefix)},
        n=metrics.get(f"labelled.{name}", 0.0),
        n_hidden=int(metrics.get(f"n_hidden.{name}", 0)),
        design_effect=max(1.0, metrics.get(f"deff.{name}", 1.0)),
        fingerprint=metrics.get(f"taxonomy.{name}"),
    )


def stability_index(old: npt.NDArray[np.float64], new: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Population stability index of two count vectors, or of rows of them; half a count is added to each."""
    p = (old + HALF) / (old.sum(-1, keepdims=True) + HALF * old.shape[-1])
    q = (new + HALF) / (new.sum(-1, keepdims=True) + HALF * new.shape[-1])
    return ((p - q) * np.log(p / q)).sum(-1)


def simulate_limit(
    shares: npt.NDArray[np.float64],
    n_old: float,
    n_new: float,
    quantile: float,
    simulations: int,
    seed: int,
) -> float:
    """Quantile of the index between two draws of n_old and n_new rows from the same shares."""
    rng = np.random.default_rng(seed)
    p = shares / shares.sum()
    old = rng.multinomial(max(1, round(n_old)), p, size=simulations).astype(np.float64)
    new = rng.multinomial(max(1, round(n_new)), p, size=simulations).astype(np.float64)
    return float(np.quantile(stability_index(old, new), quantile))


def sampling_error(share: float, old: ShareSet, new: ShareSet, overlap: float | None) -> float:
    """Standard error of the move of one share when new rows are drawn like the old ones.

    Rows that both releases hold do not move by chance. Without a known overlap the smaller release is
    taken to lie in the larger one, as it does when conversations are only added.

    Args:
        share: the share, pooled.
        old: the last release.
        new: this release.
        overlap: share of this release's rows that the last one held too.
    """
    if min(old.n, new.n) <= 0:
        return 0.0
    common = min(old.n, new.n) if overlap is None else min(overlap * new.n, old.n, new.n)
    fresh = max(0.0, 1 / old.n + 1 / new.n - 2 * common / (old.n * new.n))
    deff = max(old.design_effect, new.design_effect)
    return float(np.sqrt(max(0.0, share * (1 - share)) * deff * fresh))
