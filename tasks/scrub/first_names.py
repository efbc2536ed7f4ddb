"""Names known from public lists: a capitalised given name, or a lower-case given name and surname.

Source: US Census Bureau 1990 name files (public domain) and a hand-written list; see `data/`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

from tasks.scrub.recognizers.people import NOT_A_NAME
from tasks.scrub.spans import Span

VERSION = 1
FULL_SCORE = 0.6
LOWER_SCORE = 0.55
ALONE_SCORE = 0.45
_CAPITALISED = re.compile(
    r"(?<![\w@#/.’'-])[A-ZÀ-Þ][\w’'-]{1,30}(?:\s[A-Z]\.)?(?: [A-ZÀ-Þ][\w’'-]{1,30}){0,2}"
)
_LOWER_PAIR = re.compile(r"(?<![\w@#/.’'-])[a-z]{3,20} [a-z]{3,20}(?![\w@-])")


@dataclass(frozen=True, slots=True)
class NameLists:
    """Given names that are nothing else, given names that are also words, and surnames; capitalised."""

    certain: frozenset[str]
    ambiguous: frozenset[str]
    surnames: frozenset[str]


@cache
def load_lists() -> NameLists:
    """Read the lists that ship with the package."""
    folder = resources.files("tasks.scrub") / "data"
    lines = (folder / "first_names.txt").read_text("utf-8").splitlines()
    names = [line for line in lines if line and not line.startswith("#")]
    surnames = (folder / "surnames.txt").read_text("utf-8").splitlines()
    return NameLists(
        frozenset(n for n in names if not n.endswith("?")),
        frozenset(n[:-1] for n in names if n.endswith("?")),
        frozenset(s for s in surnames if s and not s.startswith("#")),
    )


def find_listed_names(text: str) -> list[Span]:
    """Return names known from the lists; a given name alone scores below the masking threshold."""
    lists = load_lists()
    spans: list[Span] = []
    for match in _CAPITALISED.finditer(text):
        words = [(m.start() + match.start(), m.group()) for m in re.finditer(r"\S+", match.group())]
        for index, (start, word) in enumerate(words):
            bare = word.removesuffix("'s").removesuffix("’s")
            if bare not in lists.certain and not (
                bare in lists.ambiguous and _has_surname(words, index, lists)
            ):
                continue
            last = index
            if bare == word:
                while last + 1 < len(words) and last < index + 2 and words[last + 1][1] not in NOT_A_NAME:
                    last += 1
            end_start, end_word = words[last]
            end = end_start + len(end_word.removesuffix("'s").removesuffix("’s"))
            score = FULL_SCORE if last > index else ALONE_SCORE
            spans.append(Span(start, end, "PERSON", score, "name_listed"))
            break
    for match in _LOWER_PAIR.finditer(text):
        given, surname = match.group().split()
        if given.capitalize() in lists.certain and surname in lists.surnames and given not in lists.surnames:
            spans.append(Span(match.start(), match.end(), "PERSON", LOWER_SCORE, "name_listed_lower"))
    return spans


def _has_surname(words: list[tuple[int, str]], index: int, lists: NameLists) -> bool:
    return index + 1 < len(words) and words[index + 1][1].lower() in lists.surnames
