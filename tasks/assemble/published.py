"""The compatible `thoughttrace.jsonl.zst`: scrubbed records in exactly the published dialect.

A program written for the original file runs on it unchanged. Under `as-published` ids, times and
survey answers stay as they were; under `strict` a message id is its position, times are the coarse
day plus the offset, and survey answers are the generalised ones.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from schemas.run import AppliedPolicy
from tasks.assemble.items import CleanTables, thought_id

SURVEY_KEYS = ("age", "gender", "education", "occupation", "frequency", "purposes")


def write_records(
    clean: CleanTables, labels: pl.DataFrame, participants: pl.DataFrame, policy: AppliedPolicy
) -> Iterator[bytes]:
    """Yield one JSON line a conversation, in the order of the export.

    Args:
        clean: scrubbed tables.
        labels: `labels`, of which the reasons and reactions are used.
        participants: `participants`, for the generalised survey under `strict`.
        policy: which privacy policy the release follows.
    """
    named = clean.thoughts.with_columns(thought_id=thought_id())
    # labels and participants are those of the whole release, and this is called for each of its shards
    here = labels.join(named, left_on="item_id", right_on="thought_id", how="semi")
    label_of = dict(
        here.filter(pl.col("facet").is_in(["reason", "reaction"])).select("item_id", "value").iter_rows()
    )
    people = participants.join(clean.conversations, on="participant_id", how="semi")
    survey_of = {row["participant_id"]: row for row in people.iter_rows(named=True)}
    thoughts = _group(named, "ordinal")
    messages = _group(clean.messages, "position")
    for conversation in clean.conversations.iter_rows(named=True):
        key = conversation["conversation_id"]
        clock = _Clock(conversation, messages[key][0]["created_at"], policy)
        record = {
            "id": key,
            "messages": [_message(row, thoughts.get(key, ()), label_of, clock) for row in messages[key]],
            "model_name": conversation["model_name"],
            "model_provider": conversation["model_provider"],
            "created_at": clock.session(conversation["created_at"], conversation["created_at_text"]),
            "updated_at": clock.session(conversation["updated_at"], conversation["updated_at_text"]),
            "task_summary": conversation["task_summary"],
            "task_expectation": conversation["task_expectation"],
            "survey_answers": _survey(conversation, survey_of[conversation["participant_id"]], policy),
        }
        yield json.dumps(record, ensure_ascii=False).encode("utf-8") + b"\n"


class _Clock:
    """Shows times as the policy allows: as written, or the coarse day plus the offset."""

    def __init__(self, conversation: dict[str, Any], first_at: datetime, policy: AppliedPolicy) -> None:
        self.is_exact = policy == "as-published"
        day = first_at.replace(hour=0, minute=0, second=0, microsecond=0)
        self.shift: timedelta = first_at - day
        self.day = day

    def message(self, at: datetime, text: str) -> str:
        if self.is_exact:
            return text
        return (at - self.shift).astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def session(self, at: datetime, text: str) -> str:
        return text if self.is_exact else self.day.isoformat()


def _group(rows: pl.DataFrame, order: str) -> dict[str, list[dict[str, Any]]]:
    grouped: dict[str, list[dict[str, Any]]] = {}
    for row in rows.sort("conversation_id", "position", order).iter_rows(named=True):
        grouped.setdefault(row["conversation_id"], []).append(row)
    return grouped


def _message(row: dict[str, Any], thoughts: Any, label_of: dict[str, str], clock: _Clock) -> dict[str, Any]:
    is_user = row["role"] == "user"
    return {
        "content": row["content"],
        "timestamp": clock.message(row["created_at"], row["timestamp_text"]),
        "type": row["role"],
        "id": row["source_message_id"]
        if clock.is_exact and row["source_message_id"] is not None
        else row["position"],
        "reasons" if is_user else "reactions": [
            {
                "content": thought["content"],
                "timestamp": clock.message(thought["created_at"], thought["timestamp_text"]),
                "label": label_of.get(thought["thought_id"]),
            }
            for thought in thoughts
            if thought["position"] == row["position"]
        ],
    }


def _survey(
    conversation: dict[str, Any], participant: dict[str, Any], policy: AppliedPolicy
) -> list[dict[str, str | None]]:
    if not conversation["has_survey"]:
        return []
    if policy == "as-published":
        return [{key: conversation[f"survey_{key}"] for key in SURVEY_KEYS}]
    return [
        {
            "age": participant["age_band"],
            "gender": participant["gender"],
            "education": participant["education"],
            "occupation": participant["occupation_group"],
            "frequency": participant["ai_use_frequency"],
            "purposes": "; ".join(participant["purposes"]),
        }
    ]
