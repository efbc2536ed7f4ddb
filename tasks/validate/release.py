"""The last check before anything is published: release tables are legal, row by row and together."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from schemas.errors import DataError
from schemas.fields import TABLES, VIEWS, Table
from schemas.tables import broken_rows

_N_SHOWN = 5
_PARENT_OF_FACET = {
    "topic": ("conversations", "conversation_id"),
    "relationship": ("messages", "message_id"),
    "reason": ("thoughts", "thought_id"),
    "reaction": ("thoughts", "thought_id"),
}


def validate_release(tables: Mapping[str, pl.DataFrame], *, as_views: bool = False) -> None:
    """Check release tables against their models and against each other; zero tolerance.

    Args:
        tables: table name to collected frame; keys between tables are checked where both are given.
        as_views: check against the reader views (labels joined on) and not the base tables.

    Raises:
        DataError: a rule is broken; names table, rule, count and the first ids.
    """
    definitions = VIEWS if as_views else TABLES
    for name, unsorted in tables.items():
        table = definitions[name]
        order = [c for c in ("conversation_id", "position") if c in unsorted.columns]
        frame = unsorted.sort(order) if name == "messages" else unsorted
        broken = broken_rows(table, frame)
        if broken.height:
            rule, column = broken.row(0)[2], broken.row(0)[1]
            rows = broken.filter((pl.col("rule") == rule) & (pl.col("column") == column))["row"]
            _refuse(table, f"{rule} on {column}", frame[rows.cast(pl.UInt32)])
    for name, frame in tables.items():
        table = definitions[name]
        for column, target in table.foreign_keys:
            parent, key = target.split(".")
            if parent in tables:
                orphans = frame.join(tables[parent], left_on=column, right_on=key, how="anti")
                if orphans.height:
                    _refuse(table, f"row.orphan on {column} ({target})", orphans)
    _check_labelled_items(tables)


def _check_labelled_items(tables: Mapping[str, pl.DataFrame]) -> None:
    if "labels" not in tables:
        return
    for facet, (parent, key) in _PARENT_OF_FACET.items():
        if parent in tables:
            labels = tables["labels"].filter(pl.col("facet") == facet)
            orphans = labels.join(tables[parent], left_on="item_id", right_on=key, how="anti")
            if orphans.height:
                _refuse(TABLES["labels"], f"row.orphan on item_id ({facet} → {parent}.{key})", orphans)


def _refuse(table: Table, rule: str, rows: pl.DataFrame) -> None:
    ids = [" ".join(str(v) for v in row) for row in rows.select(table.primary_key).head(_N_SHOWN).rows()]
    raise DataError(
        f"the table {table.name} breaks {rule} in {rows.height:,} rows (first ids: {', '.join(ids)}); "
        "nothing was published"
    )
