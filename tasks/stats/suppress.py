"""Holding back small cells of the whole document under `strict`.

Totals of rows (`counts`, the funnel, the quarantine summary, how many items are labelled) are row accounting
and stay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from schemas.stats import (
    CompletenessRow,
    ConversationLength,
    LabelShare,
    LanguageRow,
    ModelRow,
    Redactions,
    Spread,
    StatsDocument,
    TextLength,
    ThoughtLabels,
    ThoughtsPerMessage,
)
from tasks.stats.cells import (
    blank,
    choose_hidden,
    hide_confusions,
    hide_counts,
    hide_flows,
    hide_groups,
    hide_list,
    round_count,
)


def suppress(model: StatsDocument, limit: int) -> StatsDocument:
    """Hold back every small cell of the document.

    Args:
        model: the document with all its counts.
        limit: smallest count shown; 0 changes nothing.
    """
    if limit <= 0:
        return model
    topics, relations = model.topics, model.relationships
    return model.model_copy(
        update={
            "models": _hide_models(model.models, limit),
            "conversation_length": _hide_conversation_length(model.conversation_length, limit),
            "topics": topics.model_copy(
                update={
                    "domains": hide_list(topics.domains, limit),
                    "subtopics": hide_list(topics.subtopics, limit, lambda row: row.parent),
                }
            ),
            "reasons": _hide_thought_labels(model.reasons, limit),
            "reactions": _hide_thought_labels(model.reactions, limit),
            "relationships": relations.model_copy(
                update={
                    **_hide_relation_shares(relations.with_first, relations.without_first, limit),
                    "transitions": hide_flows(relations.transitions, limit),
                    "by_turn": hide_groups(relations.by_turn, limit),
                    "turn_flow": hide_flows(relations.turn_flow, limit),
                }
            ),
            "thoughts_per_message": [_hide_per_message(row, limit) for row in model.thoughts_per_message],
            "text_lengths": [_hide_text_length(row, limit) for row in model.text_lengths],
            "text_length_bins": hide_list(model.text_length_bins, limit, lambda row: row.text),
            "languages": _round_languages(model.languages, model.counts.conversations),
            "redactions": _hide_redactions(model.redactions, model.counts.messages, limit),
            "labelling": model.labelling.model_copy(
                update={
                    "provenance": hide_list(model.labelling.provenance, limit, lambda row: row.facet),
                    "quality": hide_confusions(model.labelling.quality, limit),
                }
            ),
            "privacy": suppress_privacy(model.privacy, limit),
            "completeness": [_round_nulls(row, limit) for row in model.completeness],
        }
    )


def suppress_privacy(privacy: Mapping[str, Any], limit: int) -> dict[str, Any]:
    """Hold back small counts in the privacy numbers: redactions by kind, flags of sensitive content.

    How many classes of participants have which size (the proof of k-anonymity) is no count of people.

    Args:
        privacy: content of `privacy.json`.
        limit: smallest count shown; 0 changes nothing.
    """
    return {
        name: _hide_rest(value, limit) if limit > 0 and is_table_of_counts(name, value) else value
        for name, value in privacy.items()
    }


def _hide_rest(counts: Mapping[str, int | None], limit: int) -> dict[str, int | None]:
    """Hold back small counts; a patch takes over what its parent held back, and that stays so."""
    shown = hide_counts({name: n for name, n in counts.items() if n is not None}, limit)
    return {name: shown.get(name) for name in counts}


def is_table_of_counts(name: str, value: Any) -> bool:
    """Whether a part of the privacy numbers counts people's texts by kind; a count held back is None."""
    return (
        (name == "sensitive" or "_by_" in name)
        and isinstance(value, Mapping)
        and all(n is None or isinstance(n, int) for n in value.values())
    )


def _hide_relation_shares(
    with_first: Sequence[LabelShare], without_first: Sequence[LabelShare], limit: int
) -> dict[str, list[LabelShare]]:
    """Both lists show the same counts, so what one holds back the other does too."""
    hidden = {
        row.value
        for rows in (with_first, without_first)
        for row in hide_list(rows, limit)
        if row.is_suppressed
    }
    return {
        "with_first": [blank(row) if row.value in hidden else row for row in with_first],
        "without_first": [blank(row) if row.value in hidden else row for row in without_first],
    }


def _hide_thought_labels(labels: ThoughtLabels, limit: int) -> ThoughtLabels:
    return labels.model_copy(
        update={
            "labels": hide_list(labels.labels, limit),
            "by_stage": hide_groups(labels.by_stage, limit),
            "by_domain": hide_groups(labels.by_domain, limit),
            "by_length": hide_groups(labels.by_length, limit),
            "stage_flow": hide_flows(labels.stage_flow, limit),
        }
    )


def _hide_models(rows: Sequence[ModelRow], limit: int) -> list[ModelRow]:
    counts = np.array([[row.n_participants or 0 for row in rows]], dtype=np.int64)
    hidden = choose_hidden(counts, limit)[0]
    numbers = [f for f in ModelRow.model_fields if f.startswith("n_")]
    shown: list[ModelRow] = []
    for row, mask in zip(rows, hidden, strict=True):
        values: dict[str, Any] = row.model_dump()
        small = [f for f in numbers if mask or 0 < (values[f] or 0) < limit]
        lost = [*small, "median_messages"] if mask else small
        shown.append(row.model_copy(update={**dict.fromkeys(lost), "is_suppressed": bool(mask)}))
    return sorted(shown, key=lambda row: (row.is_suppressed, row.model_name if row.is_suppressed else ""))


def _hide_conversation_length(length: ConversationLength, limit: int) -> ConversationLength:
    update: dict[str, Any] = {"histogram": hide_list(length.histogram, limit)}
    if (length.spread.n or 0) < limit:
        ends = ("mean_low", "mean_high", "median_low", "median_high")
        update |= {"spread": _blank_spread(length.spread), **dict.fromkeys(ends)}
    return length.model_copy(update=update)


def _hide_text_length(row: TextLength, limit: int) -> TextLength:
    if (row.spread.n or 0) >= limit:
        return row
    return row.model_copy(update={"spread": _blank_spread(row.spread)})


def _blank_spread(spread: Spread) -> Spread:
    if not spread.n:
        return spread
    return spread.model_copy(update=dict.fromkeys(Spread.model_fields))


def _hide_per_message(row: ThoughtsPerMessage, limit: int) -> ThoughtsPerMessage:
    n_with = row.n_with or 0
    pair = choose_hidden(np.array([[row.n_messages - n_with, n_with]], dtype=np.int64), limit)[0]
    several = choose_hidden(np.array([row.per_message[1:]], dtype=np.int64), limit)[0]
    update: dict[str, Any] = {
        "per_message": [
            None if mask else n
            for n, mask in zip(row.per_message, [pair[0], *(several | pair[1])], strict=True)
        ]
    }
    if pair[1]:
        update |= dict.fromkeys(("n_with", "share_with", "low", "high"))
    return row.model_copy(update=update)


def _hide_redactions(found: Redactions, n_messages: int, limit: int) -> Redactions:
    n_with = found.n_messages_with or 0
    pair = choose_hidden(np.array([[n_messages - n_with, n_with]], dtype=np.int64), limit)[0]
    update: dict[str, Any] = {"by_type": hide_list(found.by_type, limit)}
    if pair[1]:
        update |= dict.fromkeys(("n_messages_with", "share_of_messages_with", "low", "high"))
    for name in ("n_in_messages", "n_in_thoughts"):
        if 0 < getattr(found, name) < limit:
            update[name] = None
    return found.model_copy(update=update)


def _round_languages(rows: Sequence[LanguageRow], n_conversations: int) -> list[LanguageRow]:
    """Totals over languages are known and most texts share one, so counts are rounded instead."""
    base = round_count(n_conversations)
    shown: list[LanguageRow] = []
    for row in rows:
        if row.is_suppressed or row.n_conversations is None:
            shown.append(row)
            continue
        n = round_count(row.n_conversations)
        shown.append(
            row.model_copy(
                update={
                    "n_conversations": n,
                    "share": round(min(1.0, n / base), 6) if base else None,
                    "n_messages": round_count(row.n_messages or 0),
                    "n_participants": round_count(row.n_participants or 0),
                }
            )
        )
    return shown


def _round_nulls(row: CompletenessRow, limit: int) -> CompletenessRow:
    """Empty values, or the others, that are few; what participants left out is rounded like their answers."""
    n = row.n_null or 0
    if 0 < n < limit or 0 < row.n_rows - n < limit:
        return row.model_copy(update={"n_null": None, "share": None, "is_suppressed": True})
    if row.table != "participants":
        return row
    base = round_count(row.n_rows)
    share = round(min(1.0, round_count(n) / base), 6) if base else None
    return row.model_copy(update={"n_null": round_count(n), "share": share})
