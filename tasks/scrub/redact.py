"""Replaces spans by placeholders that stay the same for the same person all through a conversation."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence

from tasks.scrub.spans import Span

_WORD = re.compile(r"[^\W\d_]+")
_NUMBERED = re.compile(r"<([A-Z_]{2,13})_(\d{1,7})>")


class Placeholders:
    """Numbers the surfaces of one conversation by first appearance, per type.

    `Ann Lee`, `Ann` and `ann` are one person; numbers that stand in the texts already are not given again.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        """Look for placeholders of an earlier redaction in the conversation's texts."""
        self._last: dict[str, int] = defaultdict(int)
        for text in texts:
            if "<" in text:
                for match in _NUMBERED.finditer(text):
                    self._last[match.group(1)] = max(self._last[match.group(1)], int(match.group(2)))
        self._numbers: dict[tuple[str, str], int] = {}
        self._people: list[tuple[set[str], int]] = []
        self._people_with: dict[str, list[int]] = defaultdict(list)

    def label(self, kind: str, surface: str) -> str:
        """Return the placeholder of a surface."""
        plain = " ".join(unicodedata.normalize("NFKC", surface).casefold().split())
        number = self._numbers.get((kind, plain))
        if number is None:
            number = self._person(plain) if kind == "PERSON" else self._next(kind)
            self._numbers[kind, plain] = number
        return f"<{kind}_{number}>"

    def _next(self, kind: str) -> int:
        self._last[kind] += 1
        return self._last[kind]

    def _person(self, plain: str) -> int:
        words = {w for w in _WORD.findall(plain) if len(w) > 1}
        sharing = sorted({person for word in words for person in self._people_with[word]})
        for person in sharing:
            known, number = self._people[person]
            if words <= known or known <= words:
                for word in words - known:
                    self._people_with[word].append(person)
                known |= words
                return number
        number = self._next("PERSON")
        for word in words:
            self._people_with[word].append(len(self._people))
        self._people.append((words, number))
        return number


def redact_text(text: str, masks: Sequence[Span], labels: Sequence[str]) -> str:
    """Return the text with each span replaced by its label; the rest is byte-equal.

    Args:
        text: the original.
        masks: spans in order, not overlapping.
        labels: one replacement a span.
    """
    parts: list[str] = []
    position = 0
    for span, label in zip(masks, labels, strict=True):
        parts.append(text[position : span.start])
        parts.append(label)
        position = span.end
    parts.append(text[position:])
    return "".join(parts)
