from __future__ import annotations

import time

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.stats.intervals import ClusterBootstrap, count_matrix, wilson
from tasks.stats.names import LabelName
from tasks.stats.thoughts import flow_stages


def test_matrix_form_equals_a_plain_loop_over_drawn_participants() -> None:
    rng = np.random.default_rng(3)
    counts = rng.integers(20, 60, size=(12, 3))
    boot = ClusterBootstrap(12, 300, seed=9)
    found = boot.ratio(counts, counts.sum(1, keepdims=True))
    draws = np.random.default_rng(9)
    shares = []
    for _ in range(300):
        chosen = counts[draws.integers(12, size=12)]
        shares.append(chosen.sum(0) / chosen.sum())
    low, high = np.quantile(shares, [0.025, 0.975], axis=0)
    assert found.low == pytest.approx(low)
    assert found.high == pytest.approx(high)
    assert found.value == pytest.approx(counts.sum(0) / counts.sum())


def test_median_equals_a_plain_loop() -> None:
    rng = np.random.default_rng(4)
    lengths = [rng.choice([2, 4, 6, 8, 12], size=rng.integers(1, 5)) for _ in range(15)]
    values = np.array([2.0, 4, 6, 8, 12])
    counts = np.array([[int((own == v).sum()) for v in values] for own in lengths])
    low, high = ClusterBootstrap(15, 400, seed=2).median(values, counts)
    draws = np.random.default_rng(2)
    medians = [
        np.median(np.concatenate([lengths[i] for i in draws.integers(15, size=15)])) for _ in range(400)
    ]
    assert (low, high) == pytest.approx(tuple(np.quantile(medians, [0.025, 0.975])))


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(11)
    hits = 0
    for run in range(150):
        taste = rng.beta(4, 6, size=120)
        n = rng.integers(3, 12, size=120)
        yes = rng.binomial(n, taste)
        counts = np.stack([yes, n - yes], axis=1)
        found = ClusterBootstrap(120, 400, seed=run).ratio(counts, counts.sum(1, keepdims=True))
        hits += found.low[0] <= 0.4 <= found.high[0]
    assert 0.90 <= hits / 150 <= 0.985


def test_whole_participants_widen_intervals() -> None:
    # each participant always gives the same label: 10 labels of one person say no more than one
    counts = np.array([[10, 0], [0, 10]] * 20)
    found = ClusterBootstrap(40, 1_000, seed=1).ratio(counts, counts.sum(1, keepdims=True))
    assert found.design_effect[0] == pytest.approx(10, rel=0.2)


def test_few_counts_get_a_wilson_interval() -> None:
    counts = np.array([[0, 30], [1, 29]] * 10)
    found = ClusterBootstrap(20, 500, seed=1).ratio(counts, counts.sum(1, keepdims=True))
    assert found.low[0] > 0
    low, high = wilson(np.array([10.0]), np.array([600.0]), found.design_effect[0])
    assert (found.low[0], found.high[0]) == pytest.approx((low[0], high[0]))
    # textbook: 0 of 10 gives up to 27.8 %
    assert wilson(np.array([0.0]), np.array([10.0]))[1][0] == pytest.approx(0.2775, abs=1e-4)


@pytest.mark.parametrize("n", [0, 1])
def test_no_interval_without_two_participants(n) -> None:
    boot = ClusterBootstrap(n, 100, seed=1)
    counts = np.full((n, 2), 5)
    found = boot.ratio(counts, counts.sum(1, keepdims=True))
    assert np.isnan(found.low).all()
    assert np.isnan(found.high).all()
    assert np.isnan(boot.median(np.array([1.0, 2.0]), counts)).all()


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.data())
def test_interval_holds_the_share_and_stays_in_range(data) -> None:
    n = data.draw(st.integers(0, 8))
    k = data.draw(st.integers(1, 4))
    cells = data.draw(st.lists(st.integers(0, 40), min_size=n * k, max_size=n * k))
    counts = np.array(cells, dtype=np.int64).reshape(n, k)
    found = ClusterBootstrap(n, 100, seed=1).ratio(counts, counts.sum(1, keepdims=True))
    if counts.sum() and n > 1:
        assert (found.low >= -1e-12).all()
        assert (found.high <= 1 + 1e-12).all()
        assert (found.low <= found.value + 1e-12).all()
        assert (found.value <= found.high + 1e-12).all()
    if not counts.sum():
        assert np.isnan(found.value).all()


def test_two_thousand_resamples_at_real_size_take_under_two_seconds() -> None:
    rng = np.random.default_rng(1)
    n = 1_058
    started = time.process_time()
    boot = ClusterBootstrap(n, 2_000, seed=1)
    for labels in (7, 5, 7, 36, 5, 28, 20, 49, 35, 45):
        counts = count_matrix(rng.integers(n, size=5_000), rng.integers(labels, size=5_000), n, labels)
        boot.ratio(counts, counts.sum(1, keepdims=True))
    boot.median(np.arange(2, 62, 2.0), rng.integers(0, 2, size=(n, 30)))
    assert time.process_time() - started < 2


def test_stage_flow_takes_the_nearest_labelled_message_ties_the_earlier() -> None:
    # 10 messages: the anchor at a third is message 4 (i = 3), which carries no label; 3 and 5 are as near
    rows = pl.DataFrame(
        {
            "c": [0] * 5,
            "t": [0, 1, 2, 3, 4],
            "turn": [1, 3, 3, 5, 10],
            "n_role": [10] * 5,
            "value": ["a", "b", "d", "c", "e"],
        }
    )
    nodes = tuple(LabelName(v, v) for v in "abcde")
    flows = {(f.step, f.from_value, f.to_value): f.n for f in flow_stages(rows, nodes)}
    assert flows == {("early>mid_early", "a", "b"): 1}
