"""Which file a row goes to: the wave of its conversation and the bucket of its participant.

A conversation stays in the wave of the release that brought it, so an append leaves every older file
untouched; inside a wave rows are spread over buckets by participant, so a withdrawal touches one bucket
in each of the person's waves.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from schemas.errors import DataError

WHOLE = "all"
"""Partition of the tables that are small or not about single conversations."""
MESSAGES_PER_BUCKET = 2_500
MAX_BUCKETS = 64
_PATTERN = re.compile(r"w(\d+)-b(\d+)-(\d+)")

_ORDER: Mapping[str, tuple[str, ...]] = {
    "participants": ("participant_id",),
    "conversations": ("conversation_id",),
    "messages": ("conversation_id", "position"),
    # by number, not by text: _reason10 comes after _reason9
    "thoughts": ("conversation_id", "_position", "kind", "_length", "thought_id"),
    "labels": ("item_id", "facet", "value"),
    "changes": ("scope", "change", "reason", "from_value", "to_value"),
    "funnel": (),
    "quarantine_summary": ("stage", "rule"),
}


@dataclass(frozen=True, slots=True)
class PartitionPlan:
    """Where every conversation goes.

    Attributes:
        conversations: conversation_id and partition (string), one row a conversation.
        items: item_id and partition (string): conversations, messages and thoughts, for the labels.
    """

    conversations: pl.DataFrame
    items: pl.DataFrame


def choose_buckets(n_messages: int) -> int:
    """Return a power of two such that a bucket holds about `MESSAGES_PER_BUCKET` messages."""
    wanted = max(1.0, n_messages / MESSAGES_PER_BUCKET)
    return min(MAX_BUCKETS, 2 ** round(math.log2(wanted)))


def plan_partitions(
    tables: Mapping[str, pl.DataFrame], earlier: pl.DataFrame | None = None, bucket_count: int = 0
) -> PartitionPlan:
    """Assign every conversation to a wave and a bucket.

    Args:
        tables: base tables by name; `conversations`, `messages` and `thoughts` are used.
        earlier: conversation_id and partition (string) of the parent release.
        bucket_count: buckets of a new wave; 0 chooses by the number of its messages.

    Returns:
        The plan; known conversations keep their wave, new ones share the next.
    """
    conversations = tables["conversations"].select("conversation_id", "participant_id")
    known = _waves(earlier)
    placed = conversations.join(known, on="conversation_id", how="left", maintain_order="left")
    next_wave = int(known["_wave"].max() or 0) + 1  # pyright: ignore[reportArgumentType]
    fresh = placed.filter(pl.col("_wave").is_null())
    n_messages = tables["messages"].join(fresh, on="conversation_id", how="semi").height
    placed = placed.with_columns(
        pl.col("_wave").fill_null(next_wave),
        pl.col("_buckets").fill_null(bucket_count or choose_buckets(n_messages)),
        _hash=pl.col("participant_id").replace_strict(_bucket_hashes(conversations), return_dtype=pl.Int64),
    ).select(
        "conversation_id",
        partition=pl.format(
            "w{}-b{}-{}",
            pl.col("_wave").cast(pl.String).str.zfill(4),
            pl.col("_buckets").cast(pl.String).str.zfill(3),
            (pl.col("_hash") % pl.col("_buckets")).cast(pl.String).str.zfill(3),
        ),
    )
    return PartitionPlan(placed, _items(tables, placed))


def split_table(name: str, frame: pl.DataFrame, plan: PartitionPlan) -> Iterator[tuple[str, pl.DataFrame]]:
    """Yield partition name and rows of a table, both in their canonical order.

    Row law: every row is in exactly one partition; an empty table is one empty partition.

    Raises:
        DataError: a row belongs to no conversation of the release.
    """
    if name in {"conversations", "messages", "thoughts"}:
        placed = frame.join(plan.conversations, on="conversation_id", how="left", maintain_order="left")
    elif name == "labels":
        placed = frame.join(plan.items, on="item_id", how="left", maintain_order="left")
    else:
        placed = frame.with_columns(partition=pl.lit(WHOLE))
    n_lost = placed["partition"].null_count()
    if n_lost or placed.height != frame.height:
        raise DataError(f"table {name}: {n_lost} rows belong to no conversation of the release")
    placed = sort_table(name, placed)
    parts = placed.partition_by("partition", as_dict=True, include_key=False)
    if not parts:
        yield WHOLE, frame
    for key in sorted(parts):
        yield str(key[0]), parts[key]


def sort_table(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    """Return the rows in the canonical order of the table: by conversation and position."""
    order = _ORDER[name]
    if not order or not frame.height:
        return frame
    if name == "thoughts":
        position = pl.col("message_id").str.extract(r"(\d+)$").cast(pl.Int64)
        frame = frame.with_columns(_position=position, _length=pl.col("thought_id").str.len_bytes())
    return frame.sort(order, maintain_order=True).select(pl.exclude("_position", "_length"))


def sort_columns(name: str) -> tuple[str, ...]:
    """Columns that the rows of a table are sorted by, as far as they are columns of the file."""
    columns: list[str] = []
    for column in _ORDER[name]:
        if column.startswith("_"):
            break
        columns.append(column)
    return tuple(columns)


def _waves(earlier: pl.DataFrame | None) -> pl.DataFrame:
    schema = {"conversation_id": pl.String(), "_wave": pl.Int64(), "_buckets": pl.Int64()}
    if earlier is None or not earlier.height:
        return pl.DataFrame(schema=schema)
    return earlier.select(
        "conversation_id",
        _wave=pl.col("partition").str.extract(_PATTERN.pattern, 1).cast(pl.Int64),
        _buckets=pl.col("partition").str.extract(_PATTERN.pattern, 2).cast(pl.Int64),
    ).drop_nulls()


def _items(tables: Mapping[str, pl.DataFrame], placed: pl.DataFrame) -> pl.DataFrame:
    of_messages = tables["messages"].select(pl.col("message_id").alias("item_id"), "conversation_id")
    of_thoughts = tables["thoughts"].select(pl.col("thought_id").alias("item_id"), "conversation_id")
    inside = pl.concat([of_messages, of_thoughts]).join(placed, on="conversation_id").drop("conversation_id")
    return pl.concat([placed.rename({"conversation_id": "item_id"}), inside])


def _bucket_hashes(conversations: pl.DataFrame) -> dict[str, int]:
    # a library's own hash would change with the library
    return {
        person: int.from_bytes(hashlib.sha256(person.encode()).digest()[:4], "big")
        for person in conversations["participant_id"].unique()
    } or {"": 0}
