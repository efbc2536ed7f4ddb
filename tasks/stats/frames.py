"""The narrow frames that every statistic reads: numbers and names, no text.

Participants, conversations and messages get row numbers, so that counting is arithmetic on whole
numbers instead of joins on strings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from schemas.fields import TABLES

PROVENANCE = ("facet", "source", "via", "labeller", "model_snapshot", "taxonomy_version")
THOUGHT_FACETS = ("reason", "reaction")
MAX_TOKENIZED = 10_000


@dataclass(frozen=True, slots=True)
class Frames:
    """Collected inputs.

    Attributes:
        participants: p (row number) and the participant's attributes.
        conversations: c, p, model_name, model_provider, language, n (messages of both roles).
        messages: m, c, p, position, role, stage, turn (number among the messages of its role, from 1),
            n_role (messages of that role in the conversation), language, n_redactions, n_chars.
        thoughts: t, m, c, p, kind, stage, n_role, n_redactions, n_chars.
        topics: c, p, value.
        relationships: m, c, p, turn, value.
        thought_labels: facet, t, m, c, p, turn, stage, n_role, value.
        provenance: facet, source, via, labeller, model_snapshot, taxonomy_version, n, mean_confidence.
        tokenized: for each kind of text of which there are too many to tokenize all, the ids of a sample: every
            k-th by conversation and place.
        funnel: as released.
        quarantine: as released.
    """

    participants: pl.DataFrame
    conversations: pl.DataFrame
    messages: pl.DataFrame
    thoughts: pl.DataFrame
    topics: pl.DataFrame
    relationships: pl.DataFrame
    thought_labels: pl.DataFrame
    provenance: pl.DataFrame
    funnel: pl.DataFrame
    quarantine: pl.DataFrame
    tokenized: Mapping[str, pl.Series]


def collect_frames(tables: Mapping[str, pl.LazyFrame | pl.DataFrame]) -> Frames:
    """Read what the statistics need; a table that is not given counts as empty.

    Args:
        tables: base tables by name; text columns are read only to measure their length.
    """
    participants = (
        table(tables, "participants")
        .drop("first_release", "split", "n_conversations", strict=False)
        .sort("participant_id")
        .with_row_index("p")
        .collect()
    )
    conversations = (
        table(tables, "conversations")
        .select("conversation_id", "participant_id", "model_name", "model_provider", "language")
        .join(participants.lazy().select("participant_id", "p"), on="participant_id", how="left")
        .sort("conversation_id")
        .with_row_index("c")
        .collect(engine="streaming")
    )
    conversations = _number_strangers(conversations, participants.height)
    keys = conversations.lazy().select("conversation_id", "c", "p")
    messages = (
        table(tables, "messages")
        .select(
            "message_id",
            "conversation_id",
            "position",
            pl.col("role").cast(pl.Categorical),
            pl.col("stage").cast(pl.Categorical),
            pl.col("language").cast(pl.Categorical),
            "n_redactions",
            n_chars=pl.col("content").str.len_chars(),
        )
        .collect(engine="streaming")
        .lazy()
        .join(keys, on="conversation_id")
        .drop("conversation_id")
        .sort("c", "position")
        .with_row_index("m")
        .collect()
    )
    messages = _number_turns(messages)
    places = messages.lazy().select("message_id", "m", "c", "p", "turn", "stage", "n_role")
    thoughts = (
        table(tables, "thoughts")
        .select(
            "thought_id",
            "message_id",
            pl.col("kind").cast(pl.Categorical),
            "n_redactions",
            n_chars=pl.col("content").str.len_chars(),
        )
        .collect(engine="streaming")
        .lazy()
        .join(places, on="message_id")
        .drop("message_id")
        .sort("m", "thought_id")
        .with_row_index("t")
        .collect()
    )
    labels = (
        table(tables, "labels")
        .select("item_id", pl.col("facet", "value").cast(pl.Categorical))
        .collect(engine="streaming")
    )
    provenance = (
        table(tables, "labels")
        .group_by(PROVENANCE)
        .agg(n=pl.len().cast(pl.Int64), mean_confidence=pl.col("confidence").mean())
        .collect(engine="streaming")
    )
    values = labels.lazy().select("item_id", "facet", pl.col("value").cast(pl.String))
    topics = values.filter(pl.col("facet") == "topic").join(
        keys, left_on="item_id", right_on="conversation_id"
    )
    relationships = values.filter(pl.col("facet") == "relationship").join(
        places.drop("stage", "n_role"), left_on="item_id", right_on="message_id"
    )
    thought_labels = values.filter(pl.col("facet").cast(pl.String).is_in(THOUGHT_FACETS)).join(
        thoughts.lazy().select("thought_id", "t", "m", "c", "p", "turn", "stage", "n_role"),
        left_on="item_id",
        right_on="thought_id",
    )
    n_messages = messages.group_by("c").agg(n=pl.len().cast(pl.Int64))
    return Frames(
        participants=participants,
        conversations=conversations.join(n_messages, on="c", how="left", maintain_order="left")
        .with_columns(pl.col("n").fill_null(0))
        .drop("conversation_id", "participant_id"),
        messages=messages.drop("message_id"),
        thoughts=thoughts.drop("thought_id"),
        topics=topics.select("c", "p", "value").collect(),
        relationships=relationships.select("m", "c", "p", "turn", "value").collect(),
        thought_labels=thought_labels.drop("item_id").collect(),
        provenance=provenance,
        funnel=table(tables, "funnel").collect(),
        quarantine=table(tables, "quarantine_summary").collect(),
        tokenized={
            **_sample(messages, "role", ("user", "assistant"), "message_id"),
            **_sample(thoughts, "kind", THOUGHT_FACETS, "thought_id"),
        },
    )


def table(tables: Mapping[str, pl.LazyFrame | pl.DataFrame], name: str) -> pl.LazyFrame:
    """One base table as a lazy frame, empty with its schema where it is not given."""
    frame = tables.get(name)
    return TABLES[name].empty().lazy() if frame is None else frame.lazy()


def _number_turns(messages: pl.DataFrame) -> pl.DataFrame:
    """Add turn and n_role by running counts; the frame is in order, so no row has to be grouped twice."""
    is_user = pl.col("role") == "user"
    counted = messages.lazy().with_columns(
        users=is_user.cast(pl.Int64).cum_sum(), others=(~is_user).cast(pl.Int64).cum_sum()
    )
    ends = (
        counted.group_by("c", maintain_order=True)
        .agg(last_user=pl.col("users").last(), last_other=pl.col("others").last())
        .with_columns(
            first_user=pl.col("last_user").shift(1, fill_value=0),
            first_other=pl.col("last_other").shift(1, fill_value=0),
        )
    )
    before = pl.when(is_user).then(pl.col("first_user")).otherwise(pl.col("first_other"))
    return (
        counted.join(ends, on="c", how="left", maintain_order="left")
        .with_columns(
            turn=pl.when(is_user).then(pl.col("users")).otherwise(pl.col("others")) - before,
            n_role=pl.when(is_user).then(pl.col("last_user")).otherwise(pl.col("last_other")) - before,
        )
        .select(*messages.columns, "turn", "n_role")
        .collect()
    )


def _sample(frame: pl.DataFrame, column: str, values: tuple[str, ...], key: str) -> dict[str, pl.Series]:
    """Ids of every k-th row of each kind that has more rows than are tokenized; the frame is in order."""
    found: dict[str, pl.Series] = {}
    for value in values:
        ids = frame.filter(pl.col(column) == value)[key]
        if ids.len() > MAX_TOKENIZED:
            found[value] = ids.gather_every(-(-ids.len() // MAX_TOKENIZED))
    return found


def _number_strangers(conversations: pl.DataFrame, n_known: int) -> pl.DataFrame:
    """Give participants that have conversations but no row of their own a number too."""
    strangers = (
        conversations.filter(pl.col("p").is_null())
        .select("participant_id")
        .unique()
        .sort("participant_id")
        .with_row_index("q", offset=n_known)
    )
    return (
        conversations.join(strangers, on="participant_id", how="left", maintain_order="left")
        .with_columns(p=pl.coalesce("p", "q"))
        .drop("q")
    )
