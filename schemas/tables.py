"""pandera models of the tables, generated from `schemas.fields`, with the rules that span rows.

Rules over several rows are written as checks of one column that look at the whole frame: a check of
the frame would put whole rows, text included, into pandera's error. Frames must be collected:
pandera checks only the schema of a LazyFrame.

pandera, and pandas with it, takes a second to import. It is imported where a rule is broken: the same rules
say in one query of polars that none is.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

import polars as pl

from schemas.errors import DataError
from schemas.fields import (
    LABELS,
    MESSAGES,
    STAGED_CONVERSATIONS,
    STAGED_MESSAGES,
    Table,
)

if TYPE_CHECKING:
    import pandera.polars as pa
    from pandera.api.polars.types import PolarsData


def _message_rules(key: str, clock: str) -> dict[str, tuple[str, pl.Expr]]:
    # rows stand in the order of conversation and position (what `message.position_gap` makes sure of,
    # together with the unique key), so neighbours can be compared without a costly window
    starts = (pl.col(key) != pl.col(key).shift(1)).fill_null(True)
    ends = (pl.col(key) != pl.col(key).shift(-1)).fill_null(True)
    follows = pl.col("position") == pl.col("position").shift(1) + 1
    return {
        "message.position_gap": (
            "position",
            pl.when(starts).then(pl.col("position") == 0).otherwise(follows),
        ),
        "conversation.starts_with_user": ("role", ~starts | (pl.col("role") == "user")),
        "conversation.roles_alternate": ("role", starts | (pl.col("role") != pl.col("role").shift(1))),
        "conversation.ends_with_assistant": ("role", ~ends | (pl.col("role") == "assistant")),
        "conversation.time_goes_back": (clock, starts | (pl.col(clock) >= pl.col(clock).shift(1))),
    }


_ROW_RULES: Mapping[str, Mapping[str, tuple[str, pl.Expr]]] = MappingProxyType(
    {
        STAGED_CONVERSATIONS.name: {
            "conversation.updated_before_created": (
                "updated_at",
                pl.col("updated_at") >= pl.col("created_at"),
            ),
        },
        STAGED_MESSAGES.name: _message_rules("conversation_key", "created_at"),
        MESSAGES.name: _message_rules("conversation_id", "offset_s"),
        LABELS.name: {
            "row.range": ("confidence", pl.col("confidence").is_between(0, 1).fill_null(True)),
        },
    }
)
"""Table to rule name, the column that it is reported on, and the expression that is true for legal rows."""


def _check(name: str, expression: pl.Expr) -> pa.Check:
    import pandera.polars as pa

    def holds(data: PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(expression)

    return pa.Check(holds, name=name, ignore_na=False)


_BROKEN = pl.Schema({"row": pl.UInt32, "column": pl.String, "rule": pl.String})


@cache
def table_rules(table: Table) -> tuple[tuple[str, str, pl.Expr], ...]:
    """Return every rule of a table beside types and nulls: column, rule name, true for legal rows."""
    rules = [(column, name, expr) for name, (column, expr) in _ROW_RULES.get(table.name, {}).items()]
    for field in table.fields:
        column = pl.col(field.name)
        if field.values:
            rules.append((field.name, "row.value", column.is_in(field.values).fill_null(True)))
        if field.dtype in {"int32", "int64"} and field.unit is not None:
            rules.append((field.name, "row.range", (column >= 0).fill_null(True)))
    keys = list(table.primary_key)
    rules.append((keys[0], "row.duplicate_key", pl.struct(keys).is_first_distinct()))
    return tuple(rules)


@cache
def table_model(table: Table) -> pa.DataFrameSchema:
    """Return the strict pandera model of a table: columns, nullability, value sets, key and row rules."""
    import pandera.polars as pa

    schema = table.polars_schema()
    columns: dict[str, pa.Column] = {}
    for field in table.fields:
        checks = [_check(name, expr) for column, name, expr in table_rules(table) if column == field.name]
        columns[field.name] = pa.Column(schema[field.name], checks=checks, nullable=field.nullable)
    return pa.DataFrameSchema(columns, strict=True, ordered=True, name=table.name)


def is_legal(table: Table, frame: pl.DataFrame) -> bool:
    """Whether a frame has the table's schema and keeps all its rules, in one query.

    The same rules as the pandera model's, which takes some fifty queries to say where one is broken.
    """
    if frame.schema != table.polars_schema():
        return False
    never_null = [f.name for f in table.fields if not f.nullable]
    kept = [expr.fill_null(False).all().alias(str(i)) for i, (*_, expr) in enumerate(table_rules(table))]
    held = frame.select(pl.sum_horizontal(pl.col(never_null).null_count()).alias("nulls") == 0, *kept)
    return all(held.row(0))


def broken_rows(table: Table, frame: pl.DataFrame) -> pl.DataFrame:
    """Return what pandera finds wrong with a frame: `row` (UInt32), `column` and `rule`, no values.

    Messages must be sorted by conversation and position.

    Args:
        table: the table that the frame claims to be.
        frame: collected rows.

    Raises:
        DataError: columns or types are not the table's, which is a fault of the code and not of rows.
    """
    if is_legal(table, frame):
        return pl.DataFrame(schema=_BROKEN)
    import pandera.polars as pa

    try:
        table_model(table).validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        cases: pl.DataFrame = error.failure_cases
    else:
        return pl.DataFrame(schema=_BROKEN)
    if not isinstance(cases, pl.DataFrame) or cases["index"].null_count():
        found = sorted(set(cases.filter(pl.col("index").is_null()).select("column", "check").rows()))
        raise DataError(f"the table {table.name} does not have its schema: {_name_columns(found)}")
    return cases.select(
        pl.col("index").cast(pl.UInt32).alias("row"),
        pl.col("column").cast(pl.String),
        pl.col("check").replace("not_nullable", "row.null").alias("rule"),
    ).sort("row", "column", "rule")


def _name_columns(found: list[tuple[str | None, str]]) -> str:
    return ", ".join(f"{column or 'columns'} ({check})" for column, check in found[:5])
