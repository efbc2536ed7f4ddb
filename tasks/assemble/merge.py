"""Tables of shards and of the parent release to the tables of one release."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import polars as pl

from schemas.errors import DataError
from schemas.fields import FUNNEL, PARTICIPANTS, TABLES
from tasks.publish.partitions import sort_table

TEXT_TABLES = ("conversations", "messages", "thoughts", "labels")
"""Base tables that are made shard by shard."""


def concat_shards(shards: Iterable[Mapping[str, pl.DataFrame]]) -> dict[str, pl.DataFrame]:
    """Put the tables of all shards together, sorted by primary key.

    Args:
        shards: table name to frame for `conversations`, `messages`, `thoughts` and `labels`.
    """
    parts = list(shards)
    merged: dict[str, pl.DataFrame] = {}
    for name in TEXT_TABLES:
        table = TABLES[name]
        frames = [part[name] for part in parts]
        merged[name] = sort_table(name, pl.concat([table.empty(), *frames]))
    return merged


def append_to_parent(
    parent: Mapping[str, pl.DataFrame], new: Mapping[str, pl.DataFrame]
) -> dict[str, pl.DataFrame]:
    """Start from the parent release and add or replace conversations by id (`--append`).

    Args:
        parent: `conversations`, `messages`, `thoughts`, `labels` of the latest release.
        new: the same tables of this run.
    """
    replaced = new["conversations"].select("conversation_id")
    kept: dict[str, pl.DataFrame] = {
        name: parent[name].join(replaced, on="conversation_id", how="anti")
        for name in ("conversations", "messages", "thoughts")
    }
    items = pl.concat(
        [
            kept["conversations"].select(item_id="conversation_id"),
            kept["messages"].select(item_id="message_id"),
            kept["thoughts"].select(item_id="thought_id"),
        ]
    )
    kept["labels"] = parent["labels"].join(items, on="item_id", how="semi")
    return {name: sort_table(name, pl.concat([kept[name], new[name]])) for name in TEXT_TABLES}


def list_first_releases(noted: Mapping[str, str], parent: Mapping[str, pl.DataFrame] | None) -> pl.DataFrame:
    """Return participant_id and first_release of everybody who was ever released.

    Args:
        noted: what the registry knows, those who are not in the parent too.
        parent: tables of the parent release, whose word counts.
    """
    schema = {"participant_id": pl.String, "first_release": pl.String}
    known = pl.DataFrame(sorted(noted.items()), schema=schema, orient="row")
    if parent is None:
        return known
    said = parent["participants"].select(*schema)
    return pl.concat([said, known.join(said, on="participant_id", how="anti", maintain_order="left")])


def complete_participants(
    participants: pl.DataFrame,
    conversations: pl.DataFrame,
    parent: pl.DataFrame | None,
    version: str,
) -> pl.DataFrame:
    """Fill in what only the whole release knows: conversation counts, language, first release.

    Args:
        participants: `participants`, one row for everybody who may be in the release.
        conversations: `conversations` of the release; decides who is in it.
        parent: participant_id and first_release of those who were released before, if any.
        version: the version being made.

    Raises:
        DataError: a conversation's participant is missing.
    """
    present = conversations.group_by("participant_id").agg(
        n_conversations=pl.len().cast(pl.Int32),
        language=pl.col("language").mode().sort().first(),
    )
    missing = present.join(participants, on="participant_id", how="anti")
    if missing.height:
        raise DataError(
            f"{missing.height} participants have conversations but no row, first {missing['participant_id'][0]}"
        )
    first = pl.DataFrame(schema={"participant_id": pl.String, "_first": pl.String})
    if parent is not None:
        first = parent.select("participant_id", pl.col("first_release").alias("_first"))
    return (
        participants.drop("n_conversations", "language")
        .join(present, on="participant_id")
        .join(first, on="participant_id", how="left")
        .with_columns(first_release=pl.col("_first").fill_null(version))
        .select(PARTICIPANTS.columns)
        .sort("participant_id")
    )


def sum_funnel(rows: Sequence[pl.DataFrame], order: Sequence[str]) -> pl.DataFrame:
    """Add up the row accounting of all shards and assert the row law.

    Args:
        rows: `funnel` frames.
        order: names of the stages in the order in which they ran.

    Raises:
        DataError: rows were lost or invented, or a stage does not take up what the one before left.
    """
    funnel = (
        pl.concat([FUNNEL.empty(), *rows])
        .group_by("stage", "table_name")
        .agg(pl.col("n_in", "n_out", "n_quarantined", "n_removed").sum())
        .sort(pl.col("stage").replace_strict({s: i for i, s in enumerate(order)}), "table_name")
        .select(FUNNEL.columns)
    )
    lost = funnel.filter(pl.col("n_in") != pl.col("n_out") + pl.col("n_quarantined") + pl.col("n_removed"))
    if lost.height:
        row = lost.row(0, named=True)
        raise DataError(
            f"rows of {row['table_name']} do not add up in stage {row['stage']}: {row['n_in']} in, {row['n_out']} "
            f"out, {row['n_quarantined']} quarantined, {row['n_removed']} removed"
        )
    gaps = funnel.with_columns(before=pl.col("n_out").shift(1).over("table_name")).filter(
        pl.col("before").is_not_null() & (pl.col("before") != pl.col("n_in"))
    )
    if gaps.height:
        row = gaps.row(0, named=True)
        raise DataError(
            f"rows of {row['table_name']} vanish before stage {row['stage']}: {row['before']} left the stage before "
            f"it, {row['n_in']} arrived"
        )
    return funnel
