"""Which language a text is in, and whether the name models can judge it at all."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, NamedTuple

from tasks.scrub.words import is_english_word

UNDETERMINED = "und"
MIN_LETTERS = 20
SAMPLE_CHARS = 2_000
MAX_SCRIPT_CHARS = 200_000
MIN_CONFIDENCE = 0.6
ENGLISH_VOCABULARY = 0.7
MIN_SHARE = 0.2
MIN_FOREIGN_LETTERS = 20
"""So many letters of an unknown script are a sentence that nobody read, however long the rest is."""
JUDGED = frozenset({"en", "de", "fr", "es", "it", "pt", "nl"})
"""Languages on which the English models were measured to keep at least three quarters of names."""
_ENGLISH = frozenset(
    [
        "the",
        "and",
        "to",
        "of",
        "a",
        "in",
        "is",
        "that",
        "it",
        "for",
        "you",
        "i",
        "with",
        "on",
        "as",
        "are",
        "be",
        "this",
        "have",
        "not",
        "was",
        "what",
        "can",
        "my",
        "but",
        "they",
        "at",
        "from",
        "or",
        "your",
        "will",
        "would",
        "about",
        "how",
        "me",
        "we",
        "do",
        "if",
        "there",
        "which",
        "an",
        "so",
        "has",
        "more",
        "like",
        "please",
        "give",
        "some",
        "want",
        "need",
        "should",
        "could",
        "also",
    ]
)
_CODE_BLOCK = re.compile(r"```.{0,20000}?(?:```|\Z)", re.DOTALL)
_WORD = re.compile(r"[^\W\d_]+")
_SCRIPTS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("el", re.compile("[\u0370-\u03ff]")),
    ("ru", re.compile("[\u0400-\u052f]")),
    ("he", re.compile("[\u0590-\u05ff]")),
    ("ar", re.compile("[\u0600-\u06ff\u0750-\u077f]")),
    ("hi", re.compile("[\u0900-\u097f]")),
    ("bn", re.compile("[\u0980-\u09ff]")),
    ("ta", re.compile("[\u0b80-\u0bff]")),
    ("th", re.compile("[\u0e00-\u0e7f]")),
    ("ja", re.compile("[\u3040-\u30ff]")),
    ("ko", re.compile("[\uac00-\ud7af\u1100-\u11ff]")),
    ("zh", re.compile("[\u4e00-\u9fff\u3400-\u4dbf]")),
)
_OTHER_SCRIPT = re.compile("[^\\W\\d_\u0000-\u024f\u1e00-\u1eff\u0370-\u052f]")


class Language(NamedTuple):
    """A detected language.

    Attributes:
        code: ISO 639-1, or `und`.
        is_judged: whether the name models were measured on it; short texts in Latin script count as judged.
    """

    code: str
    is_judged: bool


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def unjudged_script(text: str) -> str | None:
    """Return a language code when a fifth of the letters, or a sentence, is of a script the models do not know."""
    if text.isascii():
        return None
    sample = text[:MAX_SCRIPT_CHARS]
    n_letters = sum(len(w) for w in _WORD.findall(sample))
    if not n_letters:
        return None
    for code, pattern in _SCRIPTS:
        # an ideogram says more than a letter does
        weight = 3 if code in {"ja", "ko", "zh"} else 1
        n = len(pattern.findall(sample))
        if n >= 4 and n * weight >= min(MIN_SHARE * n_letters, MIN_FOREIGN_LETTERS):
            return code
    least = max(4, min(MIN_SHARE * n_letters, MIN_FOREIGN_LETTERS))
    return UNDETERMINED if len(_OTHER_SCRIPT.findall(sample)) > least else None


def reads_as_english(text: str) -> bool:
    """Whether enough of the first words are English function words; quick, and no for very short texts."""
    words = [w.lower() for w in _WORD.findall(text[:SAMPLE_CHARS])]
    return len(words) >= 5 and sum(w in _ENGLISH for w in words) >= 0.12 * len(words)


def _is_vocabulary_english(words: list[str]) -> bool:
    """Whether nearly all words of a note without function words stand in the English dictionary."""
    long = [w for w in words if len(w) > 2]
    return sum(map(is_english_word, long)) >= ENGLISH_VOCABULARY * max(1, len(long))


def detect_language(text: str) -> Language:
    """Detect the language of a text by script, then by its words.

    Source: py3langid (Lui and Baldwin 2012, langid.py).
    """
    script = unjudged_script(text)
    if script is not None and script != "ru":
        return Language(script, is_judged=False)
    sample = _CODE_BLOCK.sub(" ", text[: 4 * SAMPLE_CHARS])[:SAMPLE_CHARS]
    words = [w.lower() for w in _WORD.findall(sample)]
    if sum(map(len, words)) < MIN_LETTERS:
        return Language(UNDETERMINED, is_judged=script is None)
    if sum(w in _ENGLISH for w in words) >= 0.22 * len(words):
        return Language("en", is_judged=script is None)
    if script is None and len(words) >= 4 and _is_vocabulary_english(words):
        return Language("en", is_judged=True)
    code, confidence = _identifier().classify(sample)
    if script is None and (confidence < MIN_CONFIDENCE or (len(words) < 8 and confidence < 0.95)):
        return Language(UNDETERMINED, is_judged=True)
    return Language(code, is_judged=script is None and code in JUDGED)
