"""What is labelled: one item a question, with the context its facet needs."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from tasks.tag.canonical import canonicalise, clip_text, has_words

TEXT_LIMIT = 1_200
"""Characters of an item's own text that tagging sees; a longer one keeps its head and tail."""
CONTEXT_LIMIT = 600
TOPIC_LIMIT = 600
"""A conversation's topic is read from the first characters that its user wrote."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to label in one facet, its texts canonical.

    Attributes:
        item_id: public id.
        text: thought, user message, or the user's messages of a conversation.
        context: reason: the message it stands on; reaction: the answer it stands on; relationship: the
            user's message before; topic: empty.
        position: position of the message in its conversation, from 0; None when not known.
        n_messages: messages of the conversation; None when not known.
        group: conversation, so that evaluation never trains on an item's neighbours.
    """

    item_id: str
    text: str
    context: str = ""
    position: int | None = None
    n_messages: int | None = None
    group: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether no word is left to judge by: blank, emoji only, or redacted whole."""
        return not has_words(self.text)


@dataclass(frozen=True, slots=True)
class Gold:
    """One item with its known label."""

    item: Item
    facet: str
    value: str


def make_item(
    item_id: str,
    facet: str,
    text: str,
    context: str = "",
    position: int | None = None,
    n_messages: int | None = None,
    group: str = "",
) -> Item:
    """Build an item from raw strings: canonical, and clipped to what the facet may see."""
    limit = TOPIC_LIMIT if facet == "topic" else TEXT_LIMIT
    text = canonicalise(text)
    return Item(
        item_id=item_id,
        # the first wishes decide a topic, so its tail is not kept
        text=text[:limit] if facet == "topic" else clip_text(text, limit),
        context="" if facet == "topic" else clip_text(canonicalise(context), CONTEXT_LIMIT),
        position=position,
        n_messages=n_messages,
        group=group or item_id,
    )


def collect_items(
    conversations: pl.DataFrame, messages: pl.DataFrame, thoughts: pl.DataFrame
) -> dict[str, list[Item]]:
    """Return every item of every facet, in the order of ids and positions.

    Args:
        conversations: `conversation_id`, `n_messages`.
        messages: `message_id`, `conversation_id`, `position`, `role`, `content`.
        thoughts: `thought_id`, `conversation_id`, `message_id`, `kind`, `content`.

    Row law: one topic item a conversation, one relationship item a user message, one reason or reaction
    item a thought.
    """
    lengths = dict(conversations.select("conversation_id", "n_messages").iter_rows())
    items: dict[str, list[Item]] = {"topic": [], "relationship": [], "reason": [], "reaction": []}
    ordered = messages.sort("conversation_id", "position")
    said: dict[str, list[str]] = {c: [] for c in sorted(lengths)}
    places: dict[str, tuple[int, str]] = {}
    columns = ("message_id", "conversation_id", "position", "role", "content")
    for message_id, conversation_id, position, role, content in ordered.select(columns).iter_rows():
        places[message_id] = (position, content)
        if role != "user":
            continue
        before = said[conversation_id]
        items["relationship"].append(
            make_item(
                message_id,
                "relationship",
                content,
                before[-1] if before else "",
                # position among the user's messages decides `first_request`, whoever spoke first
                position if before else 0,
                lengths[conversation_id],
                conversation_id,
            )
        )
        before.append(content)
    for conversation_id, texts in said.items():
        text = "\n".join(t[: 2 * TOPIC_LIMIT] for t in texts[:20])
        items["topic"].append(make_item(conversation_id, "topic", text, n_messages=lengths[conversation_id]))
    columns = ("thought_id", "conversation_id", "message_id", "kind", "content")
    for thought_id, conversation_id, message_id, kind, content in thoughts.select(columns).iter_rows():
        position, message = places[message_id]
        items[kind].append(
            make_item(thought_id, kind, content, message, position, lengths[conversation_id], conversation_id)
        )
    for kind in ("reason", "reaction"):
        items[kind].sort(key=lambda i: (i.group, i.position or 0, i.item_id))
    return items
