"""How much of each nullable column is empty. Text columns are asked only whether they are there."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from schemas.fields import TABLES, Field
from schemas.stats import CompletenessRow
from tasks.stats.frames import table

COUNTED = ("participants", "conversations", "messages", "thoughts", "labels")


def count_nulls(tables: Mapping[str, pl.LazyFrame | pl.DataFrame]) -> list[CompletenessRow]:
    """Empty values of each nullable or list column of the base tables."""
    rows: list[CompletenessRow] = []
    for name in COUNTED:
        fields = [f for f in TABLES[name].fields if f.nullable or f.dtype == "list<string>"]
        if not fields:
            continue
        counts = (
            table(tables, name)
            .select(pl.len().alias("(rows)"), *(_is_empty(f).sum().alias(f.name) for f in fields))
            .collect(engine="streaming")
            .row(0, named=True)
        )
        n = counts["(rows)"]
        rows += [
            CompletenessRow(
                table=name,
                column=f.name,
                n_rows=n,
                n_null=counts[f.name],
                share=round(counts[f.name] / n, 6) if n else None,
                is_suppressed=False,
            )
            for f in fields
        ]
    return rows


def _is_empty(field: Field) -> pl.Expr:
    column = pl.col(field.name)
    return column.list.len().fill_null(0) == 0 if field.dtype == "list<string>" else column.is_null()
