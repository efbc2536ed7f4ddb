"""How much of a release the last one held too."""

from __future__ import annotations

import polars as pl


def read_overlap(changes: pl.DataFrame) -> float | None:
    """Share of this release's conversations that stand unchanged in the last one.

    Args:
        changes: the release table of that name: scope, change, n_rows.

    Returns:
        A fraction of 1; None where the table says nothing of conversations.
    """
    counted = (
        changes.filter(pl.col("scope") == "conversations").group_by("change").agg(pl.col("n_rows").sum())
    )
    n = dict(counted.iter_rows())
    here = n.get("unchanged", 0) + n.get("changed", 0) + n.get("added", 0)
    return n.get("unchanged", 0) / here if here else None
