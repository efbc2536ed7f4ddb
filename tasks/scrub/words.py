"""Whether a word is plain English, by the word index of the installed spaCy model (WordNet lemmas)."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from tasks.scrub.weights import SMALL, find_model

_ENDINGS = (("ies", "y"), ("es", ""), ("s", ""), ("ed", ""), ("ed", "e"), ("ing", ""), ("ing", "e"), ("ly", ""), ("er", ""), ("est", ""), ("'s", ""), ("’s", ""))  # fmt: skip


@cache
def _index() -> frozenset[str]:
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
