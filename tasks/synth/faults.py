"""The faults that can be planted into a line of an export, each with what should become of it.

Every fault breaks one rule in one place, so that a quarantine can be compared with the truth line by
line.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to break a line.

    Attributes:
        expected: `quarantine`, `repair` (a value becomes null or normal), `drop` (an exact copy) or
            `relabel` (the row stays, its unknown label is for the tagging stage to settle).
        edit: changes the decoded record in place, where the fault can be said in JSON.
        rewrite: changes the bytes of the line, where it cannot.
    """

    expected: str
    edit: Callable[[Record, random.Random], None] | None = None
    rewrite: Callable[[bytes], bytes] | None = None


def _messages(record: Record) -> list[Record]:
    return record["messages"] if "messages" in record else record["tasks"][0]["conversations"][0]["messages"]


def _text_key(record: Record) -> str:
    return "text" if "text" in _messages(record)[0] else "content"


def _survey(record: Record) -> Record:
    """Return the survey answers, made up where there are none."""
    if "tasks" in record:
        record["survey"] = record["survey"] or {"age": "30"}
        return record["survey"]
    if not record["survey_answers"]:
        empty = dict.fromkeys(("age", "gender", "education", "occupation", "frequency", "purposes"))
        record["survey_answers"].append(empty)
    return record["survey_answers"][0]


def _thought(record: Record, label: str | None = None) -> Record:
    first = _messages(record)[0]
    return {"content": "planted", "timestamp": first["timestamp"], **({"label": label} if label else {})}


def _set_text(value: Any) -> Callable[[Record, random.Random], None]:
    return lambda record, _: _messages(record)[0].update({_text_key(record): value})


def _set_first(**values: Any) -> Callable[[Record, random.Random], None]:
    return lambda record, _: _messages(record)[0].update(values)


def _set_age(*ages: str) -> Callable[[Record, random.Random], None]:
    return lambda record, rng: _survey(record).update(age=rng.choice(ages))


def _unknown_label(record: Record, _: random.Random) -> None:
    _messages(record)[0]["reasons"] = [_thought(record, "no_such_label")]


def _label_form(record: Record, _: random.Random) -> None:
    _messages(record)[0]["reasons"] = [_thought(record, "<b>no label at all</b>")]


def _naive_time(record: Record, _: random.Random) -> None:
    first = _messages(record)[0]
    first["timestamp"] = first["timestamp"].removesuffix("Z")


def _back_in_time(record: Record, _: random.Random) -> None:
    _messages(record)[1]["timestamp"] = "2020-01-01T00:00:00.000Z"


def _impossible_day(record: Record, _: random.Random) -> None:
    _messages(record)[0]["timestamp"] = "2026-02-30T10:00:00.000Z"


def _tool_role(record: Record, _: random.Random) -> None:
    _messages(record)[1]["type"] = "tool"


def _reason_on_assistant(record: Record, _: random.Random) -> None:
    _messages(record)[1]["reasons"] = [_thought(record)]


def _reaction_on_user(record: Record, _: random.Random) -> None:
    _messages(record)[0]["reactions"] = [_thought(record)]


def _early_thought(record: Record, _: random.Random) -> None:
    _messages(record)[0]["reasons"] = [_thought(record) | {"timestamp": "2020-01-01T00:00:00.000Z"}]


def _two_users(record: Record, _: random.Random) -> None:
    messages = _messages(record)
    messages.insert(1, dict(messages[0]))


def _ends_with_user(record: Record, _: random.Random) -> None:
    _messages(record).pop()


def _no_messages(record: Record, _: random.Random) -> None:
    _messages(record).clear()


def _extra_key(record: Record, _: random.Random) -> None:
    record["surprise"] = 1


def _missing_key(record: Record, _: random.Random) -> None:
    del record["model_name"]


def _wrong_type(record: Record, _: random.Random) -> None:
    record["created_at"] = ["not", "a", "time"]


def _label_case(record: Record, _: random.Random) -> None:
    _messages(record)[0]["reasons"] = [_thought(record, "Task_Motivation")]


def _inside(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    return lambda line: line.replace(old, new, 1)


def _duplicate_key(line: bytes) -> bytes:
    name = b"session_id" if line.startswith(b'{"session_id"') else b"id"
    return b'{"' + name + b'": "x", ' + line[1:]


FAULTS: Mapping[str, Fault] = {
    "cut_off": Fault("quarantine", rewrite=lambda line: line[:-5]),
    "unknown_label": Fault("relabel", _unknown_label),
    "label_form": Fault("quarantine", _label_form),
    "naive_time": Fault("quarantine", _naive_time),
    "unknown_role": Fault("quarantine", _tool_role),
    "reason_on_assistant": Fault("quarantine", _reason_on_assistant),
    "empty_text": Fault("quarantine", _set_text("")),
    "not_alternating": Fault("quarantine", _two_users),
    "back_in_time": Fault("quarantine", _back_in_time),
    "duplicate_id": Fault("quarantine"),
    "nul": Fault("quarantine", _set_text("a\x00b")),
    "duplicate_key": Fault("quarantine", rewrite=_duplicate_key),
    "extra_key": Fault("quarantine", _extra_key),
    "time_as_number": Fault("quarantine", _set_first(timestamp=1_775_956_268_518)),
    "lone_surrogate": Fault("quarantine", _set_text("a\ud800b")),
    "bad_utf8": Fault("quarantine", rewrite=_inside(b'"task_summary": "', b'"task_summary": "\xff\xfe')),
    "reaction_on_user": Fault("quarantine", _reaction_on_user),
    "early_thought": Fault("quarantine", _early_thought),
    "impossible_day": Fault("quarantine", _impossible_day),
    "ends_with_user": Fault("quarantine", _ends_with_user),
    "no_messages": Fault("quarantine", _no_messages),
    "missing_key": Fault("quarantine", _missing_key),
    "wrong_type": Fault("quarantine", _wrong_type),
    "text_as_number": Fault("quarantine", _set_text(7)),
    "id_as_text": Fault("quarantine", _set_first(id="1775956268518")),
    "not_a_number": Fault("quarantine", rewrite=_inside(b'"type": "user", "id": ', b'"type": "user", "id": NaN, "x": ')),
    "two_objects": Fault("quarantine", rewrite=lambda line: line + b" {}"),
    "array": Fault("quarantine", rewrite=lambda line: b"[" + line + b"]"),
    "deep_nesting": Fault("quarantine", rewrite=lambda line: b"[" * 100_000),
    "not_json": Fault("quarantine", rewrite=lambda line: b"<html><body>502 Bad Gateway</body></html>"),
    "minor": Fault("quarantine", _set_age("13", "15", "17")),
    "impossible_age": Fault("repair", _set_age("2", "366", "-5")),
    "label_case": Fault("repair", _label_case),
    "exact_copy": Fault("drop"),
}  # fmt: skip
"""Kinds of fault; `minor` and `impossible_age` strike all lines of a participant."""

NEED_LABELS = frozenset({"unknown_label", "label_form", "label_case"})
TRUE_STILL = frozenset({"impossible_age", "exact_copy"})
PARTICIPANT_WIDE = frozenset({"minor", "impossible_age"})
