"""Conversations as the suites read them: messages in order, thoughts where they stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True, slots=True)
class Thought:
    """A reason or a reaction.

    Attributes:
        thought_id: public id.
        kind: reason or reaction.
        text: scrubbed text.
        label: node id of its facet; empty where it has none.
        offset_s: when it was written, since the conversation's first message.
    """

    thought_id: str
    kind: str
    text: str
    label: str
    offset_s: float


@dataclass(frozen=True, slots=True)
class Turn:
    """A message with its thoughts and, on user messages, its relationship to the one before."""

    message_id: str
    role: str
    text: str
    stage: str
    offset_s: float
    relationship: str
    thoughts: tuple[Thought, ...]


@dataclass(frozen=True, slots=True)
class Conversation:
    """One conversation of a release."""

    conversation_id: str
    participant_id: str
    split: str
    turns: tuple[Turn, ...]


def read_conversations(tables: Mapping[str, pl.DataFrame]) -> list[Conversation]:
    """Return the conversations of a release in the order of their ids.

    Args:
        tables: base tables `conversations`, `messages`, `thoughts` and `labels` of the release.
    """
    facets = pl.col("facet").is_in(["reason", "reaction", "relationship"])
    labels: dict[tuple[str, str], str] = {}
    for item_id, facet, value in tables["labels"].filter(facets).select("item_id", "facet", "value").rows():
        labels.setdefault((item_id, facet), value)
    thoughts: dict[str, list[Thought]] = {}
    columns = ("thought_id", "message_id", "kind", "content", "offset_s")
    for thought_id, message_id, kind, text, offset_s in (
        tables["thoughts"].select(columns).sort("thought_id").rows()
    ):
        thought = Thought(thought_id, kind, text, labels.get((thought_id, kind), ""), offset_s)
        thoughts.setdefault(message_id, []).append(thought)
    turns: dict[str, list[Turn]] = {}
    columns = ("message_id", "conversation_id", "role", "content", "stage", "offset_s")
    for row in tables["messages"].sort("conversation_id", "position").select(columns).rows():
        message_id, conversation_id, role, text, stage, offset_s = row
        turns.setdefault(conversation_id, []).append(
            Turn(
                message_id,
                role,
                text,
                stage,
                offset_s,
                labels.get((message_id, "relationship"), ""),
                tuple(thoughts.get(message_id, ())),
            )
        )
    return [
        Conversation(conversation_id, participant_id, split, tuple(turns.get(conversation_id, ())))
        for conversation_id, participant_id, split in tables["conversations"]
        .select("conversation_id", "participant_id", "split")
        .sort("conversation_id")
        .rows()
    ]


def next_user_turn(turns: Sequence[Turn], index: int) -> Turn | None:
    """Return the user message that directly follows the message at `index`, if one does."""
    after = turns[index + 1] if index + 1 < len(turns) else None
    return after if after is not None and after.role == "user" else None
