"""Names known from public lists: given names with a surname, and frequent given names alone."""

from __future__ import annotations

import re

from tasks.scrub.name_lists import VERSION as LISTS_VERSION
from tasks.scrub.name_lists import is_plain_word, load_lists
from tasks.scrub.places import is_large_place
from tasks.scrub.recognizers.people import NOT_A_NAME
from tasks.scrub.spans import Span

VERSION = f"1.{LISTS_VERSION}"
FULL_SCORE = 0.6
LOWER_SCORE = 0.55
ALONE_SCORE = 0.5
_CAPITALISED = re.compile(
    r"(?<![\w@#/.’'-])[A-ZÀ-Þ][\w’'-]{1,30}(?:\s[A-Z]\.)?(?: [A-ZÀ-Þ][\w’'-]{1,30}){0,2}"
)
_DRAWN_OUT = re.compile(r"([a-z])\1{2,}")
_LOWER_PAIR = re.compile(r"(?<![\w@#/.’'-])(?=([a-z]{3,20}) ([a-z]{3,20})(?![\w@-]))")
_LOWER = re.compile(r"(?<![\w@#/.’'_-])[a-z]{4,20}(?=['’]s\b|[^\w@/'’.-]|\.(?!\w)|$)")


def find_listed_names(text: str) -> list[Span]:
    """Return names known from the lists, capitalised or in lower case."""
    return [*_find_capitalised(text), *_find_lower(text)]


def _find_capitalised(text: str) -> list[Span]:
    lists = load_lists()
    spans: list[Span] = []
    for match in _CAPITALISED.finditer(text):
        words = [(m.start() + match.start(), m.group()) for m in re.finditer(r"\S+", match.group())]
        for index, (start, word) in enumerate(words):
            bare = _bare(word)
            if (
                bare not in lists.given
                and _squeeze(bare) not in lists.given
                and not (bare in lists.given_words and _has_surname(words, index))
            ):
                continue
            last = index
            while (
                bare == word
                and last + 1 < len(words)
                and last < index + 2
                and words[last + 1][1] not in NOT_A_NAME
                and _bare(words[last + 1][1]).casefold() not in lists.brands
            ):
                last += 1
            end_start, end_word = words[last]
            score = FULL_SCORE if last > index else ALONE_SCORE
            spans.append(Span(start, end_start + len(_bare(end_word)), "PERSON", score, "name_listed"))
            break
    return spans


def _find_lower(text: str) -> list[Span]:
    lists = load_lists()
    spans = [
        Span(m.start(), m.end(), "PERSON", ALONE_SCORE, "name_listed_lower")
        for m in _LOWER.finditer(text)
        if m.group() in lists.given_lower
    ]
    for match in _LOWER_PAIR.finditer(text):
        given, surname = match.groups()
        if (
            given.capitalize() in lists.given
            and not is_plain_word(given)
            and (surname in lists.surnames or (surname in lists.surname_words and given in lists.given_lower))
        ):
            spans.append(Span(match.start(1), match.end(2), "PERSON", LOWER_SCORE, "name_listed_lower"))
    return spans


def _bare(word: str) -> str:
    return word.removesuffix("'s").removesuffix("’s").strip("'’")


def _squeeze(word: str) -> str:
    """Undo letters drawn out, as in `Annaaaa`."""
    return _DRAWN_OUT.sub(r"\1", word)


def _has_surname(words: list[tuple[int, str]], index: int) -> bool:
    if index + 1 >= len(words):
        return False
    following = _bare(words[index + 1][1])
    lower = following.casefold()
    return lower in load_lists().surnames or (
        not is_plain_word(lower)
        and following not in NOT_A_NAME
        and following[1:].islower()
        and not is_large_place(following)
    )
