"""From policy and metrics to single checks: one number, one band, one severity each."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np

from tasks.gate.drift import ShareSet, read_shares, sampling_error, simulate_limit, stability_index
from tasks.gate.policy import Check, Drift, DriftSet, GatePolicy, Severity

POINTS = 100.0


@dataclass(frozen=True, slots=True)
class PlannedCheck:
    """One check before it is judged.

    Attributes:
        name: unique name.
        metric: metric that it looks at.
        severity: how bad a failure is.
        unit: what `value` is: the metric itself, a change, a ratio, points or an index.
        value: the number to judge; None where there is nothing to judge.
        low: smallest value that passes, None for no limit.
        high: largest value that passes, None for no limit.
        current: the metric in this release.
        previous: the metric in the last release.
        why: what a failure means.
        note: what else a reader should know, for example why there is nothing to judge.
        missing_fails: nothing to judge counts as a failure.
    """

    name: str
    metric: str
    severity: Severity
    unit: str
    value: float | None
    low: float | None
    high: float | None
    current: float | None
    previous: float | None
    why: str
    note: str = ""
    missing_fails: bool = False


def plan_checks(
    metrics: Mapping[str, float],
    previous: Mapping[str, float] | None,
    policy: GatePolicy,
    *,
    allow_removals: bool,
    overlap: float | None,
) -> list[PlannedCheck]:
    """List every check of the policy that applies to this release, in the policy's order."""
    plans = [
        plan
        for check in policy.checks
        if check.when == "always" or (check.when == "strict") == bool(metrics.get("policy.is_strict", 0))
        for plan in _plan_bands(check, metrics, previous, allow_removals)
    ]
    if previous is not None:
        for drift_set in policy.drift.sets:
            plans += _plan_drift(drift_set, policy.drift, metrics, previous, overlap)
    return plans


def _plan_bands(
    check: Check,
    metrics: Mapping[str, float],
    previous: Mapping[str, float] | None,
    allow_removals: bool,
) -> Iterator[PlannedCheck]:
    if check.compare != "value" and previous is None:
        return
    is_pattern = "*" in check.metric
    severity = "warning" if check.waived_by_removals and allow_removals else check.severity
    names = [m for m in metrics if fnmatchcase(m, check.metric)] if is_pattern else [check.metric]
    if is_pattern and not names and check.if_missing != "skip":
        names = [check.metric]
    for metric in names:
        current = metrics.get(metric)
        before = None if previous is None else previous.get(metric)
        value, note = _compare(check, current, before)
        if value is not None and check.needs is not None:
            size = metrics.get(check.needs.metric, 0.0)
            if size < check.needs.at_least:
                value, note = None, f"{check.needs.metric} is {size:g}, too few to judge by"
        missing_fails = current is None and check.if_missing != "skip"
        yield PlannedCheck(
            name=f"{check.name}:{metric}" if is_pattern else check.name,
            metric=metric,
            severity="warning" if missing_fails and check.if_missing == "warn" else severity,
            unit=check.compare,
            value=value,
            low=check.min,
            high=check.max,
            current=current,
            previous=before,
            why=check.why,
            note=note,
            missing_fails=missing_fails,
        )


def _compare(check: Check, current: float | None, before: float | None) -> tuple[float | None, str]:
    if current is None:
        return None, "this release does not have the number"
    if check.compare == "value":
        return current, ""
    if before is None:
        return None, "the last release does not have the number"
    if check.compare == "change":
        return round(current - before, 9), ""
    if before == 0:
        return (1.0, "") if current == 0 else (None, "the last release has zero, so there is no ratio")
    return round(current / before, 9), ""


def _plan_drift(
    drift_set: DriftSet,
    drift: Drift,
    metrics: Mapping[str, float],
    previous: Mapping[str, float],
    overlap: float | None,
) -> Iterator[PlannedCheck]:
    name = drift_set.name
    old, new = read_shares(previous, name), read_shares(metrics, name)
    if old.n <= 0 or new.n <= 0:
        return
    is_relabelled = None not in (old.fingerprint, new.fingerprint) and old.fingerprint != new.fingerprint
    taxonomy_note = (
        "the set of labels changed, so a move is shown and does not block" if is_relabelled else ""
    )
    if drift_set.max_points is not None:
        for label in sorted(old.shares.keys() | new.shares.keys()):
            yield _plan_points(
                label, drift_set, drift_set.max_points, drift, old, new, overlap, taxonomy_note
            )
    yield _plan_index(drift_set, drift, old, new, taxonomy_note)


def _plan_points(
    label: str,
    drift_set: DriftSet,
    max_points: float,
    drift: Drift,
    old: ShareSet,
    new: ShareSet,
    overlap: float | None,
    taxonomy_note: str,
) -> PlannedCheck:
    before, current = old.shares.get(label), new.shares.get(label)
    hidden = (before is None and old.n_hidden > 0) or (current is None and new.n_hidden > 0)
    p, q = before or 0.0, current or 0.0
    pooled = (p * old.n + q * new.n) / (old.n + new.n)
    noise = POINTS * drift.noise_sigmas * sampling_error(pooled, old, new, overlap)
    limit = round(max(max_points, noise), 3)
    notes = [taxonomy_note] if taxonomy_note else []
    if hidden:
        notes.append("the share is held back in one of the releases")
    elif before is None:
        notes.append("the last release does not have this label")
    elif current is None:
        notes.append("this release does not have this label")
    if limit > max_points:
        notes.append(
            f"limit widened from {max_points:g} points, as new rows alone would move the share this far"
        )
    return PlannedCheck(
        name=f"points:{drift_set.name}.{label}",
        metric=f"share.{drift_set.name}.{label}",
        severity="warning" if taxonomy_note else drift_set.points_severity,
        unit="points",
        value=None if hidden else round(POINTS * (q - p), 6),
        low=-limit,
        high=limit,
        current=current,
        previous=before,
        why="The share moved further than the policy allows between two releases.",
        note="; ".join(notes),
    )


def _plan_index(
    drift_set: DriftSet, drift: Drift, old: ShareSet, new: ShareSet, taxonomy_note: str
) -> PlannedCheck:
    labels = sorted(old.shares.keys() | new.shares.keys())
    deff = max(old.design_effect, new.design_effect)
    p = np.array([old.shares.get(label, 0.0) for label in labels]) * old.n
    q = np.array([new.shares.get(label, 0.0) for label in labels]) * new.n
    index, limit = 0.0, None
    if len(labels) > 1 and (p + q).sum() > 0:
        index = float(stability_index(p, q))
        limit = drift.psi_factor * simulate_limit(
            p + q, old.n / deff, new.n / deff, drift.psi_quantile, drift.simulations, drift.seed
        )
    return PlannedCheck(
        name=f"psi:{drift_set.name}",
        metric=f"psi.{drift_set.name}",
        severity=drift_set.psi_severity,
        unit="psi",
        value=round(index, 6) if math.isfinite(index) else None,
        low=None,
        high=None if limit is None else round(limit, 6),
        current=None,
        previous=None,
        why="The shares as a whole moved further than chance explains.",
        note=taxonomy_note or ("" if limit is not None else "one label only, so nothing can move"),
    )
