"""The form of a text that tagging sees: what decides an embedding, a prompt and a memo key."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

CANONICAL_VERSION = 1
"""Raised when `canonicalise` changes, because memo keys depend on it."""

# zero-width characters occur inside real thoughts; control and bidi characters could hide text from a
# person who reads the review queue
_INVISIBLE = re.compile(
    "[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff"
    "\U000e0000-\U000e007f]"
)
_PLACEHOLDER = re.compile(r"<[A-Z_]+(?:_\d+)?>")


# a message is an item, the context of the next one and of its thoughts
@lru_cache(maxsize=8192)
def canonicalise(text: str) -> str:
    """Return the text in NFC, without invisible characters, with single spaces."""
    return " ".join(strip_invisible(text).split())


def strip_invisible(text: str) -> str:
    """Return the text in NFC without invisible characters; its lines and spaces stay."""
    return _INVISIBLE.sub("", unicodedata.normalize("NFC", text))


def clip_text(text: str, limit: int) -> str:
    """Shorten to at most `limit` characters: the head and the tail, with a mark between.

    The end of a long message often holds the request itself, so the middle is what goes.
    """
    if len(text) <= limit:
        return text
    mark = " […] "
    head = (limit - len(mark)) * 2 // 3
    return text[:head] + mark + text[-(limit - len(mark) - head) :]


def has_words(text: str) -> bool:
    """Whether any letter or digit is left once redaction placeholders are taken out."""
    return any(c.isalnum() for c in _PLACEHOLDER.sub("", text))
