"""One record's bytes to a checked dictionary, or to the list of its faults.

The dialect's pydantic model does the work in one pass over the bytes. Two things that it cannot see
are checked beside it: keys named twice, and NUL characters. Both are looked for in the bytes first,
which costs next to nothing, and only a suspect is looked at closely.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError

from schemas.rules import RULES

MAX_FAULTS = 20
"""Faults reported of one record; a record that is wrong throughout would otherwise name thousands."""

_RULE_OF = MappingProxyType(
    {
        "missing": "record.missing_key",
        "extra_forbidden": "record.unknown_key",
        "union_tag_invalid": "message.role",
        "union_tag_not_found": "message.role",
        "too_short": "record.too_few",
        "too_long": "record.too_many",
        "greater_than_equal": "record.number_range",
        "less_than_equal": "record.number_range",
    }
)
_PATTERN_RULE = MappingProxyType(
    {
        "content": "message.empty",
        "text": "message.empty",
        "timestamp": "timestamp.form",
        "created_at": "timestamp.form",
        "updated_at": "timestamp.form",
        "model_name": "message.empty",
    }
)
_ROLES = ("user", "assistant")
_KEY_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")
_COLUMN = re.compile(r"at line \d+ column (\d+)$")

Location = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """One broken rule at one place of a record.

    Attributes:
        rule: name in `schemas.rules`.
        location: keys and indices from the record to the value.
        detail: a count or position that helps to find it; never the value.
    """

    rule: str
    location: Location = ()
    detail: str = ""

    @property
    def pointer(self) -> str:
        """JSON pointer; a key that does not look like a key's name is shown as `?`."""
        return "".join(f"/{_printable_key(part)}" for part in self.location)

    @property
    def message(self) -> str:
        """The rule's text and the detail."""
        text = RULES[self.rule].text
        return f"{text} {self.detail}".rstrip()


def parse_record(adapter: TypeAdapter[Any], data: bytes) -> dict[str, Any] | list[Fault]:
    """Check one record; return it as a dictionary, or its faults (at most `MAX_FAULTS`).

    Args:
        adapter: validator of the file's dialect.
        data: the record's bytes.
    """
    try:
        record = cast("dict[str, Any]", adapter.validate_json(data))
    except ValidationError as error:
        return _faults_of(error, data)
    if b"\\u0000" in data:
        faults = [Fault("line.nul", place) for place in _find_nul(record, ())]
        if faults:
            return faults[:MAX_FAULTS]
    if not _has_plain_keys(data, _count_keys(record)) and (repeated := find_repeated_key(data)):
        return [repeated]
    return record


def _faults_of(error: ValidationError, data: bytes) -> list[Fault]:
    faults: list[Fault] = []
    for item in error.errors(include_url=False, include_input=False, include_context=False)[:MAX_FAULTS]:
        if item["type"] == "json_invalid":
            return [_fault_of_json(data, item["msg"])]
        location = _without_union_tags(item["loc"])
        faults.append(Fault(_rule_of(item["type"], location), location))
    return faults


def _fault_of_json(data: bytes, message: str) -> Fault:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        return Fault("line.encoding", detail=f"(byte {error.start} of the line)")
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        column = _COLUMN.search(message)
        return Fault("line.json", detail=f"(column {column[1]})" if column else "")
    return Fault("line.surrogate")


def _rule_of(kind: str, location: Location) -> str:
    key = next((part for part in reversed(location) if isinstance(part, str)), "")
    if kind == "string_pattern_mismatch":
        return _PATTERN_RULE.get(key, "record.bad_id")
    if key in {"timestamp", "created_at", "updated_at"} and kind != "missing":
        return "timestamp.form"
    if key in {"reasons", "reactions"} and kind == "too_long":
        return "thought.wrong_role"
    return _RULE_OF.get(kind, "record.wrong_type")


def _without_union_tags(location: Location) -> Location:
    """Drop the role that pydantic puts behind a message's index."""
    return tuple(
        part
        for i, part in enumerate(location)
        if not (part in _ROLES and i and isinstance(location[i - 1], int))
    )


def _printable_key(part: str | int) -> str:
    if isinstance(part, int) or _KEY_NAME.fullmatch(part):
        return str(part)
    return "?"


def _count_keys(record: dict[str, Any]) -> int:
    """Count the keys of a checked record of any dialect, all levels."""
    n = len(record)
    for survey in record.get("survey_answers") or (record.get("survey"),):
        n += len(survey or ())
    for task in record.get("tasks", ()):
        n += len(task)
        for conversation in task["conversations"]:
            n += len(conversation) + _count_message_keys(conversation["messages"])
    return n + _count_message_keys(record.get("messages", ()))


def _count_message_keys(messages: Sequence[Mapping[str, Any]]) -> int:
    n = sum(map(len, messages))
    for message in messages:
        for thoughts in (message.get("reasons"), message.get("reactions")):
            if thoughts:
                n += sum(map(len, thoughts))
    return n


def _has_plain_keys(data: bytes, n_keys: int) -> bool:
    """Whether the bytes hold exactly this many keys, as far as a quick look can tell.

    Outside strings, a quote followed by a colon ends a key; inside, a quote has a backslash before it,
    and no key of a dialect ends with a backslash. So the difference of the two counts is the number of
    keys that have no white space before their colon, and a key named twice makes it exceed `n_keys`.
    A key with white space there is not counted; the last line asks for a close look wherever one
    could be.
    """
    if data.count(b'":') - data.count(b'\\":') != n_keys:
        return False
    return not (b" :" in data or b"\t" in data or b"\n" in data or b"\r" in data)


class _RepeatedKeyError(ValueError):
    pass


def find_repeated_key(data: bytes) -> Fault | None:
    """Return a fault where any object of a valid JSON text names a key twice."""

    def refuse(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys: dict[str, Any] = dict(pairs)
        if len(keys) != len(pairs):
            raise _RepeatedKeyError
        return keys

    try:
        json.loads(data, object_pairs_hook=refuse)
    except _RepeatedKeyError:
        return Fault("line.duplicate_key")
    return None


def _find_nul(value: Any, location: Location) -> Iterator[Location]:
    if isinstance(value, str):
        if "\x00" in value:
            yield location
    elif isinstance(value, Mapping):
        for key, inner in cast("Mapping[str, Any]", value).items():
            yield from _find_nul(inner, (*location, key))
    elif isinstance(value, list):
        for index, inner in enumerate(cast("list[Any]", value)):
            yield from _find_nul(inner, (*location, index))
