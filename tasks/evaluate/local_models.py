"""Models that stand in offline: the suites run from end to end with them, in minutes, at no price.

They answer our own prompts in our own shapes. What they write is put together from the texts given, and what
they judge is likeness of words or vectors: the figures show that a suite works, not what a model can do.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from schemas.errors import ConfigError
from tasks.evaluate.vectors import TextVectors
from tasks.tag.client import Reply

WRITER = "local/writer"
SIMILARITY = "local/similarity"
OVERLAP = "local/overlap"
LOCAL_MODELS = (WRITER, SIMILARITY, OVERLAP)
VERSION = "1"
_ITEMS = re.compile(r"<items-([0-9a-f]{16})>\n(.*)\n</items-\1>", re.DOTALL)
_WORDS = re.compile(r"[^\W\d_]{3,}")
_MOODS = (
    ("I want to understand {topic} better", 40),
    ("This does not give me what I need about {topic}", 20),
    ("This helps me with {topic}, so I want to go on", 60),
    ("I need {topic} shorter and clearer", 20),
    ("I have a special situation with {topic}", 20),
    ("I am not sure that this about {topic} is right", 15),
    ("I would like to try something else than {topic}", 10),
    ("I am curious about {topic}", 30),
    ("I need more detail on {topic}", 30),
    ("I am glad about {topic}", 30),
)


class LocalModel:
    """One of the local models, as a client.

    Args:
        model: `local/writer`, `local/similarity` or `local/overlap`.
        vectors: what compares texts; only `local/overlap` does without.

    Raises:
        ConfigError: no such model.
    """

    def __init__(self, model: str, vectors: TextVectors) -> None:
        if model not in LOCAL_MODELS:
            raise ConfigError(f"no local model {model!r}; known: {', '.join(LOCAL_MODELS)}")
        self.model = model
        self._vectors = vectors

    def price(self, input_tokens: int, output_tokens: int) -> float:
        """Return 0."""
        del input_tokens, output_tokens
        return 0.0

    async def complete(
        self, static: str, body: str, schema: Any, max_output_tokens: int, *, logprobs: bool = False
    ) -> Reply:
        """Answer a prompt of the suites."""
        del static, max_output_tokens, logprobs
        found = _ITEMS.search(body)
        material: dict[str, Any] = json.loads(found[2])[0] if found else {}
        answer = None if schema is None else json.dumps(self._answer(material, schema), ensure_ascii=False)
        return Reply(answer, f"{self.model}@{VERSION}", 0, 0, 0.0, False)

    def _answer(self, material: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
        properties: Mapping[str, Any] = schema["properties"]
        if "score" in properties:
            allowed: Sequence[int] = properties["score"].get("enum") or (
                properties["score"]["minimum"],
                properties["score"]["maximum"],
            )
            low, high = min(allowed), max(allowed)
            if set(material) == {"message", "note"}:
                # a note of some length says something: all that can be told without understanding it
                return {"score": min(high, low + len(_words(material["note"])) // 3)}
            return {"score": low + round((high - low) * self._likeness(*_two_texts(material)))}
        if "hypotheses" in properties:
            topic = _topic(material)
            return {"hypotheses": [{"thought": t.format(topic=topic), "prior": p} for t, p in _MOODS]}
        key = next(iter(properties))
        return {key: _write(key, material)}

    def _likeness(self, first: str, second: str) -> float:
        if self.model == OVERLAP:
            a, b = set(_words(first)), set(_words(second))
            return 2 * len(a & b) / (len(a) + len(b)) if a and b else 0.0
        found = self._vectors.embed([first, second])
        return float(np.clip(found[0] @ found[1], 0.0, 1.0))


def _two_texts(material: Mapping[str, Any]) -> tuple[str, str]:
    """Return the texts that a score compares: the last two of the material, a history as one text."""
    texts = [
        v if isinstance(v, str) else " ".join(row.get("text", "") for row in v[-2:])
        for v in material.values()
    ]
    return (texts[-2], texts[-1]) if len(texts) > 1 else (texts[0], texts[0])


def _write(key: str, material: Mapping[str, Any]) -> str:
    topic = _topic(material)
    if key == "rewrite":
        answer, guide = str(material.get("answer", "")), str(material.get("feedback", ""))
        return f"You asked for this: {' '.join(_words(guide)[:12])}. {answer}"
    if key == "message":
        history = material.get("history", [])
        notes = [n for row in history for n in [row.get("note", "")] if n]
        return f"Tell me more about {' '.join(_words(notes[-1])[:6]) if notes else topic}."
    return f"I want to know more about {topic}."


def _topic(material: Mapping[str, Any]) -> str:
    """Return a few words of the newest text of a history."""
    newest = ""
    for value in material.values():
        rows = [row.get("text", "") for row in value] if isinstance(value, list) else [str(value)]
        newest = next((r for r in reversed(rows) if _words(r)), newest)
    return " ".join(_words(newest)[:6]).lower() or "this"


def _words(text: str) -> list[str]:
    return _WORDS.findall(text)
