"""Sentence templates compiled into arrays, so that a whole block of text is composed at once.

A template is up to five literals around up to four slots. All literals and phrases sit in one flat
list, JSON-escaped beforehand; composing a sentence is a gather of nine entries and one concatenation.
Lengths in code points are summed along, so that the place of a planted span is known without reading
the text again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import yaml

Ints = npt.NDArray[np.int64]

REASONS = (
    "task_motivation",
    "task_continuation",
    "context_grounding_and_constraints",
    "content_expectation",
    "social_and_others",
    "style_expectation",
    "task_reorientation",
)
REACTIONS = (
    "explicit_affirmation",
    "content_relevance",
    "presentation_style",
    "scope_fit",
    "partial_satisfaction",
)
RELATIONSHIPS = (
    "first_request",
    "completely_new_request",
    "re_attempt",
    "new_variation",
    "extend_or_deepen",
)
USER_OPENERS = ("user_first", "user_new", "user_retry", "user_variation", "user_extend")
"""Template category of each relationship, in the same order."""

CATEGORIES = (
    *USER_OPENERS,
    "user_context",
    "assistant_open",
    "assistant_body",
    "assistant_close",
    "summary",
    "expectation",
    *(f"reason.{label}" for label in REASONS),
    *(f"reaction.{label}" for label in REACTIONS),
    "occupation",
    "purposes",
    "feedback",
)
CATEGORY = {name: index for index, name in enumerate(CATEGORIES)}

_CAPITALISED = frozenset({"assistant_body", "assistant_open", "user_context", "expectation", "summary"})
_MAX_SLOTS = 4
_SLOT = re.compile(r"\{(\w+)\}")


def read_words(name: str) -> Any:
    """Return one of the word files of this package (`topics`, `english`, `languages`, `people`)."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    text = (files("tasks.synth") / "words" / f"{name}.yaml").read_text("utf-8")
    return yaml.load(text, Loader=loader)  # noqa: S506 - a safe loader, in C where it is built


def escape_json(text: str) -> str:
    """Return `text` as it stands inside a JSON string, non-ASCII characters kept."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


@dataclass(frozen=True, slots=True)
class Topic:
    """What a conversation can be about: a subtopic in English, or a domain in another language."""

    domain: str
    subtopic: str
    language: str


@dataclass(frozen=True, slots=True)
class Composed:
    """Texts, JSON-escaped, and their lengths in code points before escaping."""

    text: pl.Series
    n_chars: Ints


class Phrasebook:
    """All templates and phrases; build it once with `load_phrasebook`."""

    def __init__(
        self,
        topics: Mapping[str, Mapping[str, Mapping[str, Sequence[str]]]],
        english: Mapping[str, Any],
        languages: Mapping[str, Mapping[str, Sequence[str]]],
    ) -> None:
        self._entries: list[str] = [""]
        self._n_chars: list[int] = [0]
        self._seen: dict[str, int] = {"": 0}
        self.languages = ("en", *languages)
        self.topics: tuple[Topic, ...] = (
            *(Topic(domain, sub, "en") for domain, subs in topics.items() for sub in subs),
            *(Topic(domain, domain, lang) for lang in languages for domain in topics),
        )
        self.n_subtopics = sum(len(subs) for subs in topics.values())
        self.language_of = np.array([self.languages.index(t.language) for t in self.topics])

        generic: dict[str, Sequence[str]] = english["phrases"]
        self._kinds = {name: i for i, name in enumerate(("", "goal", "thing", *generic))}
        for name in tuple(self._kinds):
            self._kinds.setdefault(name.capitalize(), len(self._kinds))
        self._base = np.zeros((len(self._kinds), len(self.topics)), np.int64)
        self._size = np.ones_like(self._base)
        subtopics = [words for subs in topics.values() for words in subs.values()]
        for t, words in enumerate(subtopics):
            self._add_phrases("goal", t, words["goals"])
            self._add_phrases("thing", t, words["things"])
        for t, topic in enumerate(self.topics[self.n_subtopics :], self.n_subtopics):
            d = list(topics).index(topic.domain)
            self._add_phrases("thing", t, languages[topic.language]["things"][2 * d : 2 * d + 2])
        for name, phrases in generic.items():
            self._add_phrases(name, slice(None), phrases)

        self._literals: list[list[int]] = []
        self._slots: list[list[int]] = []
        self._first = np.zeros((len(CATEGORIES), len(self.languages)), np.int64)
        self._count = np.zeros_like(self._first)
        for category in CATEGORIES:
            group, _, label = category.partition(".")
            self._add_templates(category, 0, english[group][label] if label else english[group])
        for code, (lang, words) in enumerate(languages.items(), 1):
            for category, templates in _by_category(words).items():
                self._add_templates(category, code, templates)
            if not all(self._count[CATEGORY[c], code] for c in CATEGORIES[: CATEGORY["occupation"]]):
                raise ValueError(f"words/languages.yaml: language {lang} lacks a category")
        for category in ("occupation", "purposes", "feedback"):
            self._first[CATEGORY[category], 1:] = self._first[CATEGORY[category], 0]
            self._count[CATEGORY[category], 1:] = self._count[CATEGORY[category], 0]
        self.styles = np.array([self._intern(style) for style in english["styles"]])
        """Entries that may stand before a sentence of a longer text: a space, a bullet, a heading."""

        self._text = pl.Series(self._entries, dtype=pl.String)
        self._lengths = np.array(self._n_chars)
        self._literal_array = np.array(self._literals)
        self._slot_array = np.array(self._slots)

    def _intern(self, text: str) -> int:
        if text not in self._seen:
            self._seen[text] = len(self._entries)
            self._entries.append(escape_json(text))
            self._n_chars.append(len(text))
        return self._seen[text]

    def _add_phrases(self, kind: str, topic: int | slice, phrases: Sequence[str]) -> None:
        for name, variants in (
            (kind, phrases),
            (kind.capitalize(), [p[:1].upper() + p[1:] for p in phrases]),
        ):
            # a run of phrases must be contiguous, so these are appended without looking for equals
            self._base[self._kinds[name], topic] = len(self._entries)
            self._size[self._kinds[name], topic] = len(variants)
            self._entries.extend(escape_json(v) for v in variants)
            self._n_chars.extend(len(v) for v in variants)

    def _add_templates(self, category: str, language: int, templates: Sequence[str]) -> None:
        self._first[CATEGORY[category], language] = len(self._literals)
        self._count[CATEGORY[category], language] = len(templates)
        for template in templates:
            pieces = _SLOT.split(template)
            literals, slots = pieces[::2], pieces[1::2]
            if len(slots) > _MAX_SLOTS or not set(slots) <= set(self._kinds):
                raise ValueError(f"words: a template of {category} has too many or unknown slots: {slots}")
            if slots and not literals[0] and category in _CAPITALISED:
                slots[0] = slots[0].capitalize()
            padding = _MAX_SLOTS - len(slots)
            self._literals.append([self._intern(x) for x in literals] + [0] * padding)
            self._slots.append([self._kinds[x] for x in slots] + [0] * padding)

    def compose(
        self, rng: np.random.Generator, category: Ints, topic: Ints, lead: Ints | None = None
    ) -> Composed:
        """Compose one sentence for every pair of category and topic.

        Args:
            rng: source of the choices of template and phrases.
            category: indexes into `CATEGORIES`.
            topic: indexes into `topics`; decides language and subject.
            lead: entries of `styles` to put before each sentence.
        """
        n = len(category)
        language = self.language_of[topic]
        draw = rng.random((_MAX_SLOTS + 1, n), dtype=np.float32)
        template = self._first[category, language] + _scale(draw[-1], self._count[category, language])
        pieces: list[Ints] = [] if lead is None else [lead]
        for slot in range(_MAX_SLOTS):
            kind = self._slot_array[template, slot]
            pieces.append(self._literal_array[template, slot])
            pieces.append(self._base[kind, topic] + _scale(draw[slot], self._size[kind, topic]))
        pieces.append(self._literal_array[template, _MAX_SLOTS])
        n_chars = sum((self._lengths[p] for p in pieces), np.zeros(n, np.int64))
        text = pl.select(pl.concat_str([self._text.gather(p) for p in pieces])).to_series()
        return Composed(text, n_chars)


def _scale(draw: npt.NDArray[np.float32], size: Ints) -> Ints:
    # float32 can round a product up to `size` itself
    return np.minimum((draw * size).astype(np.int64), size - 1)


def _by_category(words: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    direct = {c: words[c] for c in CATEGORIES if c in words}
    reasons = {f"reason.{label}": [text] for label, text in zip(REASONS, words["reason"], strict=True)}
    reactions = {
        f"reaction.{label}": [text] for label, text in zip(REACTIONS, words["reaction"], strict=True)
    }
    return {**direct, "summary": words["task"], "expectation": words["task"], **reasons, **reactions}


@lru_cache(maxsize=1)
def load_phrasebook() -> Phrasebook:
    """Return the phrasebook of the word files in this package."""
    return Phrasebook(read_words("topics"), read_words("english"), read_words("languages"))
