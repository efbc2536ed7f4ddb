"""How the numbers of releases developed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

SCHEMA: Mapping[str, pl.DataType] = {
    "metric": pl.String(),
    "version": pl.String(),
    "value": pl.Float64(),
    "previous": pl.Float64(),
    "change": pl.Float64(),
    "points": pl.Float64(),
    "ratio": pl.Float64(),
}


def trend(releases: Sequence[tuple[str, Mapping[str, Any]]], prefix: str = "") -> pl.DataFrame:
    """Put the metrics of several releases side by side.

    Args:
        releases: version and content of `metrics.json`, oldest first.
        prefix: only metrics whose name starts with it.

    Returns:
        metric, version, value, previous (value in the release before that has it), change (difference),
        points (difference of shares in percentage points, else null) and ratio (null where the previous
        value is zero); one row a metric and release that has it, by metric name, then release.
    """
    rows: list[dict[str, Any]] = []
    last: dict[str, float] = {}
    for version, metrics in releases:
        for name, value in metrics.items():
            if not name.startswith(prefix) or isinstance(value, bool) or not isinstance(value, int | float):
                continue
            before = last.get(name)
            change = None if before is None else round(value - before, 9)
            rows.append(
                {
                    "metric": name,
                    "version": version,
                    "value": float(value),
                    "previous": before,
                    "change": change,
                    "points": None if change is None or "share" not in name else round(100 * change, 7),
                    "ratio": None if not before else round(value / before, 9),
                }
            )
            last[name] = float(value)
    return pl.DataFrame(rows, schema=dict(SCHEMA)).sort("metric", maintain_order=True)
