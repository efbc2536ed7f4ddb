"""What one change of a taxonomy asks about one item: nothing, or a question and what its answer replaces."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from schemas.taxonomies import Change, Taxonomy
from tasks.tag.items import Item
from tasks.tag.questions import Question, build_decisions, build_flat_decisions, build_reduced_decisions

UNSURE_BELOW = 0.5
AUDIT_SHARE = 0.02
Row = dict[str, Any]
"""A row of the `labels` table."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One question that a change leads to.

    Attributes:
        question: item and decision set.
        replaces: old node ids whose rows give way to the answer.
        change: index of the change among the taxonomy's changes.
        is_optional: whether the old label stands if no answer comes.
    """

    question: Question
    replaces: frozenset[str]
    change: int
    is_optional: bool


def ask_for(
    new: Taxonomy,
    old: Taxonomy,
    item: Item,
    rows: list[Row],
    carried: list[Row],
    n: int,
    change: Change,
    near: frozenset[str],
) -> Ask | None:
    """Return what a change asks about an item; None where it asks nothing.

    Args:
        new: taxonomy to come.
        old: taxonomy of the labels there are.
        item: the item.
        rows: its labels.
        carried: its labels as the new version has them, without those whose node is gone.
        n: index of the change.
        change: the change.
        near: items that the local head puts near an added node.
    """
    values = {r["value"] for r in rows}
    runners = {r["runner_up"] for r in rows}
    if change.kind == "split" and change.from_[0] in values:
        known = {new.parent_of(r["value"]) for r in carried}
        if known & set(change.to):
            return None  # its subtopics went to one of the parts, and took it along
        parts = build_reduced_decisions(new, change.to, f"{new.facet}/split/{change.from_[0]}")
        return Ask(Question(item, parts), frozenset(change.from_), n, is_optional=change.from_[0] in new)
    if change.kind == "remove" and change.from_[0] in values:
        gone = change.from_[0]
        parent = old.parent_of(gone)
        if not new.multi_label:
            open_set = None if carried else build_decisions(new)
        elif parent is None:
            open_set = None if carried else build_flat_decisions(new)
        else:
            has_sibling = any(new.parent_of(r["value"]) == parent for r in carried)
            is_askable = parent in new and bool(new.children(parent))
            open_set = build_decisions(new, parent) if is_askable and not has_sibling else None
        if open_set is None:
            return None
        return Ask(Question(item, open_set), frozenset({gone}), n, is_optional=False)
    if change.kind == "redefine" and change.to[0] in values | runners:
        node = new.node(change.to[0])
        if new.multi_label and new.children(node.id):
            return Ask(Question(item, build_flat_decisions(new)), frozenset(values), n, is_optional=True)
        decisions = build_decisions(new, node.parent)
        replaced = values & {*decisions.ids, change.to[0]}
        return Ask(Question(item, decisions), frozenset(replaced), n, is_optional=True)
    if change.kind == "add":
        return _ask_added(new, item, rows, n, change.to[0], near)
    return None


def is_flat(new: Taxonomy, ask: Ask) -> bool:
    """Whether a question settles everything about an item with two levels."""
    return new.multi_label and ask.question.decisions.name == f"{new.facet}/flat"


def _ask_added(
    new: Taxonomy, item: Item, rows: list[Row], n: int, added: str, near: frozenset[str]
) -> Ask | None:
    parent = new.parent_of(added)
    if new.node(added).by_position or (parent is not None and parent not in {r["value"] for r in rows}):
        return None
    level = [r for r in rows if new.multi_label is False or _level_of(new, r["value"]) == parent]
    confidences = [r["confidence"] for r in level if r["confidence"] is not None]
    is_unsure = bool(confidences) and min(confidences) < UNSURE_BELOW
    if not (is_unsure or item.item_id in near or _in_audit(item.item_id, added)):
        return None
    if new.multi_label and parent is None:
        return Ask(
            Question(item, build_flat_decisions(new)),
            frozenset(r["value"] for r in rows),
            n,
            is_optional=True,
        )
    if new.multi_label:
        decisions = build_decisions(new, parent)
        return Ask(Question(item, decisions), frozenset(r["value"] for r in level), n, is_optional=True)
    current = rows[0]["value"]
    if current not in new or new.node(current).by_position:
        return None
    offered = build_reduced_decisions(new, (current, added), f"{new.facet}/add/{added}")
    return Ask(Question(item, offered), frozenset({current}), n, is_optional=True)


def _level_of(new: Taxonomy, value: str) -> str | None:
    return new.parent_of(value) if value in new else None


def _in_audit(item_id: str, added: str) -> bool:
    digest = hashlib.blake2b(f"{added}\x00{item_id}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") < AUDIT_SHARE * 2**32
