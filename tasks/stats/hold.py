"""Holding counts still between releases under `strict`, so that a difference names nobody.

Who compares two releases must not learn what the few participants that came or went had written. A cell
whose count differs by fewer than the limit from the one last shown keeps the row last shown and is marked
`is_held`; so does a cell that did not change, as a mark on changed cells only would give the change away.
Totals of rows are row accounting and move.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from schemas.stats import StatsDocument, ThoughtLabels, ThoughtsPerMessage
from tasks.stats.suppress import is_table_of_counts

Row = TypeVar("Row", bound=BaseModel)

_KEYS: Mapping[str, tuple[str, ...]] = {
    "LengthBin": ("n_messages", "is_or_more"),
    "LabelShare": ("value",),
    "TopicShare": ("value",),
    "GroupShare": ("group", "value"),
    "Flow": ("step", "from_value", "to_value"),
    "DemographicCell": ("attribute", "value"),
    "TextLengthBin": ("text", "low", "high"),
    "RedactionRow": ("type",),
    "ProvenanceRow": ("facet", "source", "via", "labeller", "model_snapshot", "taxonomy_version"),
    "CompletenessRow": ("table", "column"),
    "ModelRow": ("model_name", "model_provider"),
    "LanguageRow": ("language",),
}
_COUNTS = ("n", "n_null")


def read_previous(document: Mapping[str, Any] | None) -> StatsDocument | None:
    """The last release's `stats.json`, or None where there is none or it has another shape."""
    if document is None:
        return None
    try:
        return StatsDocument.model_validate(document)
    except ValidationError:
        return None


def hold(model: StatsDocument, previous: StatsDocument | None, limit: int) -> StatsDocument:
    """Keep every cell still that moved by less than the limit since the last release.

    Args:
        model: this release's document, small cells held back already.
        previous: the last release's document as published; None changes nothing.
        limit: smallest difference shown; 0 changes nothing.
    """
    if previous is None or limit <= 0:
        return model
    topics, old_topics = model.topics, previous.topics
    relations, old_relations = model.relationships, previous.relationships
    length, old_length = model.conversation_length, previous.conversation_length
    redactions = model.redactions.model_copy(
        update={
            "by_type": hold_rows(model.redactions.by_type, previous.redactions.by_type, limit),
        }
    )
    if _is_close(redactions.n_messages_with, previous.redactions.n_messages_with, limit):
        names = ("n_messages_with", "share_of_messages_with", "low", "high")
        redactions = redactions.model_copy(update={n: getattr(previous.redactions, n) for n in names})
    return model.model_copy(
        update={
            "models": hold_fields(model.models, previous.models, limit),
            "conversation_length": length.model_copy(
                update={"histogram": hold_rows(length.histogram, old_length.histogram, limit)}
            ),
            "topics": topics.model_copy(
                update={
                    "domains": hold_rows(topics.domains, old_topics.domains, limit),
                    "subtopics": hold_rows(topics.subtopics, old_topics.subtopics, limit),
                }
            ),
            "reasons": _hold_thoughts(model.reasons, previous.reasons, limit),
            "reactions": _hold_thoughts(model.reactions, previous.reactions, limit),
            "relationships": relations.model_copy(
                update={
                    name: hold_rows(getattr(relations, name), getattr(old_relations, name), limit)
                    for name in ("with_first", "without_first", "transitions", "by_turn", "turn_flow")
                }
            ),
            "thoughts_per_message": _hold_per_message(
                model.thoughts_per_message, previous.thoughts_per_message, limit
            ),
            "demographics": model.demographics.model_copy(
                update={
                    "cells": hold_rows(model.demographics.cells, previous.demographics.cells, limit),
                    "n_without_answers": _hold_count(
                        model.demographics.n_without_answers, previous.demographics.n_without_answers, limit
                    ),
                }
            ),
            "text_length_bins": hold_rows(model.text_length_bins, previous.text_length_bins, limit),
            "languages": hold_fields(model.languages, previous.languages, limit),
            "redactions": redactions,
            "labelling": model.labelling.model_copy(
                update={
                    "provenance": hold_rows(model.labelling.provenance, previous.labelling.provenance, limit)
                }
            ),
            "completeness": hold_rows(model.completeness, previous.completeness, limit),
            "privacy": hold_privacy(model.privacy, previous.privacy, limit),
        }
    )


def hold_privacy(privacy: Mapping[str, Any], previous: Mapping[str, Any], limit: int) -> dict[str, Any]:
    """The same for the counts of the privacy stage: redactions by kind, flags of sensitive content.

    Args:
        privacy: content of `privacy.json`, small cells held back already.
        previous: that of the last release, as published.
        limit: smallest difference shown.
    """
    held: dict[str, Any] = dict(privacy)
    for name, counts in privacy.items():
        before = previous.get(name)
        if is_table_of_counts(name, counts) and isinstance(before, Mapping):
            held[name] = {kind: _hold_count(n, before.get(kind), limit) for kind, n in counts.items()}
    return held


def hold_rows(rows: Sequence[Row], previous: Sequence[Row], limit: int) -> list[Row]:
    """Take the row last shown where its count is close; rows without a count are left as they are."""
    before = {_key(row): row for row in previous}
    shown: list[Row] = []
    for row in rows:
        old = before.get(_key(row))
        name = next(name for name in _COUNTS if name in type(row).model_fields)
        if old is not None and _is_close(getattr(row, name), getattr(old, name), limit):
            row = old.model_copy(update={"is_held": True, **_current_names(row)})
        shown.append(row)
    return shown


def hold_fields(rows: Sequence[Row], previous: Sequence[Row], limit: int) -> list[Row]:
    """The same for rows with several counts, count by count."""
    before = {_key(row): row for row in previous}
    shown: list[Row] = []
    for row in rows:
        old = before.get(_key(row))
        counts = [f for f in type(row).model_fields if f.startswith("n_")]
        held = {
            name: getattr(old, name)
            for name in counts
            if old is not None and _is_close(getattr(row, name), getattr(old, name), limit)
        }
        if "n_conversations" in held and "share" in type(row).model_fields:
            held["share"] = getattr(old, "share", None)
        shown.append(row.model_copy(update={**held, "is_held": True}) if held else row)
    return shown


def _hold_thoughts(labels: ThoughtLabels, previous: ThoughtLabels, limit: int) -> ThoughtLabels:
    names = ("labels", "by_stage", "by_domain", "by_length", "stage_flow")
    return labels.model_copy(
        update={name: hold_rows(getattr(labels, name), getattr(previous, name), limit) for name in names}
    )


def _hold_per_message(
    rows: Sequence[ThoughtsPerMessage], previous: Sequence[ThoughtsPerMessage], limit: int
) -> list[ThoughtsPerMessage]:
    before = {row.kind: row for row in previous}
    shown: list[ThoughtsPerMessage] = []
    for row in rows:
        old = before.get(row.kind)
        update: dict[str, Any] = {}
        if old is not None:
            pairs = zip(row.per_message, old.per_message, strict=True)
            update["per_message"] = [_hold_count(n, n_old, limit) for n, n_old in pairs]
            if _is_close(row.n_with, old.n_with, limit):
                update |= {name: getattr(old, name) for name in ("n_with", "share_with", "low", "high")}
        shown.append(row.model_copy(update=update))
    return shown


def _hold_count(count: int | None, previous: int | None, limit: int) -> int | None:
    return previous if _is_close(count, previous, limit) else count


def _is_close(count: int | None, previous: int | None, limit: int) -> bool:
    return count is not None and previous is not None and abs(count - previous) < limit


def _key(row: BaseModel) -> Hashable:
    return tuple(getattr(row, name) for name in _KEYS[type(row).__name__])


def _current_names(row: BaseModel) -> dict[str, Any]:
    """Display names are those of this release, even on a held count."""
    names = ("name", "parent", "group_name")
    return {name: getattr(row, name) for name in names if name in type(row).model_fields}
