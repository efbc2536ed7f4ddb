"""Lists of names that ship with the package, and what they say about a word.

Source: US Census Bureau 1990 name files (public domain), the name lists of Faker (MIT), and hand-written
lists; see `data/`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources

from tasks.scrub.words import is_english_word

VERSION = 2


@dataclass(frozen=True, slots=True)
class NameLists:
    """Names and words that are no names.

    Attributes:
        given: given names that are nothing else, capitalised.
        given_words: given names that are also English words, capitalised.
        given_lower: given names recognised in lower case, lower case.
        surnames: surnames that are nothing else, lower case.
        surname_words: surnames that are also English words, lower case.
        brands: products and technologies, lower case.
        chat_words: abbreviations and frequent misspellings, lower case.
    """

    given: frozenset[str]
    given_words: frozenset[str]
    given_lower: frozenset[str]
    surnames: frozenset[str]
    surname_words: frozenset[str]
    brands: frozenset[str]
    chat_words: frozenset[str]


def _read(name: str) -> list[str]:
    text = (resources.files("tasks.scrub") / "data" / name).read_text("utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


@cache
def load_lists() -> NameLists:
    """Read the lists."""
    given = _read("first_names.txt")
    surnames = _read("surnames.txt")
    world = _read("first_names_world.txt")
    return NameLists(
        frozenset((*(n.rstrip("*") for n in given if not n.endswith("?")), *world)),
        frozenset(n[:-1] for n in given if n.endswith("?")),
        frozenset(n[:-1].lower() for n in given if n.endswith("*")),
        frozenset((*(n for n in surnames if not n.endswith("?")), *_read("surnames_world.txt"))),
        frozenset(n[:-1] for n in surnames if n.endswith("?")),
        frozenset(_read("brands.txt")),
        frozenset(_read("chat_words.txt")),
    )


def is_listed_name(word: str) -> bool:
    """Whether a word stands in a list of names, be it an English word too or not."""
    lists = load_lists()
    lower = word.casefold()
    given = lower.capitalize()
    return (
        given in lists.given
        or given in lists.given_words
        or lower in lists.surnames
        or lower in lists.surname_words
    )


@cache
def is_only_a_name(word: str) -> bool:
    """Whether a lower-case word stands in a list of names and is no English word."""
    lists = load_lists()
    return word.capitalize() in lists.given or word in lists.surnames


@cache
def is_plain_word(word: str) -> bool:
    """Whether a lower-case word means something else than a name."""
    if word in load_lists().brands:
        return True
    return not is_only_a_name(word) and is_english_word(word)


def is_chat_word(word: str) -> bool:
    """Whether a lower-case word is chat shorthand or a frequent misspelling."""
    return word in load_lists().chat_words
