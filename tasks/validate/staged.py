"""The rules of a staged shard: a conversation is released whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import polars as pl

from schemas.fields import (
    FUNNEL,
    QUARANTINE,
    STAGED_CONVERSATIONS,
    STAGED_MESSAGES,
    STAGED_THOUGHTS,
)
from schemas.rules import RULES
from schemas.tables import broken_rows
from tasks.validate.ages import is_minor, is_out_of_range
from tasks.validate.links import linked_faults

_PLACE = ("file", "file_sha256", "line", "byte_offset", "n_bytes", "line_sha256")
_IDS = ("conversation_key", "participant_key", "task_no", "conversation_no", *_PLACE)
_MESSAGE_KEY = {
    "role": "type",
    "content": "content",
    "created_at": "timestamp",
    "timestamp_text": "timestamp",
}
_FAULT = pl.Schema({"conversation_key": pl.String, "pointer": pl.String, "rule": pl.String})


@dataclass(frozen=True, slots=True)
class ValidationResult:
    """What is left of a shard, and why the rest is not.

    Attributes:
        conversations: kept rows; impossible ages are null.
        messages: rows of the kept conversations.
        thoughts: rows of the kept conversations.
        quarantine: `QUARANTINE`, one row a fault.
        ids: every conversation that came in: its ids, place, `is_kept`, `is_minor`; for `validate_across`.
        counted: rule that only counts to number of conversations.
        funnel: `FUNNEL` rows of this shard; in = out + quarantined.
    """

    conversations: pl.DataFrame
    messages: pl.DataFrame
    thoughts: pl.DataFrame
    quarantine: pl.DataFrame
    ids: pl.DataFrame
    counted: Mapping[str, int]
    funnel: pl.DataFrame


def validate_staged(
    conversations: pl.DataFrame, messages: pl.DataFrame, thoughts: pl.DataFrame
) -> ValidationResult:
    """Check the rows of one shard against the tables' rules and against each other.

    Args:
        conversations: `STAGED_CONVERSATIONS`.
        messages: `STAGED_MESSAGES`.
        thoughts: `STAGED_THOUGHTS`.

    Returns:
        The kept rows and an account of the others. Row law, for each table: in = kept + quarantined.

    Raises:
        DataError: a frame does not have its table's columns and types.
    """
    faulty = _table_faults(conversations, messages, thoughts)
    minors, impossible = conversations.select(
        is_minor().alias("is_minor"), is_out_of_range().alias("is_impossible")
    ).get_columns()
    found = pl.concat(
        [
            faulty,
            linked_faults(conversations, messages, thoughts),
            conversations.filter(minors).select(
                "conversation_key", pointer=_age_pointer(), rule=pl.lit("participant.minor")
            ),
        ]
    ).unique(maintain_order=True)
    bad = found["conversation_key"].unique()
    kept = ~pl.col("conversation_key").is_in(bad.implode())
    frames = (conversations, messages, thoughts)
    aged = conversations.with_columns(conversations["survey_age"].set(impossible, None))
    result = tuple(frame.filter(kept) for frame in (aged, messages, thoughts))
    return ValidationResult(
        *result,
        quarantine=quarantine_faults(found, conversations),
        ids=conversations.select(*_IDS, kept.alias("is_kept"), minors),
        counted=MappingProxyType({"survey.age_out_of_range": int(impossible.sum())}),
        funnel=_funnel(frames, result),
    )


def validate_across(ids: pl.DataFrame) -> pl.DataFrame:
    """Check what one shard cannot see: ids used twice, and conversations of minors in other shards.

    Args:
        ids: `ValidationResult.ids` of all shards in order.

    Returns:
        `QUARANTINE` rows of conversations that the shards had kept; drop their `conversation_key`.
    """
    first = pl.int_range(pl.len()) == pl.int_range(pl.len()).min()
    minors = ids.filter("is_minor")["participant_key"].unique()
    kept = ids.filter("is_kept")
    numbers = ("participant_key", "task_no", "conversation_no")
    found = pl.concat(
        [
            kept.filter(condition).select("conversation_key", pointer=pl.lit(""), rule=pl.lit(rule))
            for rule, condition in (
                ("row.duplicate_key", ~first.over("conversation_key")),
                ("conversation.number_reused", ~first.over(numbers)),
                ("participant.minor", pl.col("participant_key").is_in(minors.implode())),
            )
        ]
    )
    return quarantine_faults(found, kept.unique("conversation_key", keep="first", maintain_order=True))


def quarantine_faults(found: pl.DataFrame, conversations: pl.DataFrame) -> pl.DataFrame:
    """Return `QUARANTINE` rows for faults (conversation_key, pointer, rule), with their places."""
    if not found.height:
        return QUARANTINE.empty()
    texts = {name: rule.text for name, rule in RULES.items()}
    unknown = {"file": "", "file_sha256": "", "line": 0, "byte_offset": 0, "n_bytes": 0, "line_sha256": ""}
    places = conversations.select("conversation_key", *_PLACE).unique("conversation_key", keep="first")
    return (
        found.join(places, on="conversation_key", how="left", maintain_order="left")
        .with_columns(
            *(pl.col(name).fill_null(value) for name, value in unknown.items()),
            message=pl.col("rule").replace_strict(texts, return_dtype=pl.String),
            stage=pl.lit("validate"),
        )
        .select(QUARANTINE.columns)
        .match_to_schema(QUARANTINE.polars_schema(), integer_cast="upcast")
        .sort("file", "line", "conversation_key", "pointer", "rule")
    )


def _table_faults(
    conversations: pl.DataFrame, messages: pl.DataFrame, thoughts: pl.DataFrame
) -> pl.DataFrame:
    key = pl.col("column").replace(_MESSAGE_KEY)
    of_message = pl.format("/messages/{}", "position")
    of_thought = pl.format("/messages/{}/{}s/{}", "position", "kind", "ordinal")
    parts: list[pl.DataFrame] = []
    for table, frame, place in (
        (STAGED_CONVERSATIONS, conversations, pl.lit("")),
        (STAGED_MESSAGES, messages, of_message),
        (STAGED_THOUGHTS, thoughts, of_thought),
    ):
        broken = broken_rows(table, frame)
        if broken.height:
            rows = frame.with_row_index("row").join(broken, on="row", maintain_order="right")
            pointer = pl.concat_str(place.fill_null(""), pl.lit("/"), key)
            parts.append(rows.select("conversation_key", pointer=pointer, rule="rule"))
    return pl.concat([pl.DataFrame(schema=_FAULT), *parts])


def _age_pointer() -> pl.Expr:
    in_session = pl.col("dialect") == "session"
    return pl.when(in_session).then(pl.lit("/survey/age")).otherwise(pl.lit("/survey_answers/0/age"))


def _funnel(before: tuple[pl.DataFrame, ...], after: tuple[pl.DataFrame, ...]) -> pl.DataFrame:
    counts = [("participants", *(frames[0]["participant_key"].n_unique() for frames in (before, after)))]
    for name, old, new in zip(("conversations", "messages", "thoughts"), before, after, strict=True):
        counts.append((name, old.height, new.height))
    rows = [("validate", name, n_in, n_out, n_in - n_out, 0) for name, n_in, n_out in counts]
    return pl.DataFrame(rows, schema=FUNNEL.polars_schema(), orient="row")
