"""From values of items to figures with intervals and denominators."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from schemas.config import EvaluateSettings
from tasks.evaluate.resampling import Floats, Interval, ParticipantBootstrap
from tasks.evaluate.suite import Item, Row, Score

Published = Callable[[str, str, str], float | None]
"""Metric, group and condition to the paper's figure."""


def make_row(
    metric: str,
    group: str,
    found: Interval,
    n: int,
    n_of: int,
    n_participants: int,
    *,
    condition: str = "",
    model: str = "",
    judge: str = "",
    unit: str = "",
    published: float | None = None,
) -> Row:
    """Return a figure; what is not a number becomes None."""
    return Row(
        metric=metric,
        group=group,
        n=n,
        n_of=n_of,
        n_participants=n_participants,
        value=_number(found.value),
        low=_number(found.low),
        high=_number(found.high),
        condition=condition,
        model=model,
        judge=judge,
        unit=unit,
        published=published,
    )


def mean_rows(
    items: Sequence[Item],
    scores: Sequence[Score],
    settings: EvaluateSettings,
    units: Mapping[str, str],
    published: Published = lambda metric, group, condition: None,
) -> list[Row]:
    """Return the mean of every metric in `units`, by group, condition, model and judge.

    The denominator of each is all items of its group, whether they got a value or not.
    """
    place = {item.item_id: n for n, item in enumerate(items)}
    values: dict[tuple[str, str, str, str], Floats] = {}
    for score in scores:
        if score.metric in units:
            key = (score.metric, score.condition, score.model, score.judge)
            column = values.setdefault(key, np.full(len(items), np.nan))
            column[place[score.item_id]] = score.value
    groups = list(dict.fromkeys(i.group for i in items))
    members = {g: np.array([n for n, i in enumerate(items) if i.group == g]) for g in groups}
    boots = {
        g: ParticipantBootstrap(
            [items[n].conversation.participant_id for n in members[g]], settings.resamples, settings.seed
        )
        for g in groups
    }
    rows: list[Row] = []
    for metric in units:
        for group in groups:
            for (name, condition, model, judge), column in values.items():
                if name != metric:
                    continue
                of_group = column[members[group]]
                has = np.isfinite(of_group)
                people = len(set(boots[group].codes[has].tolist()))
                rows.append(
                    make_row(
                        metric,
                        group,
                        boots[group].mean(of_group),
                        int(has.sum()),
                        len(of_group),
                        people,
                        condition=condition,
                        model=model,
                        judge=judge,
                        unit=units[metric],
                        published=published(metric, group, condition),
                    )
                )
    return rows


def _number(value: float) -> float | None:
    return round(value, 6) + 0.0 if math.isfinite(value) else None
