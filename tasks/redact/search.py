"""Finds leaked values in private files, for a purge: reads JSON rows as the texts that they hold."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tasks.scrub.deny import DenyList

_CONVERSATION = re.compile(r"user\d+_task\d+_conversation\d+")


@dataclass(frozen=True, slots=True)
class _Found:
    position: int

    def start(self) -> int:
        """First byte of what was searched."""
        return self.position


class ValueFinder:
    """Tells whether a row or a piece of a file holds a denied value."""

    def __init__(self, deny: DenyList) -> None:
        """Take the values."""
        self._deny = deny

    def search(self, data: bytes) -> object | None:
        """Return something where a row holds a value; rules for one conversation need its id in the row."""
        text = data.decode(errors="replace")
        scopes = sorted(set(_CONVERSATION.findall(text))) or [""]
        for value in _strings(text):
            if any(self._deny.find(value, scope) for scope in scopes):
                return value
        return None

    def finditer(self, data: bytes, pos: int = 0) -> Iterator[_Found]:
        """Yield one place where a piece of a file holds a value."""
        if self.search(data[pos:]) is not None:
            yield _Found(pos)


def _strings(text: str) -> Iterator[str]:
    """Yield the strings of a JSON document, or the text itself where it is none."""
    try:
        yield from _walk(json.loads(text))
    except ValueError:
        yield text.replace("\\n", " ").replace("\\t", " ")


def _walk(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield str(key)
            yield from _walk(item)
    elif isinstance(value, list):
        for item in value:
            yield from _walk(item)
