"""Counts of rows, per model, and messages per conversation."""

from __future__ import annotations

import numpy as np
import polars as pl

from schemas.stats import ConversationLength, Counts, LengthBin, ModelRow, PublishedLength
from tasks.stats.comparison import Comparison
from tasks.stats.frames import Frames
from tasks.stats.intervals import ClusterBootstrap, count_matrix
from tasks.stats.shares import describe, number

LONGEST_BIN = 30


def count_rows(frames: Frames) -> Counts:
    """Rows of every kind."""
    roles, kinds = frames.messages["role"].cast(pl.String), frames.thoughts["kind"].cast(pl.String)
    languages = set(frames.conversations["language"].unique()) - {"und", None}
    return Counts(
        participants=frames.participants.height,
        conversations=frames.conversations.height,
        messages=frames.messages.height,
        user_messages=int((roles == "user").sum()),
        assistant_messages=int((roles == "assistant").sum()),
        thoughts=frames.thoughts.height,
        reasons=int((kinds == "reason").sum()),
        reactions=int((kinds == "reaction").sum()),
        models=frames.conversations["model_name"].n_unique(),
        languages=len(languages),
        labels=int(frames.provenance["n"].sum()),
    )


def count_models(frames: Frames) -> list[ModelRow]:
    """One row a model, the most used first."""
    thoughts = frames.thoughts.group_by("c").agg(
        n_reasons=(pl.col("kind") == "reason").sum(), n_reactions=(pl.col("kind") == "reaction").sum()
    )
    users = frames.messages.filter(pl.col("role") == "user").group_by("c").agg(n_user=pl.len())
    models = (
        frames.conversations.join(thoughts, on="c", how="left")
        .join(users, on="c", how="left")
        .group_by("model_name", "model_provider")
        .agg(
            n_participants=pl.col("p").n_unique(),
            n_conversations=pl.len(),
            n_messages=pl.col("n").sum(),
            n_user_messages=pl.col("n_user").sum(),
            n_reasons=pl.col("n_reasons").sum(),
            n_reactions=pl.col("n_reactions").sum(),
            median_messages=pl.col("n").median(),
        )
        .sort(
            "n_conversations",
            "model_name",
            "model_provider",
            descending=[True, False, False],
            nulls_last=True,
        )
    )
    return [ModelRow.model_validate(row) for row in models.iter_rows(named=True)]


def measure_conversations(
    frames: Frames,
    boot: ClusterBootstrap,
    published: list[PublishedLength],
    comparison: Comparison | None,
) -> ConversationLength:
    """Messages per conversation beside the published figures and, if given, another corpus."""
    conversations = frames.conversations
    values, code = np.unique(conversations["n"].to_numpy(), return_inverse=True)
    p = conversations["p"].cast(pl.Int64).to_numpy()
    counts = count_matrix(p, code.astype(np.int64), boot.n_clusters, len(values))
    median_low, median_high = boot.median(values.astype(np.float64), counts)
    totals = (counts * values).sum(1, keepdims=True)
    mean = boot.ratio(totals, counts.sum(1, keepdims=True))
    return ConversationLength(
        spread=describe(conversations["n"]),
        mean_low=number(mean.low[0]),
        mean_high=number(mean.high[0]),
        median_low=number(median_low),
        median_high=number(median_high),
        histogram=bin_lengths(conversations["n"]),
        published=published,
        compared=None if comparison is None else comparison.measure(describe, bin_lengths),
    )


def bin_lengths(n_messages: pl.Series) -> list[LengthBin]:
    """Conversations of each length; 30 messages and more share the last bin."""
    counted = (
        n_messages.clip(upper_bound=LONGEST_BIN)
        .cast(pl.Int64)
        .alias("n_messages")
        .to_frame()
        .group_by("n_messages")
        .agg(n=pl.len())
        .sort("n_messages")
    )
    total = n_messages.len()
    return [
        LengthBin(n_messages=length, is_or_more=length == LONGEST_BIN, n=n, share=round(n / total, 6))
        for length, n in counted.iter_rows()
    ]
