"""Whether a word is plain English, by the word index of the installed spaCy model (WordNet lemmas)."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from tasks.scrub.spacy_lean import import_spacy
from tasks.scrub.weights import SMALL, find_model

_ENDINGS = (("ies", "y"), ("es", ""), ("s", ""), ("ed", ""), ("ed", "e"), ("ing", ""), ("ing", "e"), ("ly", ""), ("er", ""), ("est", ""), ("er", "e"), ("est", "e"), ("ier", "y"), ("iest", "y"), ("ied", "y"), ("'s", ""), ("’s", ""))  # fmt: skip


@cache
def _index() -> frozenset[str]:
    import_spacy()
    srsly = import_module("srsly")
    stop_words = import_module("spacy.lang.en.stop_words").STOP_WORDS
    path = find_model(SMALL).path / "lemmatizer" / "lookups" / "lookups.bin"
    tables = srsly.msgpack_loads(path.read_bytes(), use_list=False)
    words: set[str] = set(stop_words)
    for name in ("lemma_index", "lemma_exc"):
        for lemmas in tables[name].values():
            words.update(lemmas)
    return frozenset(words)


def is_english_word(word: str) -> bool:
    """Whether a lower-case word or its base form stands in the index."""
    index = _index()
    if word in index:
        return True
    return any(word.endswith(end) and word[: -len(end)] + base in index for end, base in _ENDINGS)


_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_PREFIXES = ("un", "re", "non", "pre", "over", "mis", "dis", "anti", "multi", "super", "sub", "co")
MIN_MISSPELT = 7
"""Shorter words have neighbours by chance."""


@cache
def is_nearly_english(word: str) -> bool:
    """Whether a lower-case word is a compound, a derivation or a one-letter misspelling of English words."""
    index = _index()
    if any(
        word.startswith(p) and len(word) > len(p) + 3 and is_english_word(word[len(p) :]) for p in _PREFIXES
    ):
        return True
    splits = [(word[:i], word[i:]) for i in range(len(word) + 1)]
    if any(len(a) > 3 and len(b) > 3 and a in index and b in index for a, b in splits):
        return True
    if any(len(a) > 2 and a[-1] == a[-2] and (a[:-1] + b) in index for a, b in splits):
        return True
    if any(len(a) > 2 and (a + a[-1] + b) in index for a, b in splits):
        return True
    if len(word) < MIN_MISSPELT:
        return False
    swapped = (a + b[1] + b[0] + b[2:] for a, b in splits if len(b) > 1)
    shorter = (a + b[1:] for a, b in splits if b)
    longer = (a + c + b for a, b in splits for c in _LETTERS)
    return any(w in index for w in (*swapped, *shorter, *longer))
