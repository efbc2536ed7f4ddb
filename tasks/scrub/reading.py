"""Which lines of an assistant's answer the name models need to read: seldom more than a quarter of it.

Of the people in an answer only those count who are named on the user's side too, or who stand beside contact
data (see `policy`). So a line without a word of the user's side and without contact data near it may go
unread, and the decision is the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from tasks.scrub.name_lists import is_plain_word
from tasks.scrub.normalise import make_view
from tasks.scrub.policy import ASSISTANT_MASK_SCORE, BESIDE_CHARS, CONTACT_TYPES
from tasks.scrub.recognizers.people import NOT_A_NAME
from tasks.scrub.spans import Span

CONTEXT_CHARS = 80
"""Read on both sides of a line: the models look four words far."""
_WORD = re.compile(r"[^\W_]{2,40}")
_STOPS = frozenset(".!?:\n")


def names_possible(texts: Iterable[str]) -> frozenset[str]:
    """Return the words of some texts, casefolded, that can be part of a name carried over from elsewhere.

    English words count only where they are capitalised inside a sentence: elsewhere they are not carried over.
    """
    words: set[str] = set()
    for text in {form for original in texts for form in (original, make_view(original).text)}:
        for match in _WORD.finditer(text):
            word = match.group()
            lower = word.casefold()
            if lower in words or word in NOT_A_NAME:
                continue
            if not is_plain_word(lower) or (word[0].isupper() and not _opens_sentence(text, match.start())):
                words.add(lower)
    return frozenset(words)


def _opens_sentence(text: str, start: int) -> bool:
    before = text[max(0, start - 3) : start].rstrip(" *_#\"'“(->")
    return not before or before[-1] in _STOPS


def lines_to_read(text: str, words: frozenset[str], spans: Sequence[Span]) -> list[tuple[int, int]]:
    """Return the ranges of a text that hold one of the words, or lie beside contact data; in order, apart.

    Args:
        text: an assistant's text.
        words: from `names_possible` of the user's side.
        spans: what the pattern recognisers found in the text.
    """
    ranges = [
        (s.start - BESIDE_CHARS, s.end + BESIDE_CHARS)
        for s in spans
        if s.type in CONTACT_TYPES and s.score >= ASSISTANT_MASK_SCORE
    ]
    start = 0
    for line in text.splitlines(keepends=True):
        end = start + len(line)
        if any(w.casefold() in words for w in _WORD.findall(line)):
            ranges.append((start, end))
        start = end
    joined: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        first, last = _word_start(text, low - CONTEXT_CHARS), _word_end(text, high + CONTEXT_CHARS)
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    return joined


def _word_start(text: str, position: int) -> int:
    return max(text.rfind(" ", 0, position), text.rfind("\n", 0, position)) + 1 if position > 0 else 0


def _word_end(text: str, position: int) -> int:
    if position >= len(text):
        return len(text)
    ends = [e for e in (text.find(" ", position), text.find("\n", position)) if e >= 0]
    return min(ends, default=len(text))
