"""A checked record of any dialect as conversations of one shape."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

SURVEY_KEYS = ("age", "gender", "education", "occupation", "frequency", "purposes")
"""What leaves the parser; `feedback` is written to the researchers and does not."""

_NUMBERS = re.compile(r"(user[0-9]+)_task([0-9]+)_conversation([0-9]+)")
_HEX_ID = re.compile(r"[0-9A-Fa-f]{24}")


class ExportedConversation(NamedTuple):
    """One conversation as exported; text and times as written.

    Attributes:
        source_id: the export's id of the conversation.
        participant: the export's id of the participant.
        recruitment_id: recruitment platform's id, session dialect only.
        session_key: study session, where exported.
        task_no: number of the task.
        conversation_no: number of the conversation in the task.
        header: the record or document with model, times and task texts.
        task: where the task's texts are.
        survey: survey answers by key, None where there are none.
        messages: the messages, as in the record.
        text_key: key of a message's text.
        location: keys and indices from the record to the conversation.
    """

    source_id: str
    participant: str
    recruitment_id: str | None
    session_key: str | None
    task_no: int
    conversation_no: int
    header: Mapping[str, Any]
    task: Mapping[str, Any]
    survey: Mapping[str, Any] | None
    messages: list[Mapping[str, Any]]
    text_key: str
    location: tuple[str | int, ...] = ()


def read_published(record: Mapping[str, Any]) -> Iterator[ExportedConversation]:
    """Yield the record's one conversation."""
    yield _read_flat(record, "content", None)


def read_flat_study(record: Mapping[str, Any]) -> Iterator[ExportedConversation]:
    """Yield the record's one conversation."""
    yield _read_flat(record, "text", record["conversation_id"])


def read_session(document: Mapping[str, Any]) -> Iterator[ExportedConversation]:
    """Yield the conversations of a session document, task by task."""
    recruitment_id = normalise_recruitment_id(document["recruitment_id"])
    session = document["session_id"]
    for i, task in enumerate(document["tasks"]):
        for j, conversation in enumerate(task["conversations"]):
            yield ExportedConversation(
                source_id=f"{session}/task{task['task_no']}/conversation{conversation['conversation_no']}",
                participant=recruitment_id,
                recruitment_id=recruitment_id,
                session_key=session,
                task_no=task["task_no"],
                conversation_no=conversation["conversation_no"],
                header=document,
                task=task,
                survey=document.get("survey"),
                messages=conversation["messages"],
                text_key="content",
                location=("tasks", i, "conversations", j),
            )


READERS: Mapping[str, Callable[[Mapping[str, Any]], Iterator[ExportedConversation]]] = MappingProxyType(
    {"published": read_published, "flat-study": read_flat_study, "session": read_session}
)
"""Dialect name to the function that yields a record's conversations."""


def _read_flat(record: Mapping[str, Any], text_key: str, session: str | None) -> ExportedConversation:
    source_id = record["id"]
    numbers = _NUMBERS.fullmatch(source_id)
    if numbers is None:
        raise ValueError("an id that the dialect's model does not accept")
    surveys = record["survey_answers"]
    return ExportedConversation(
        source_id=source_id,
        participant=numbers[1],
        recruitment_id=None,
        session_key=session,
        task_no=int(numbers[2]),
        conversation_no=int(numbers[3]),
        header=record,
        task=record,
        survey=surveys[0] if surveys else None,
        messages=record["messages"],
        text_key=text_key,
    )


def normalise_recruitment_id(recruitment_id: str) -> str:
    """Write a hexadecimal id in lower case, so that a participant is one whatever the export's case."""
    return recruitment_id.lower() if _HEX_ID.fullmatch(recruitment_id) else recruitment_id


def join_purposes(purposes: str | list[str] | None) -> str | None:
    """Write purposes as one text, whichever way the dialect lists them."""
    return "; ".join(purposes) if isinstance(purposes, list) else purposes
