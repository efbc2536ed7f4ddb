"""A name seen once is masked everywhere in its conversation, in any casing, thoughts and survey included."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from tasks.scrub.name_lists import is_plain_word
from tasks.scrub.recognizers.people import NOT_A_NAME
from tasks.scrub.spans import Span

VERSION = 1
SCORE = 0.5
MIN_TOKEN = 4
_TOKEN = re.compile(r"[^\W\d_][\w'’-]{1,40}")


@dataclass(frozen=True, slots=True)
class KnownNames:
    """Names of a conversation.

    Attributes:
        full: whole names of two or more words, casefolded; matched in any casing.
        tokens: single words, matched when capitalised.
        any_case: those of `tokens` that may be matched in lower case too: no English words.
    """

    full: frozenset[str]
    tokens: frozenset[str]
    any_case: frozenset[str]

    def __bool__(self) -> bool:
        return bool(self.full or self.tokens)


def name_tokens(name: str) -> list[str]:
    """Return the words of a name that can stand for it alone."""
    return [
        t.removesuffix("'s").removesuffix("’s")
        for t in _TOKEN.findall(name)
        if t not in NOT_A_NAME and len(t.removesuffix("'s").removesuffix("’s")) >= MIN_TOKEN
    ]


def collect_names(names: Iterable[str]) -> KnownNames:
    """Learn from the masked names of a conversation what to look for elsewhere in it."""
    full: set[str] = set()
    tokens: set[str] = set()
    for name in names:
        words = _TOKEN.findall(name)
        if len(words) >= 2:
            full.add(" ".join(name.split()).casefold())
        for token in name_tokens(name):
            if not (len(words) == 1 and token.islower() and is_plain_word(token)):
                tokens.add(token.casefold())
    any_case = frozenset(t for t in tokens if not is_plain_word(t))
    return KnownNames(frozenset(full), frozenset(tokens), any_case)


class Propagator:
    """One search for the names of one conversation."""

    def __init__(self, names: KnownNames) -> None:
        self._names = names
        self._wanted = sorted(names.full | names.tokens, key=lambda n: (-len(n), n))
        self._first_words = {_fold(n.split(" ")[0]) for n in self._wanted}

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        alternatives = "|".join(re.escape(n).replace(r"\ ", r"\s{1,3}") for n in self._wanted)
        return re.compile(rf"(?<![^\W_])(?:{alternatives})(?![^\W_])", re.IGNORECASE)

    def find(self, text: str) -> list[Span]:
        """Return where the names stand in a text."""
        # most texts hold none, and to see that takes a hundredth of the time of the search
        folded = _fold(text)
        if not any(word in folded for word in self._first_words):
            return []
        spans: list[Span] = []
        for match in self._pattern.finditer(text):
            word = match.group().casefold()
            if (
                " " in word
                or "\n" in word
                or word in self._names.any_case
                or (
                    match.group()[0].isupper()
                    and word in self._names.tokens
                    and not _opens_sentence(text, match)
                )
            ):
                spans.append(Span(match.start(), match.end(), "PERSON", SCORE, "propagation"))
        return spans


def _fold(text: str) -> str:
    """Fold case as far as `re.IGNORECASE` goes, letter by letter: a Turkish i counts, with its dot and without."""
    return text.casefold().replace("\u0307", "").replace("\u0131", "i")


def _opens_sentence(text: str, match: re.Match[str]) -> bool:
    """Whether the capital says nothing: an English word at the start of a sentence or line, or all caps."""
    if not is_plain_word(match.group().casefold()):
        return False
    before = text[max(0, match.start() - 3) : match.start()].rstrip(" *_#\"'“(->")
    return not before or before[-1] in ".!?:\n" or match.group().isupper()
