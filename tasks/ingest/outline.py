"""What can still be told of a faulty record: whose it is and how many rows it would have had.

Row laws count these; nothing of it is released.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from schemas.export.published import ID_PATTERN
from tasks.ingest.conversations import normalise_recruitment_id

_SESSION_PART = re.compile(r"[A-Za-z0-9_.-]{1,100}")


@dataclass(frozen=True, slots=True)
class Outline:
    """One conversation of a faulty record.

    Attributes:
        key: conversation key, None where it cannot be read.
        participant_key: participant key, None where it cannot be read.
        n_messages: messages that can be counted.
        n_thoughts: thoughts that can be counted.
    """

    key: str | None = None
    participant_key: str | None = None
    n_messages: int = 0
    n_thoughts: int = 0


UNREADABLE = Outline()


def outline_record(dialect: str, data: bytes | None) -> list[Outline]:
    """Return the conversations of a faulty record, at least one; never raises."""
    try:
        value = json.loads(data or b"")
    except (ValueError, RecursionError):
        return [UNREADABLE]
    record = _dict(value)
    if dialect == "session":
        return list(_outline_session(record)) or [UNREADABLE]
    source_id = record.get("id")
    if not isinstance(source_id, str) or not re.fullmatch(ID_PATTERN, source_id):
        return [Outline(None, None, *_count_rows(record))]
    participant = source_id.partition("_")[0]
    return [Outline(f"{dialect}:{source_id}", f"{dialect}:{participant}", *_count_rows(record))]


def outline_conversation(document: dict[str, Any], task_index: int, index: int) -> Outline:
    """Return one conversation of a session document."""
    task = _dict(_item(document.get("tasks"), task_index))
    conversation = _dict(_item(task.get("conversations"), index))
    session, recruitment_id = document.get("session_id"), document.get("recruitment_id")
    numbers = (task.get("task_no"), conversation.get("conversation_no"))
    key = participant_key = None
    if _is_name(session) and all(type(n) is int for n in numbers):
        key = f"session:{session}/task{numbers[0]}/conversation{numbers[1]}"
    if _is_name(recruitment_id):
        participant_key = f"session:{normalise_recruitment_id(cast('str', recruitment_id))}"
    return Outline(key, participant_key, *_count_rows(conversation))


def _outline_session(document: dict[str, Any]) -> Iterator[Outline]:
    for i, task in enumerate(_list(document.get("tasks"))):
        for j in range(len(_list(_dict(task).get("conversations")))):
            yield outline_conversation(document, i, j)


def _count_rows(conversation: dict[str, Any]) -> tuple[int, int]:
    messages = _list(conversation.get("messages"))
    keys = ("reasons", "reactions")
    return len(messages), sum(len(_list(_dict(m).get(key))) for m in messages for key in keys)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and _SESSION_PART.fullmatch(value) is not None


def _dict(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def _item(value: object, index: int) -> object:
    items = _list(value)
    return items[index] if index < len(items) else None
