"""How anonymous a participants table is: k, class sizes, and what it cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from tasks.pseudonymise.ladder import COLUMNS, LADDER, LAST, released_level

_HISTOGRAM = ((1, 1), (2, 2), (3, 4), (5, 9), (10, 19), (20, 49), (50, 99), (100, None))


def count_classes(participants: pl.DataFrame, conversations: pl.DataFrame) -> list[int]:
    """Return the sizes of the classes of equal quasi-identifiers in released tables, smallest first.

    This reads what a reader can read, so that a published release can be measured again.

    Args:
        participants: the release table.
        conversations: participant_id, model_name, model_provider and language of the release table.
    """
    models = conversations.group_by("participant_id").agg(
        model=pl.struct("model_provider", "model_name").unique().sort(),
        languages=pl.col("language").mode().sort().first(),
    )
    joined = participants.join(models, on="participant_id", how="left")
    return _sizes(joined, [*COLUMNS, "languages"])


def _sizes(people: pl.DataFrame, columns: Sequence[str]) -> list[int]:
    return people.group_by(columns).len().get_column("len").sort().to_list()


def report_k(
    shown: pl.DataFrame, people: pl.DataFrame, k: int, policy: str, n_conflicts: int
) -> dict[str, Any]:
    """Return what `privacy.json` says about the participants: numbers only, nobody's values.

    Args:
        shown: participants as released, with the model among their columns.
        people: the same at their finest.
        k: what was asked.
        policy: policy in force.
        n_conflicts: participants whose conversations carry different answers.
    """
    sizes = _sizes(shown, COLUMNS)
    both = shown.select("participant_id", *COLUMNS).join(
        people.select("participant_id", *(pl.col(c).alias(f"was_{c}") for c in COLUMNS)), on="participant_id"
    )
    counts: list[pl.Expr] = []
    for i, column in enumerate(COLUMNS):
        answered = pl.col(f"was_{column}").is_not_null()
        changed = answered & ~pl.col(column).eq_missing(pl.col(f"was_{column}"))
        says_nothing = released_level(i, pl.col(column)) == LAST[i]
        counts.append(
            pl.struct(
                n_answered=answered.sum(),
                n_generalised=(changed & ~says_nothing).sum(),
                n_suppressed=(changed & says_nothing).sum(),
            ).alias(column)
        )
    attributes = both.select(counts).row(0, named=True)
    return {
        "policy": policy,
        "quasi_identifiers": list(COLUMNS),
        "k_required": k,
        "k": min(sizes, default=0),
        "k_margin": min(sizes, default=k) - min(k, shown.height or k),
        "is_satisfied": min(sizes, default=k) >= k,
        "n_participants": shown.height,
        "n_below_k": sum(size for size in sizes if size < k),
        "n_classes": len(sizes),
        "class_sizes": [
            {"from": low, "to": high, "n_classes": len(inside), "n_participants": sum(inside)}
            for low, high in _HISTOGRAM
            for inside in [[s for s in sizes if s >= low and (high is None or s <= high)]]
        ],
        "attributes": attributes,
        "n_conflicting_answers": n_conflicts,
        "n_levels": {step.column: len(step.levels) for step in LADDER},
    }
