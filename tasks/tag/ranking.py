"""From probabilities of leaves to nodes in order, and to the topics that hold."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.taxonomies import Node
from tasks.tag.head import Matrix

_SECOND_TOPIC = 0.5
"""A further topic holds from this share of the first one's probability."""
_MAX_TOPICS = 3


def rank_nodes(choices: Sequence[Node], row: Matrix) -> tuple[tuple[str, float], ...]:
    """Return all nodes by probability; a parent has the sum of its children's."""
    scores: dict[str, float] = {}
    for node, value in zip(choices, row.tolist(), strict=True):
        scores[node.id] = value
        if node.parent is not None:
            scores[node.parent] = scores.get(node.parent, 0.0) + value
    return tuple(sorted(scores.items(), key=lambda s: (-s[1], s[0])))


def choose_topics(choices: Sequence[Node], ranked: Sequence[tuple[str, float]]) -> tuple[str, ...]:
    """Return the domains and then the subtopics that hold.

    The likeliest domain holds always; another one from half of its probability. Within a domain that
    holds, its likeliest subtopic holds, and others from half of that one's probability.
    """
    parents = {n.id: n.parent for n in choices}
    tops = [(v, p) for v, p in ranked if parents.get(v) is None]
    held = [v for v, p in tops if p >= _SECOND_TOPIC * tops[0][1]][:_MAX_TOPICS]
    subtopics: list[str] = []
    for domain in held:
        below = [(v, p) for v, p in ranked if parents.get(v) == domain]
        subtopics += [v for v, p in below if p >= _SECOND_TOPIC * below[0][1]][:2]
    return (*held, *subtopics)
