"""A session document with faults in some of its conversations: the others are kept."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tasks.ingest.conversations import ExportedConversation, read_session
from tasks.ingest.dialects import adapters
from tasks.ingest.outline import Outline, outline_conversation
from tasks.ingest.parse import MAX_FAULTS, Fault, parse_record

_Number = tuple[int, int]
"""Index of the task and of the conversation in it."""


@dataclass(frozen=True, slots=True)
class PartedSession:
    """A session document without its faulty conversations.

    Attributes:
        conversations: the faultless ones, located in the document as it was.
        faulty: the others, each with its faults.
    """

    conversations: list[ExportedConversation]
    faulty: list[tuple[Outline, list[Fault]]]


def part_session(data: bytes, faults: list[Fault]) -> PartedSession | None:
    """Set the faulty conversations of a session aside; None where the session as a whole is faulty.

    Args:
        data: the document's bytes, which hold valid JSON.
        faults: all its faults, as `parse_record` found them.
    """
    by_number: dict[_Number, list[Fault]] = {}
    for fault in faults:
        match fault.location:
            case ("tasks", int(i), "conversations", int(j), *_):
                by_number.setdefault((i, j), []).append(fault)
            case _:
                return None
    if len(faults) >= MAX_FAULTS:
        return None
    document: dict[str, Any] = json.loads(data)
    tasks: list[dict[str, Any]] = document["tasks"]
    numbers = [(i, j) for i, task in enumerate(tasks) for j in range(len(task["conversations"]))]
    good = [n for n in numbers if n not in by_number]
    parsed = parse_record(adapters()["session"], json.dumps(_keep_only(document, good)).encode())
    if not isinstance(parsed, dict):
        return None
    kept = [
        conversation._replace(location=("tasks", i, "conversations", j))
        for conversation, (i, j) in zip(read_session(parsed), good, strict=True)
    ]
    faulty = [(outline_conversation(document, *n), found) for n, found in by_number.items()]
    return PartedSession(kept, faulty)


def _keep_only(document: dict[str, Any], numbers: list[_Number]) -> dict[str, Any]:
    by_task: dict[int, list[Any]] = {}
    for i, j in numbers:
        by_task.setdefault(i, []).append(document["tasks"][i]["conversations"][j])
    tasks = [{**document["tasks"][i], "conversations": c} for i, c in by_task.items()]
    return {**document, "tasks": tasks}
