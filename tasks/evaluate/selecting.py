"""What all suites share in choosing items."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from tasks.evaluate.conversations import Conversation, Turn
from tasks.evaluate.suite import Failure, Item, Selection
from tasks.tag.canonical import clip_text

MESSAGE_CHARACTERS = 2_000
"""A longer message is shown with its middle left out."""
CONTEXT_CHARACTERS = 16_000
"""The oldest messages go first where a history is longer."""


def draw_items(items: Sequence[Item], left_out: Sequence[Failure], limit: int) -> Selection:
    """Return the items, or as many as the limit allows, drawn by a hash of their ids.

    The draw depends on nothing but the ids, so that a larger limit holds the items of a smaller one.
    """
    if not limit or len(items) <= limit:
        return Selection(list(items), list(left_out))
    ranked = sorted(items, key=lambda i: hashlib.sha256(i.item_id.encode()).digest())
    kept = {i.item_id for i in ranked[:limit]}
    dropped = [Failure(i.item_id, "select", "beyond_the_limit") for i in items if i.item_id not in kept]
    return Selection([i for i in items if i.item_id in kept], [*left_out, *dropped])


def list_history(turns: Sequence[Turn]) -> list[dict[str, str]]:
    """Return messages as objects of role and text, the newest that fit."""
    kept: list[dict[str, str]] = []
    room = CONTEXT_CHARACTERS
    for turn in reversed(turns):
        text = clip_text(turn.text, MESSAGE_CHARACTERS)
        room -= len(text)
        if room < 0 and kept:
            break
        kept.append({"role": turn.role, "text": text})
    return kept[::-1]


def as_json(value: object) -> str:
    """Return a document as it stands in the tables."""
    return json.dumps(value, ensure_ascii=False)


def count_participants(conversations: Sequence[Conversation]) -> int:
    """Return how many participants some conversations come from."""
    return len({c.participant_id for c in conversations})
