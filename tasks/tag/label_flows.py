"""Where labels went: how many of each old value became which new one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import polars as pl


def count_flows(old: pl.DataFrame, new: pl.DataFrame, facets: Sequence[str]) -> pl.DataFrame:
    """Return facet, from_value, to_value, n_rows: where the labels of each item went.

    An item with several labels counts its unchanged ones as staying; a label that went is paired with one
    that came, or with an empty value. Row law: from_value counts sum to the old rows, to_value to the new.
    """
    flows: Counter[tuple[str, str, str]] = Counter()
    for facet in facets:
        before, after = _values(old, facet), _values(new, facet)
        for item_id in sorted(before.keys() | after.keys()):
            was, has = before.get(item_id, set()), after.get(item_id, set())
            for value in was & has:
                flows[facet, value, value] += 1
            gone, come = sorted(was - has), sorted(has - was)
            for n in range(max(len(gone), len(come))):
                flows[facet, gone[n] if n < len(gone) else "", come[n] if n < len(come) else ""] += 1
    schema = {"facet": pl.String, "from_value": pl.String, "to_value": pl.String, "n_rows": pl.Int64}
    return pl.DataFrame([(*k, n) for k, n in sorted(flows.items())], schema=schema, orient="row")


def _values(labels: pl.DataFrame, facet: str) -> dict[str, set[str]]:
    values: dict[str, set[str]] = {}
    for item_id, value in labels.filter(pl.col("facet") == facet).select("item_id", "value").iter_rows():
        values.setdefault(item_id, set()).add(value)
    return values
