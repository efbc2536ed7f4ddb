from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.fields import TABLES
from tasks.gate.drift import ShareSet, sampling_error, simulate_limit, stability_index
from tasks.gate.overlap import read_overlap

COUNTS = st.lists(st.integers(0, 5_000), min_size=2, max_size=40).filter(lambda c: sum(c) > 0)


def shares(n: float, design_effect: float = 1.0) -> ShareSet:
    return ShareSet({"a": 0.5, "b": 0.5}, n, 0, design_effect, None)


@given(COUNTS, st.integers(0, 2**32 - 1))
def test_index_is_finite_symmetric_and_zero_only_without_change(counts, seed) -> None:
    old = np.array(counts, dtype=float)
    new = np.random.default_rng(seed).permutation(old)
    index = stability_index(old, new)
    assert np.isfinite(index)
    assert index >= -1e-12
    assert index == pytest.approx(stability_index(new, old))
    assert stability_index(old, old) == pytest.approx(0, abs=1e-12)


def test_limit_agrees_with_theory_and_with_published_simulations() -> None:
    # mean (k - 1) (1/n + 1/m); the index is near that times chi-square / (k - 1)
    p = np.array([0.37, 0.21, 0.13, 0.115, 0.11, 0.055, 0.01])
    limit = simulate_limit(p, 5_100, 5_100, 0.99, 4_000, 1)
    chi_square_99_with_6_degrees = 16.812
    assert limit == pytest.approx(chi_square_99_with_6_degrees * 2 / 5_100, rel=0.1)


def test_three_times_the_limit_is_almost_never_passed_by_chance_but_a_ten_point_move_is_seen() -> None:
    p = np.array([0.37, 0.21, 0.13, 0.115, 0.11, 0.055, 0.01])
    limit = 3 * simulate_limit(p, 5_000, 5_000, 0.99, 2_000, 1)
    rng = np.random.default_rng(5)
    draws = stability_index(
        rng.multinomial(5_000, p, 3_000).astype(float), rng.multinomial(5_000, p, 3_000).astype(float)
    )
    assert (draws > limit).sum() == 0
    moved = p + np.array([0.10, -0.05, -0.05, 0, 0, 0, 0])
    assert stability_index(p * 5_000, moved * 5_000) > limit


def test_rows_that_both_releases_hold_do_not_move_by_chance() -> None:
    assert sampling_error(0.4, shares(500), shares(500), None) == 0
    grown = sampling_error(0.4, shares(500), shares(1_000), None)
    assert grown == pytest.approx(np.sqrt(0.24 * (1 / 500 - 1 / 1_000)))
    apart = sampling_error(0.4, shares(500), shares(500), 0.0)
    assert apart == pytest.approx(np.sqrt(0.24 * 2 / 500))
    assert sampling_error(0.4, shares(500, 4.0), shares(500), 0.0) == pytest.approx(2 * apart)
    assert sampling_error(0.4, shares(0), shares(500), None) == 0


def test_overlap_is_what_stands_unchanged() -> None:
    table = TABLES["changes"]
    rows = [
        ("conversations", "unchanged", 60),
        ("conversations", "changed", 20),
        ("conversations", "added", 20),
        ("conversations", "removed", 50),
        ("messages", "unchanged", 1),
    ]
    changes = pl.DataFrame(
        [
            {"scope": s, "change": c, "reason": "", "from_value": "", "to_value": "", "n_rows": n}
            for s, c, n in rows
        ],
        schema=table.polars_schema(),
    )
    assert read_overlap(changes) == 0.6
    assert read_overlap(table.empty()) is None
