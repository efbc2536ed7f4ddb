"""The list of what leaked: places in a release, or the words themselves. Read, never stored.

One JSON object a line:
- a place, as a reader reports it: `{"item_id": "…", "field": "content", "start": 3, "end": 15, "type": "PERSON"}`;
  `item_id` may also be called `message_id`, `thought_id` or `conversation_id`, offsets count code points of
  the released text, and `version` names the release that they were read in (the latest otherwise). It is
  masked all through its conversation.
- words that are masked wherever they stand: `{"text": "…", "type": "PERSON"}`, or in one conversation only
  with a `conversation_id`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.errors import InputError
from tasks.scrub.deny import is_specific, split_words
from tasks.scrub.spans import SPAN_TYPES

_ID_NAMES = ("item_id", "message_id", "thought_id", "conversation_id")


@dataclass(frozen=True, slots=True)
class Leak:
    """One line of the list: a place, or words.

    Attributes:
        line: where it stands in the list.
        type: type of the span.
        item_id: message, thought or conversation that holds it; empty for words.
        field: column of the text.
        start: first code point.
        end: one past the last.
        version: release that the offsets were read in; empty for the latest.
        text: the words; empty for a place.
        conversation_id: the one conversation in which the words are masked; empty for all.
    """

    line: int
    type: str
    item_id: str = ""
    field: str = "content"
    start: int = 0
    end: int = 0
    version: str = ""
    text: str = ""
    conversation_id: str = ""


def read_leaks(data: bytes, name: str) -> list[Leak]:
    """Return the lines of a list.

    Args:
        data: the file.
        name: its name, for messages.

    Raises:
        InputError: a line that is neither a place nor words, or words too short to be masked everywhere;
            names the line, never its text.
    """
    leaks = [_read_leak(record, f"{name}, line {number}", number) for number, record in _records(data, name)]
    if not leaks:
        raise InputError(f"{name} names nothing; give one place or text a line, see docs/redaction.md")
    return leaks


def load_leaks(path: Path) -> tuple[bytes, list[Leak]]:
    """Read a list from a file; returns its bytes too.

    Raises:
        InputError: it cannot be read; see `read_leaks`.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    return data, read_leaks(data, path.name)


def _records(data: bytes, name: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise InputError(f"{name} is not UTF-8 text; give one JSON object a line") from None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError:
            raise InputError(f"{name}, line {number}: not a JSON object") from None
        if not isinstance(record, dict):
            raise InputError(f"{name}, line {number}: not a JSON object")
        yield number, record


def _read_leak(record: Mapping[str, Any], where: str, line: int) -> Leak:
    kind = str(record.get("type") or "OTHER").upper()
    if kind not in SPAN_TYPES:
        raise InputError(f"{where}: unknown type; give one of {', '.join(SPAN_TYPES)}")
    if "text" in record:
        text, scope = record["text"], str(record.get("conversation_id") or "")
        if not isinstance(text, str) or not split_words(text):
            raise InputError(f"{where}: `text` holds no letters or digits")
        if not scope and not is_specific(text):
            raise InputError(f"{where}: `text` is too short to be masked everywhere; add a `conversation_id`")
        return Leak(line, kind, text=text, conversation_id=scope)
    item_id = next((record[name] for name in _ID_NAMES if isinstance(record.get(name), str)), "")
    start, end = record.get("start"), record.get("end")
    if not item_id or type(start) is not int or type(end) is not int or not 0 <= start < end:
        raise InputError(f"{where}: needs `text`, or `item_id` with `start` < `end`")
    field, version = str(record.get("field") or "content"), str(record.get("version") or "")
    return Leak(line, kind, item_id, field, start, end, version)
