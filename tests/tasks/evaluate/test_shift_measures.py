"""Measures of distance between sets of vectors: what they must say where the answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.evaluate.resampling import ParticipantBootstrap
from tasks.evaluate.shift_measures import (
    centroid_gap,
    deal_folds,
    median_distance,
    probe_auc,
    project_pca,
    rbf_mmd,
)


def sets(shift: float, *, people: int = 12, each: int = 6, seed: int = 3):
    rng = np.random.default_rng(seed)
    n = people * each
    first, second = rng.normal(size=(n, 5)), rng.normal(size=(n, 5))
    second[:, 0] += shift
    names = [f"user{i // each}" for i in range(n)]
    return first, second, ParticipantBootstrap(names, 300, 1)


def test_the_same_distribution_has_no_shift() -> None:
    first, second, boot = sets(0.0)
    width = median_distance(np.concatenate([first, second]), 1)
    mmd, auc = rbf_mmd(first, second, width, boot), probe_auc(first, second, boot)
    assert abs(mmd.value) < 0.01
    assert mmd.low < 0 < mmd.high
    assert 0.35 < auc.value < 0.65
    assert auc.low <= auc.value <= auc.high


def test_every_measure_grows_with_the_shift() -> None:
    found = []
    for shift in (0.0, 1.0, 3.0):
        first, second, boot = sets(shift)
        found.append(
            (
                centroid_gap(first, second, boot).value,
                rbf_mmd(first, second, 2.0, boot).value,
                probe_auc(first, second, boot).value,
            )
        )
    assert all(np.all(np.diff(column) > 0) for column in np.array(found).T)
    assert found[-1][0] == pytest.approx(3.0, abs=0.4)
    assert found[-1][2] > 0.95


def test_a_participant_is_never_fitted_and_judged_on() -> None:
    # each person has a direction of their own, so a probe that saw them would know their texts
    people, each = 10, 4
    first = np.repeat(np.eye(people), each, axis=0)
    boot = ParticipantBootstrap([f"user{i // each}" for i in range(people * each)], 100, 1)
    assert probe_auc(first, -first, boot).value == pytest.approx(0.5)


def test_one_participant_gives_no_interval_and_no_probe() -> None:
    first, second, boot = sets(1.0, people=1)
    gap = centroid_gap(first, second, boot)
    assert np.isfinite(gap.value)
    assert np.isnan(gap.low)
    assert np.isnan(rbf_mmd(first, second, 2.0, boot).value)
    assert np.isnan(probe_auc(first, second, boot).value)


def test_folds_hold_whole_participants_and_do_not_depend_on_order() -> None:
    names = [f"user{i}" for i in range(17)]
    folds = dict(zip(names, deal_folds(names, 5), strict=True))
    assert folds == dict(zip(names[::-1], deal_folds(names[::-1], 5), strict=True))
    assert sorted(np.bincount(list(folds.values()))) == [3, 3, 3, 4, 4]


def test_projection_has_a_fixed_sign() -> None:
    vectors = np.random.default_rng(1).normal(size=(30, 6))
    assert np.allclose(project_pca(vectors), project_pca(vectors.copy()))
    assert project_pca(vectors[:, :1]).shape == (30, 2)
