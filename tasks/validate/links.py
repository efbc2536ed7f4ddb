"""Rules between the staged tables: every row's parent exists and agrees with it."""

from __future__ import annotations

import polars as pl

_KEY = "conversation_key"


def linked_faults(
    conversations: pl.DataFrame, messages: pl.DataFrame, thoughts: pl.DataFrame
) -> pl.DataFrame:
    """Return the faults between the tables: `conversation_key`, `pointer` and `rule`.

    Args:
        conversations: `STAGED_CONVERSATIONS`.
        messages: `STAGED_MESSAGES`.
        thoughts: `STAGED_THOUGHTS`.
    """
    of_message = pl.format("/messages/{}", "position")
    of_thought = pl.format("/messages/{}/{}s/{}", "position", "kind", "ordinal")
    parents = messages.select(_KEY, "position", "role", sent_at="created_at")
    joined = thoughts.join(parents, on=[_KEY, "position"], how="left", maintain_order="left")
    wanted_role = pl.when(pl.col("kind") == "reason").then(pl.lit("user")).otherwise(pl.lit("assistant"))
    return pl.concat(
        [
            _faults(
                conversations.join(messages, on=_KEY, how="anti"),
                pl.lit("/messages"),
                "conversation.without_messages",
            ),
            _faults(messages.join(conversations, on=_KEY, how="anti"), of_message, "message.orphan"),
            _faults(joined.filter(pl.col("role").is_null()), of_thought, "thought.orphan"),
            _faults(joined.filter(pl.col("role") != wanted_role), of_thought, "thought.wrong_kind"),
            _faults(
                joined.filter(pl.col("created_at") < pl.col("sent_at")),
                pl.concat_str(of_thought, pl.lit("/timestamp")),
                "thought.before_message",
            ),
        ]
    )


def _faults(rows: pl.DataFrame, pointer: pl.Expr, rule: str) -> pl.DataFrame:
    return rows.select(_KEY, pointer=pointer.cast(pl.String), rule=pl.lit(rule))
