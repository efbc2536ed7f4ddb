"""One record's bytes to a checked dictionary, or to the list of its faults.

The bytes are parsed by jiter, pydantic's own JSON parser, called directly because only so it refuses
keys named twice (`json.loads` and pydantic keep the last one in silence). Then the dialect's pydantic
model checks the value, without changing it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, cast

import jiter
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
        value = jiter.from_json(data, catch_duplicate_keys=True, allow_inf_nan=False, cache_mode="keys")
    except ValueError as error:
        return [_fault_of_json(data, str(error))]
    try:
        record = cast("dict[str, Any]", adapter.validator.validate_python(value))
    except ValidationError as error:
        return _faults_of(error)
    if b"\\u0000" in data:
        faults = [Fault("line.nul", place) for place in _find_nul(record, ())]
        if faults:
            return faults[:MAX_FAULTS]
    return record


def _faults_of(error: ValidationError) -> list[Fault]:
    faults: list[Fault] = []
    for item in error.errors(include_url=False, include_input=False, include_context=False)[:MAX_FAULTS]:
        location = _without_union_tags(item["loc"])
        faults.append(Fault(_rule_of(item["type"], location), location))
    return faults


def _fault_of_json(data: bytes, message: str) -> Fault:
    # of the parser's message only the position is taken: it may quote a key
    column = _COLUMN.search(message)
    detail = f"(column {column[1]})" if column else ""
    if message.startswith("Detected duplicate key"):
        return Fault("line.duplicate_key", detail=detail)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        return Fault("line.encoding", detail=f"(byte {error.start} of the line)")
    try:
        json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return Fault("line.json", detail=detail)
    return Fault("line.surrogate")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


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
