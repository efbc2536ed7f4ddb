"""Clean tables to the base tables of a release.

Row law: one row out for each row in; only columns change.
"""

from __future__ import annotations

import polars as pl

from schemas.fields import CONVERSATIONS, MESSAGES, STAGES, THOUGHTS
from schemas.run import AppliedPolicy
from tasks.assemble.items import CleanTables, message_id, thought_id


def assemble_tables(
    clean: CleanTables, id_map: pl.DataFrame, policy: AppliedPolicy
) -> dict[str, pl.DataFrame]:
    """Build `conversations`, `messages` and `thoughts` of a release.

    Args:
        clean: scrubbed tables.
        id_map: conversation_id and split (both string).
        policy: `strict` keeps order and gaps but only the day of the start.

    Returns:
        Table name to frame, sorted by primary key order (conversation, position, ordinal).
    """
    started = clean.messages.group_by("conversation_id").agg(
        started_at=pl.col("created_at").sort_by("position").first(),
        last_at=pl.col("created_at").sort_by("position").last(),
        n_messages=pl.len().cast(pl.Int32),
    )
    counts = clean.thoughts.group_by("conversation_id").agg(
        n_reasons=(pl.col("kind") == "reason").sum().cast(pl.Int32),
        n_reactions=(pl.col("kind") == "reaction").sum().cast(pl.Int32),
    )
    conversations = (
        clean.conversations.join(started, on="conversation_id")
        .join(counts, on="conversation_id", how="left")
        .join(id_map.select("conversation_id", "split"), on="conversation_id")
        .with_columns(
            pl.col("n_reasons", "n_reactions").fill_null(0),
            duration_s=_seconds(pl.col("last_at") - pl.col("started_at")),
            started_at=coarsen(pl.col("started_at"), policy),
        )
        .sort("conversation_id")
        .select(CONVERSATIONS.columns)
    )
    origin = started.select("conversation_id", "started_at")
    messages = (
        clean.messages.join(origin, on="conversation_id")
        .with_columns(
            message_id=message_id(),
            offset_s=_seconds(pl.col("created_at") - pl.col("started_at")),
            stage=stage_of_position(),
        )
        .sort("conversation_id", "position")
        .select(MESSAGES.columns)
    )
    thoughts = (
        clean.thoughts.join(origin, on="conversation_id")
        .with_columns(
            message_id=message_id(),
            thought_id=thought_id(),
            offset_s=_seconds(pl.col("created_at") - pl.col("started_at")),
        )
        .sort("conversation_id", "position", "ordinal")
        .select(THOUGHTS.columns)
    )
    return {"conversations": conversations, "messages": messages, "thoughts": thoughts}


def coarsen(time: pl.Expr, policy: AppliedPolicy) -> pl.Expr:
    """Coarsen a time to what the policy publishes: the day under `strict`, else as it is."""
    return time.dt.truncate("1d") if policy == "strict" else time


def stage_of_position() -> pl.Expr:
    """Stage of a message: round(3i / (n - 1)) over the n messages of its role, halves up.

    In whole numbers, so that no rounding of floats decides; a single message is `early`.
    """
    scope = ["conversation_id", "role"]
    i = pl.col("position").rank("ordinal").over(scope).cast(pl.Int64) - 1
    last = pl.len().over(scope).cast(pl.Int64) - 1
    quarter = pl.when(last > 0).then((6 * i + last) // (2 * last.clip(1))).otherwise(0)
    return quarter.replace_strict(dict(enumerate(STAGES)), return_dtype=pl.String())


def _seconds(duration: pl.Expr) -> pl.Expr:
    return (duration.dt.total_microseconds() / 1_000_000).round(3)
