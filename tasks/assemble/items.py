"""Staged tables to the texts that the scrubber sees, and back.

Row law: every text of a staged table becomes exactly one item, and every item goes back to its row.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from schemas.errors import DataError
from schemas.fields import CLEAN_CONVERSATIONS, CLEAN_MESSAGES, CLEAN_THOUGHTS, STAGED_CONVERSATIONS

CONVERSATION_TEXTS = STAGED_CONVERSATIONS.free_text
"""Columns of a conversation that a person wrote: summary, expectation and survey answers."""

_KIND_OF_FIELD = {name: "survey" if name.startswith("survey_") else "summary" for name in CONVERSATION_TEXTS}


@dataclass(frozen=True, slots=True)
class CleanTables:
    """Scrubbed tables of one shard: schemas `clean_conversations`, `clean_messages`, `clean_thoughts`."""

    conversations: pl.DataFrame
    messages: pl.DataFrame
    thoughts: pl.DataFrame


def message_id() -> pl.Expr:
    """Public id of a message: `<conversation_id>_message<position>`."""
    return pl.format("{}_message{}", pl.col("conversation_id"), pl.col("position"))


def thought_id() -> pl.Expr:
    """Public id of a thought: `<message_id>_<kind><number>`, numbered from 0 on its message."""
    return pl.format(
        "{}_message{}_{}{}", pl.col("conversation_id"), pl.col("position"), pl.col("kind"), pl.col("ordinal")
    )


def list_items(
    conversations: pl.DataFrame, messages: pl.DataFrame, thoughts: pl.DataFrame, id_map: pl.DataFrame
) -> pl.DataFrame:
    """List every text of a shard as one item.

    Args:
        conversations: `staged_conversations`.
        messages: `staged_messages`.
        thoughts: `staged_thoughts`.
        id_map: conversation_key and conversation_id (both string), one row a conversation.

    Returns:
        item_id, conversation_id, field, role, kind, position (int32), text; null texts are left out.

    Raises:
        DataError: a conversation has no public id.
    """
    ids = id_map.select("conversation_key", "conversation_id")
    _check_ids(conversations, ids)
    roles = messages.select("conversation_key", "position", "role")
    columns = ["item_id", "conversation_id", "field", "role", "kind", "position", "text"]
    of_messages = messages.join(ids, on="conversation_key").select(
        message_id().alias("item_id"),
        "conversation_id",
        pl.lit("content").alias("field"),
        "role",
        pl.lit("message").alias("kind"),
        "position",
        pl.col("content").alias("text"),
    )
    of_thoughts = (
        thoughts.join(ids, on="conversation_key")
        .join(roles, on=["conversation_key", "position"])
        .select(
            thought_id().alias("item_id"),
            "conversation_id",
            pl.lit("content").alias("field"),
            # a thought is the user's own word, whoever's message it stands on
            pl.lit("user").alias("role"),
            "kind",
            "position",
            pl.col("content").alias("text"),
        )
    )
    of_conversations = [
        conversations.join(ids, on="conversation_key").select(
            pl.format("{}_{}", pl.col("conversation_id"), pl.lit(field)).alias("item_id"),
            "conversation_id",
            pl.lit(field).alias("field"),
            pl.lit("user").alias("role"),
            pl.lit(_KIND_OF_FIELD[field]).alias("kind"),
            pl.lit(None, pl.Int32).alias("position"),
            pl.col(field).alias("text"),
        )
        for field in CONVERSATION_TEXTS
    ]
    return pl.concat([of_messages, of_thoughts, *of_conversations]).drop_nulls("text").select(columns)


def apply_scrub(
    conversations: pl.DataFrame,
    messages: pl.DataFrame,
    thoughts: pl.DataFrame,
    id_map: pl.DataFrame,
    texts: pl.DataFrame,
) -> CleanTables:
    """Put scrubbed texts in the place of the raw ones.

    Args:
        conversations: `staged_conversations`.
        messages: `staged_messages`.
        thoughts: `staged_thoughts`.
        id_map: conversation_key, conversation_id, participant_id (string).
        texts: item_id, text, n_redactions (int32), language, sensitive (list of string): one row for
            each item of `list_items`.

    Raises:
        DataError: a text came back without its scrubbed form. Nothing falls back to the raw text.
    """
    ids = id_map.select("conversation_key", "conversation_id", "participant_id")
    clean_messages = (
        messages.join(ids.drop("participant_id"), on="conversation_key", maintain_order="left")
        .with_columns(message_id().alias("item_id"))
        .join(texts, on="item_id", how="left", maintain_order="left")
        .with_columns(content=pl.col("text"))
    )
    clean_thoughts = (
        thoughts.join(ids.drop("participant_id"), on="conversation_key", maintain_order="left")
        .with_columns(thought_id().alias("item_id"))
        .join(texts, on="item_id", how="left", maintain_order="left")
        .with_columns(content=pl.col("text"))
    )
    clean_conversations = conversations.join(ids, on="conversation_key", maintain_order="left").with_columns(
        n_redactions=pl.lit(0, pl.Int32), language=pl.lit("und")
    )
    for field in CONVERSATION_TEXTS:
        scrubbed = texts.select(
            "item_id", pl.col("text").alias("_text"), pl.col("n_redactions").alias("_n_redactions")
        )
        joined = clean_conversations.with_columns(
            pl.format("{}_{}", pl.col("conversation_id"), pl.lit(field)).alias("item_id")
        ).join(scrubbed, on="item_id", how="left", maintain_order="left")
        _check_complete(joined.filter(pl.col(field).is_not_null()), "_text", field)
        clean_conversations = joined.with_columns(
            pl.col("_text").alias(field),
            n_redactions=pl.col("n_redactions") + pl.col("_n_redactions").fill_null(0),
        ).drop("item_id", "_text", "_n_redactions")
    _check_complete(clean_messages, "text", "messages.content")
    _check_complete(clean_thoughts, "text", "thoughts.content")
    if clean_messages.height != messages.height or clean_thoughts.height != thoughts.height:
        raise DataError("the scrubber returned more than one row for an item; the item ids are not unique")
    languages = judge_language(clean_messages)
    return CleanTables(
        conversations=clean_conversations.drop("language")
        .join(languages, on="conversation_id", how="left", maintain_order="left")
        .with_columns(pl.col("language").fill_null("und"))
        .select(CLEAN_CONVERSATIONS.columns),
        messages=clean_messages.select(CLEAN_MESSAGES.columns),
        thoughts=clean_thoughts.select(CLEAN_THOUGHTS.columns),
    )


def judge_language(messages: pl.DataFrame) -> pl.DataFrame:
    """Judge the language of each conversation: the one most characters of the user are written in.

    Args:
        messages: conversation_id, role, language, content.

    Returns:
        conversation_id, language; `und` only where no user message could be judged.
    """
    return (
        messages.filter(pl.col("role") == "user")
        .group_by("conversation_id", "language")
        .agg(n=pl.col("content").str.len_chars().sum())
        .sort("conversation_id", pl.col("language") == "und", -pl.col("n").cast(pl.Int64), "language")
        .group_by("conversation_id", maintain_order=True)
        .agg(pl.col("language").first())
    )


def _check_ids(conversations: pl.DataFrame, ids: pl.DataFrame) -> None:
    n_without = conversations.join(ids, on="conversation_key", how="anti").height
    if n_without:
        raise DataError(f"{n_without} conversations have no public id; run the registry step again")


def _check_complete(rows: pl.DataFrame, column: str, field: str) -> None:
    missing = rows.filter(pl.col(column).is_null())
    if missing.height:
        raise DataError(
            f"{missing.height} texts of {field} came back unscrubbed, first in "
            f"{missing['conversation_id'][0]}; nothing was written"
        )
