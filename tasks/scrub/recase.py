"""A view of a carelessly typed text in which what may be a name is capitalised, of the same length.

Name models learnt from edited text and hardly see `my husband burak` or `FILED BY BURAK DEMIR`. Words that
no dictionary knows are capitalised (and, in shouted text, all others lowered) before the model reads the
text a second time; it decides by the context as ever.
"""

from __future__ import annotations

import re

from tasks.scrub.language import reads_as_english
from tasks.scrub.name_lists import is_chat_word, is_only_a_name, is_plain_word
from tasks.scrub.words import is_nearly_english

VERSION = 1
MAX_CHARS = 20_000
_WORD = re.compile(r"(?<![\w@#/\\.&=+~%-])[^\W\d_]{2,30}(?:['’-][^\W\d_]{1,30}){0,2}(?![\w@/\\=]|[.:-]\w|\()")
_START = re.compile(r"(?:^|[.!?]\s|\n)[\s\"'“(*>•-]{0,6}([^\W\d_])")
_CAPITAL_INSIDE = re.compile(r"(?<=[a-z,;] )(?!I\b)[^\W\d_a-zß-öø-ÿ][a-zß-öø-ÿ]")
_SUFFIX = re.compile(r"['’](?:s|re|ll|ve|d|m|t)$")


def recase(text: str) -> str | None:
    """Return the view, or None for a text whose casing can be trusted or that holds no unknown word."""
    if len(text) > MAX_CHARS:
        return None
    n_upper = sum(map(str.isupper, text))
    n_letters = n_upper + sum(map(str.islower, text))
    if n_letters < 6:
        return None
    if n_upper > 0.6 * n_letters:
        return _lower_shouted(text)
    if not _is_careless(text):
        return None
    words = [m for m in _WORD.finditer(text) if m.group().islower()]
    unknown = [m for m in words if not _is_known(m.group())]
    if not unknown:
        return None
    n_listed = sum(_is_listed(m.group()) for m in unknown)
    if len(unknown) > 0.5 * len(words) and 2 * n_listed < len(unknown) and not reads_as_english(text):
        return None
    return _replace(text, [(m, _title(m.group())) for m in unknown])


def _lower_shouted(text: str) -> str | None:
    words = [m for m in _WORD.finditer(text) if m.group().isupper()]
    if len(words) < 3:
        return None
    return _replace(text, [(m, low if _is_known(low := m.group().lower()) else _title(low)) for m in words])


def _is_careless(text: str) -> bool:
    """Whether sentences start small, or nothing inside a sentence is capitalised."""
    starts = [m.group(1) for m in _START.finditer(text)]
    n_small = sum(map(str.islower, starts))
    return 2 * n_small >= len(starts) or _CAPITAL_INSIDE.search(text) is None


def _is_known(word: str) -> bool:
    bare = _SUFFIX.sub("", word)
    if is_plain_word(bare) or is_chat_word(word) or is_chat_word(bare):
        return True
    if not _is_listed(bare) and is_nearly_english(bare):
        return True
    return "-" in bare and any(is_plain_word(part) for part in bare.split("-"))


def _is_listed(word: str) -> bool:
    return any(is_only_a_name(part) for part in _SUFFIX.sub("", word).split("-"))


def _title(word: str) -> str:
    return "".join(
        c.upper() if (i == 0 or word[i - 1] == "-") and len(c.upper()) == 1 else c for i, c in enumerate(word)
    )


def _replace(text: str, changes: list[tuple[re.Match[str], str]]) -> str | None:
    parts: list[str] = []
    position = 0
    for match, word in changes:
        if len(word) != len(match.group()):
            continue
        parts += [text[position : match.start()], word]
        position = match.end()
    parts.append(text[position:])
    recased = "".join(parts)
    return recased if recased != text else None
