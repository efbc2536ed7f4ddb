"""Release tables are legal, row by row and together, or nothing is published."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from schemas.errors import DataError
from schemas.fields import CONVERSATIONS, LABELS, MESSAGES, PARTICIPANTS, THOUGHTS, Table
from tasks.validate.release import validate_release

Tables = dict[str, pl.DataFrame]
_DEFAULTS: dict[str, Any] = {
    "string": "x",
    "int32": 1,
    "int64": 1,
    "float64": 0.5,
    "bool": True,
    "timestamp": datetime(2026, 4, 12, tzinfo=UTC),
    "list<string>": [],
}


def rows(table: Table, *given: dict[str, Any]) -> pl.DataFrame:
    blank = {f.name: f.values[0] if f.values else _DEFAULTS[f.dtype] for f in table.fields}
    return pl.DataFrame([{**blank, **row} for row in given], schema=table.polars_schema())


def release() -> Tables:
    message = "user1_task1_conversation1_m{}"
    return {
        "participants": rows(PARTICIPANTS, {"participant_id": "user1"}),
        "conversations": rows(
            CONVERSATIONS, {"conversation_id": "user1_task1_conversation1", "participant_id": "user1"}
        ),
        # in the order of the ids, not of the positions
        "messages": rows(
            MESSAGES,
            *(
                {
                    "message_id": message.format(p),
                    "conversation_id": "user1_task1_conversation1",
                    "position": p,
                    "role": ("user", "assistant")[p % 2],
                    "offset_s": 3.0 * p,
                }
                for p in (0, 1, 10, 11, *range(2, 10))
            ),
        ),
        "thoughts": rows(
            THOUGHTS,
            {
                "thought_id": message.format(0) + "_reason0",
                "conversation_id": "user1_task1_conversation1",
                "message_id": message.format(0),
            },
        ),
        "labels": rows(
            LABELS,
            {"item_id": "user1_task1_conversation1", "facet": "topic"},
            {"item_id": message.format(0), "facet": "relationship"},
            {"item_id": message.format(0) + "_reason0", "facet": "reason"},
        ),
    }


def test_a_legal_release_passes() -> None:
    validate_release(release())


def _change(table: str, **columns: Any) -> Callable[[Tables], None]:
    def edit(tables: Tables) -> None:
        tables[table] = tables[table].with_columns(**columns)

    return edit


def _repeat(table: str) -> Callable[[Tables], None]:
    def edit(tables: Tables) -> None:
        tables[table] = pl.concat([tables[table], tables[table].head(1)])

    return edit


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (_repeat("participants"), r"participants breaks row\.duplicate_key.*in 1 rows \(first ids: user1\)"),
        (_change("messages", role=pl.lit("tool")), r"messages breaks .* in \d+ rows"),
        (_change("messages", role=pl.lit("user")), r"messages breaks conversation\.roles_alternate on role"),
        (_change("messages", stage=pl.lit("soon")), r"messages breaks row\.value on stage in 12 rows"),
        (_change("messages", content=pl.lit(None, pl.String)), r"messages breaks row\.null on content"),
        (_change("messages", offset_s=-pl.col("offset_s")), r"conversation\.time_goes_back on offset_s"),
        (_change("conversations", n_messages=pl.lit(-1, pl.Int32)), r"row\.range on n_messages"),
        (_change("labels", confidence=pl.lit(1.5)), r"labels breaks row\.range on confidence in 3 rows"),
        (_change("conversations", participant_id=pl.lit("user2")), r"row\.orphan on participant_id"),
        (_change("thoughts", message_id=pl.lit("other")), r"thoughts breaks row\.orphan on message_id"),
        (_change("labels", item_id=pl.lit("other")), r"labels breaks row\.orphan on item_id \(topic"),
        (_change("messages", surprise=pl.lit(1)), r"messages does not have its schema"),
        (
            _change("messages", position=pl.col("position").cast(pl.Int64)),
            r"does not have its schema: position",
        ),
    ],
)
def test_a_broken_release_is_refused_by_name(edit: Callable[[Tables], None], message: str) -> None:
    tables = release()
    edit(tables)
    with pytest.raises(DataError, match=message):
        validate_release(tables)


def test_text_is_not_shown() -> None:
    tables = release()
    tables["messages"] = tables["messages"].with_columns(content=pl.lit("secret words"), role=pl.lit("user"))
    with pytest.raises(DataError) as refused:
        validate_release(tables)
    assert "secret" not in str(refused.value)
