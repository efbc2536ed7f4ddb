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
from pathlib import Path
from typing import cast

import polars as pl
import pyarrow.parquet as pq

from schemas.errors import DataError

PARTITIONED = ("conversations", "messages", "thoughts", "labels")
"""Tables that are cut; the others are one file each."""
WHOLE = "all"
"""Partition of the tables that are small or not about single conversations."""
MESSAGES_PER_BUCKET = 2_500
MAX_BUCKETS = 64
_PIECE_BYTES = 32 << 20
_READ_BYTES = 1 << 20
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
        items: item_id and partition (string), for the labels: conversations, messages and thoughts.
    """

    conversations: pl.DataFrame
    items: pl.LazyFrame


def choose_buckets(n_messages: int) -> int:
    """Return a power of two such that a bucket holds about `MESSAGES_PER_BUCKET` messages."""
    wanted = max(1.0, n_messages / MESSAGES_PER_BUCKET)
    return min(MAX_BUCKETS, 2 ** round(math.log2(wanted)))


def plan_partitions(
    tables: Mapping[str, pl.LazyFrame], earlier: pl.DataFrame | None = None, bucket_count: int = 0
) -> PartitionPlan:
    """Assign every conversation to a wave and a bucket.

    Args:
        tables: base tables by name; only ids of `conversations`, `messages` and `thoughts` are read.
        earlier: conversation_id and partition (string) of the parent release.
        bucket_count: buckets of a new wave; 0 chooses by the number of its messages.

    Returns:
        The plan; known conversations keep their wave, new ones share the next.
    """
    conversations = tables["conversations"].select("conversation_id", "participant_id").collect()
    known = _waves(earlier)
    placed = conversations.join(known, on="conversation_id", how="left", maintain_order="left")
    next_wave = int(known["_wave"].max() or 0) + 1  # pyright: ignore[reportArgumentType]
    fresh = placed.lazy().filter(pl.col("_wave").is_null())
    counted = tables["messages"].join(fresh, on="conversation_id", how="semi").select(pl.len())
    n_messages = int(counted.collect(engine="streaming").item())
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


def split_table(name: str, source: pl.DataFrame | Path, plan: PartitionPlan, folder: Path) -> dict[str, Path]:
    """Spread the rows of a table over one folder a partition; memory does not grow with the table.

    Args:
        name: one of `PARTITIONED`.
        source: the table, or a Parquet file that holds it; a file is read in pieces.
        plan: where every row goes.
        folder: empty folder.

    Returns:
        Partition to the folder of its pieces, in order of the names. Row law: every row is in exactly one.

    Raises:
        DataError: a row belongs to no conversation of the release.
    """
    is_labels = name == "labels"
    key = "item_id" if is_labels else "conversation_id"
    placing = plan.items.collect(engine="streaming") if is_labels else plan.conversations
    found: dict[str, Path] = {}
    for number, piece in enumerate(_read_pieces(source)):
        placed = piece.join(placing, on=key, how="left", maintain_order="left")
        n_lost = placed["partition"].null_count()
        if n_lost:
            raise DataError(f"table {name}: {n_lost} rows belong to no conversation of the release")
        for (partition,), rows in placed.partition_by("partition", as_dict=True, include_key=False).items():
            path = found.setdefault(str(partition), folder / str(partition))
            path.mkdir(exist_ok=True)
            rows.write_parquet(path / f"{number:06d}.parquet", compression="lz4", statistics=False)
    return dict(sorted(found.items()))


def read_partition(name: str, path: Path | None, empty: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of one partition in the canonical order of the table; none where it has no folder."""
    if path is None:
        return empty
    return sort_table(name, pl.read_parquet(path / "*.parquet", hive_partitioning=False))


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


def _items(tables: Mapping[str, pl.LazyFrame], placed: pl.DataFrame) -> pl.LazyFrame:
    of_messages = tables["messages"].select(pl.col("message_id").alias("item_id"), "conversation_id")
    of_thoughts = tables["thoughts"].select(pl.col("thought_id").alias("item_id"), "conversation_id")
    inside = pl.concat([of_messages, of_thoughts]).join(placed.lazy(), on="conversation_id")
    return pl.concat([placed.lazy().rename({"conversation_id": "item_id"}), inside.drop("conversation_id")])


def _read_pieces(source: pl.DataFrame | Path) -> Iterator[pl.DataFrame]:
    """Yield a table in pieces of about `_PIECE_BYTES`."""
    if isinstance(source, pl.DataFrame):
        yield from source.iter_slices(_rows_in_piece(source.height, int(source.estimated_size())))
        return
    # not polars: it reads several row groups ahead, and one may hold 200 MB of long messages
    with pq.ParquetFile(source, buffer_size=_READ_BYTES, pre_buffer=False) as file:
        groups = (file.metadata.row_group(i) for i in range(file.num_row_groups))
        n_rows = _rows_in_piece(file.metadata.num_rows, sum(int(g.total_byte_size) for g in groups))
        for batch in file.iter_batches(n_rows, use_threads=False):
            yield cast("pl.DataFrame", pl.from_arrow(batch))


def _rows_in_piece(n_rows: int, n_bytes: int) -> int:
    return max(1, n_rows * _PIECE_BYTES // max(n_bytes, 1))


def _bucket_hashes(conversations: pl.DataFrame) -> dict[str, int]:
    # a library's own hash would change with the library
    return {
        person: int.from_bytes(hashlib.sha256(person.encode()).digest()[:4], "big")
        for person in conversations["participant_id"].unique()
    } or {"": 0}
