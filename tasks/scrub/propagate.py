"""A name seen once is masked everywhere in its conversation, in any casing, thoughts and survey included."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
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
        self._first_words = {_fold(name.split(" ")[0]) for name in self._wanted}
        # those that ASCII can spell: a dotless i matches an i
        plain = [name.replace("\u0131", "i") for name in self._wanted]
        self._plain = [name.split(" ") for name in plain if name.isascii()]

    def find(self, text: str) -> list[Span]:
        """Return where the names stand in a text."""
        # most texts hold none, and to see that takes a hundredth of the time of a search
        folded = _fold(text)
        if not any(word in folded for word in self._first_words):
            return []
        found = self._find_plain(folded) if text.isascii() else self._search(text)
        return [
            Span(start, end, "PERSON", SCORE, "propagation")
            for start, end in found
            if self._counts(text, start, end)
        ]

    def _search(self, text: str) -> list[tuple[int, int]]:
        return [match.span() for match in self._pattern.finditer(text)]

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        alternatives = "|".join(re.escape(n).replace(r"\ ", r"\s{1,3}") for n in self._wanted)
        return re.compile(rf"(?<![^\W_])(?:{alternatives})(?![^\W_])", re.IGNORECASE)

    def _find_plain(self, folded: str) -> list[tuple[int, int]]:
        """Find what `_search` finds, in ASCII text of lower case: the pattern takes longer to make than this."""
        starts = {start for first, *_ in self._plain for start in _occurrences(first, folded)}
        found: list[tuple[int, int]] = []
        passed = 0
        for start in sorted(starts):
            if start < passed or (start and folded[start - 1].isalnum()):
                continue
            # the longest name first; what a name takes, no other one gets
            end = next((end for words in self._plain if (end := _match_words(folded, start, words))), None)
            if end is not None:
                found.append((start, end))
                passed = end
        return found

    def _counts(self, text: str, start: int, end: int) -> bool:
        """Whether what has the letters of a name is one, by its capitals and its place."""
        written = text[start:end]
        word = written.casefold()
        return (
            " " in word
            or "\n" in word
            or word in self._names.any_case
            or (written[0].isupper() and word in self._names.tokens and not _opens_sentence(text, start, end))
        )


def _occurrences(word: str, text: str) -> Iterator[int]:
    start = text.find(word)
    while start >= 0:
        yield start
        start = text.find(word, start + 1)


def _match_words(text: str, start: int, words: Sequence[str]) -> int | None:
    """Where a name that begins here ends: its words with one to three white spaces between; None if it is not here."""
    first, *rest = words
    if not text.startswith(first, start):
        return None
    end = start + len(first)
    for word in rest:
        begin = end
        while text[begin : begin + 1].isspace():
            begin += 1
        if not 1 <= begin - end <= 3 or not text.startswith(word, begin):
            return None
        end = begin + len(word)
    return None if text[end : end + 1].isalnum() else end


def _fold(text: str) -> str:
    """Fold case as far as `re.IGNORECASE` goes, letter by letter: a Turkish i counts, with its dot and without."""
    return text.casefold().replace("\u0307", "").replace("\u0131", "i")


def _opens_sentence(text: str, start: int, end: int) -> bool:
    """Whether the capital says nothing: an English word at the start of a sentence or line, or all caps."""
    if not is_plain_word(text[start:end].casefold()):
        return False
    before = text[max(0, start - 3) : start].rstrip(" *_#\"'“(->")
    return not before or before[-1] in ".!?:\n" or text[start:end].isupper()
