"""The shapes that an answer may have, and how one is read: a legal value or a named fault.

A judge that answers in prose gives no score: guessing a number out of prose would let whatever the prose
quotes decide.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast

_FENCED = re.compile(r"```(?:json)?\s*(.*?)```", re.DOTALL)
_REFUSAL = re.compile(
    r"^\W*(?:i['’]?m (?:very |so )?sorry|sorry,|i (?:can(?:not|['’]t)|won['’]t|am (?:not able|unable)|must decline)"
    r"|as an ai\b|unfortunately,? i (?:can|am))",
    re.IGNORECASE,
)


class Shape(Protocol):
    """What is asked for."""

    @property
    def schema(self) -> Mapping[str, Any] | None:
        """JSON schema of the answer; None for a plain letter."""
        ...

    @property
    def placeholder(self) -> Any:
        """A legal value, for planning."""
        ...

    @property
    def output_tokens(self) -> int:
        """Length of a usual answer."""
        ...

    def read(self, document: Mapping[str, Any]) -> Any | str:
        """Return the value, or raise `ValueError` with the name of the fault."""
        ...


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


@dataclass(frozen=True, slots=True)
class TextShape:
    """One text under one key.

    Attributes:
        key: name of the property.
        max_characters: longer answers are a fault.
        usual_tokens: length of a usual answer.
    """

    key: str
    max_characters: int = 2_000
    usual_tokens: int = 40

    @property
    def schema(self) -> Mapping[str, Any]:
        """JSON schema of the answer."""
        return _object({self.key: {"type": "string"}})

    @property
    def placeholder(self) -> str:
        """Words as many as usual."""
        return "word " * int(self.usual_tokens * 0.8)

    @property
    def output_tokens(self) -> int:
        """Length of a usual answer."""
        return self.usual_tokens + 10

    def read(self, document: Mapping[str, Any]) -> str:
        """Return the text.

        Raises:
            ValueError: none, or too long, or a refusal.
        """
        value = document.get(self.key)
        if not isinstance(value, str) or not value.strip():
            raise ValueError("no_text")
        if len(value) > self.max_characters:
            raise ValueError("too_long")
        if is_refusal(value):
            raise ValueError("refused")
        return value.strip()


@dataclass(frozen=True, slots=True)
class ScoreShape:
    """One whole number on a scale."""

    low: int
    high: int

    @property
    def schema(self) -> Mapping[str, Any]:
        """JSON schema of the answer; short scales as an enumeration, which every provider knows."""
        number: dict[str, Any] = {"type": "integer"}
        if self.high - self.low < 10:
            number["enum"] = list(range(self.low, self.high + 1))
        else:
            number |= {"minimum": self.low, "maximum": self.high}
        return _object({"score": number})

    @property
    def placeholder(self) -> float:
        """The middle of the scale."""
        return (self.low + self.high) / 2

    @property
    def output_tokens(self) -> int:
        """Length of a usual answer."""
        return 10

    def read(self, document: Mapping[str, Any]) -> float:
        """Return the score.

        Raises:
            ValueError: none, not a number, or off the scale.
        """
        value = document.get("score")
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError("no_score")
        if not self.low <= value <= self.high:
            raise ValueError("off_the_scale")
        return float(value)


@dataclass(frozen=True, slots=True)
class HypothesesShape:
    """Some sentences, each with a weight from 0 to 100."""

    n: int

    @property
    def schema(self) -> Mapping[str, Any]:
        """JSON schema of the answer."""
        one = _object({"thought": {"type": "string"}, "prior": {"type": "integer"}})
        return _object({"hypotheses": {"type": "array", "items": one}})

    @property
    def placeholder(self) -> list[tuple[str, float]]:
        """Sentences of usual length, all alike in weight."""
        return [(f"word {i} " + "word " * 20, 50.0) for i in range(self.n)]

    @property
    def output_tokens(self) -> int:
        """Length of a usual answer."""
        return 45 * self.n + 20

    def read(self, document: Mapping[str, Any]) -> list[tuple[str, float]]:
        """Return distinct hypotheses with their weights, at most `n`, as given.

        Raises:
            ValueError: fewer than two that can be used.
        """
        rows = document.get("hypotheses")
        found: dict[str, float] = {}
        for row in cast("list[Any]", rows) if isinstance(rows, list) else []:
            fields = cast("dict[str, Any]", row) if isinstance(row, dict) else {}
            text, prior = fields.get("thought"), fields.get("prior")
            if not isinstance(text, str) or not text.strip() or is_refusal(text):
                continue
            if isinstance(prior, bool) or not isinstance(prior, int | float) or not 0 <= prior <= 100:
                raise ValueError("bad_prior")
            found.setdefault(text.strip(), float(prior))
        if len(found) < 2:
            raise ValueError("too_few_hypotheses")
        return list(found.items())[: self.n]


@dataclass(frozen=True, slots=True)
class LetterShape:
    """One of two letters, A for likely and B for unlikely, read from log-probabilities."""

    @property
    def schema(self) -> None:
        """No JSON: the first token is what counts."""
        return None

    @property
    def placeholder(self) -> float:
        """As likely as not."""
        return 0.5

    @property
    def output_tokens(self) -> int:
        """Length of a usual answer."""
        return 2

    def read(self, document: Mapping[str, Any]) -> float:
        """Return the probability of A against B.

        Raises:
            ValueError: the provider gives no log-probabilities, or neither letter is among them.
        """
        tokens = document.get("logprobs")
        if not isinstance(tokens, dict):
            raise ValueError(NO_LOGPROBS)
        mass = {"A": 0.0, "B": 0.0}
        for token, logprob in cast("dict[str, float]", tokens).items():
            letter = token.strip(" \n\"'().*").upper()
            if letter in mass:
                mass[letter] += math.exp(min(0.0, logprob))
        total = mass["A"] + mass["B"]
        if total <= 0:
            raise ValueError("no_letter")
        # a provider that lists few alternatives must not make the other letter impossible
        return min(0.999, max(0.001, mass["A"] / total))


NO_LOGPROBS = "no_logprobs"


def is_refusal(text: str) -> bool:
    """Whether a text begins as models do that decline to answer."""
    return bool(_REFUSAL.match(text))


def find_document(text: str | None) -> Mapping[str, Any]:
    """Return the JSON object that an answer holds.

    Raises:
        ValueError: there is none; names the fault.
    """
    if text is None or not text.strip():
        raise ValueError("empty_answer")
    fenced = _FENCED.search(text)
    start = text.find("{")
    candidates = [text, *([fenced[1]] if fenced else []), *([text[start:]] if start >= 0 else [])]
    decoder = json.JSONDecoder()
    for candidate in candidates:
        try:
            value = decoder.raw_decode(candidate.strip())[0]
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            return cast("dict[str, Any]", value)
        raise ValueError("bad_shape")
    raise ValueError("refused" if is_refusal(text) else "bad_json")
