"""What the tagging stage returns, and how its frames are built."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl

from schemas.errors import DataError
from schemas.fields import LABELS, TAG_OUTCOMES

CONFIDENCE_DIGITS = 4
"""Probabilities are rounded, so that the last bit of a processor's arithmetic shows in no file."""


@dataclass(frozen=True, slots=True)
class Label:
    """One decided item in one facet; topics hold several values. Fields as in the `labels` table."""

    item_id: str
    facet: str
    values: tuple[str, ...]
    source: str
    labeller: str
    taxonomy_version: str
    via: str | Mapping[str, str] = "direct"
    runner_up: str | None = None
    model_snapshot: str | None = None
    prompt_sha256: str | None = None
    confidence: float | None = None
    confidences: Mapping[str, float] = field(default_factory=dict[str, float])
    labelled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """Why an item has no label in a facet. Fields as in the `tag_outcomes` table."""

    item_id: str
    facet: str
    outcome: str
    error: str
    labeller: str = ""
    n_attempts: int = 0


@dataclass(frozen=True, slots=True)
class TagResult:
    """Everything the tagging of some conversations gives.

    Attributes:
        labels: `labels` table, sorted by item, facet, value.
        dead_letters: `tag_outcomes` table: every item without a label, and why.
        review: `label_review` table, the most useful first.
        cost: facet to model to calls, memo hits, tokens and USD.
        counts: facet to items, labelled by source, abstained, failed, not asked; they add up.
    """

    labels: pl.DataFrame
    dead_letters: pl.DataFrame
    review: pl.DataFrame
    cost: dict[str, dict[str, dict[str, float]]]
    counts: dict[str, dict[str, int]]


def build_labels(labels: Iterable[Label]) -> pl.DataFrame:
    """Return the `labels` table, sorted by its key."""
    rows: list[dict[str, Any]] = []
    for label in labels:
        for value in label.values:
            via = label.via if isinstance(label.via, str) else label.via[value]
            confidence = label.confidences.get(value, label.confidence)
            rows.append(
                {
                    "item_id": label.item_id,
                    "facet": label.facet,
                    "value": value,
                    "runner_up": label.runner_up,
                    "source": label.source,
                    "via": via,
                    "labeller": label.labeller,
                    "model_snapshot": label.model_snapshot,
                    "taxonomy_version": label.taxonomy_version,
                    "prompt_sha256": label.prompt_sha256,
                    "confidence": None if confidence is None else round(confidence, CONFIDENCE_DIGITS),
                    "labelled_at": label.labelled_at,
                }
            )
    return pl.DataFrame(rows, schema=LABELS.polars_schema()).sort(LABELS.primary_key)


def build_outcomes(outcomes: Iterable[Outcome]) -> pl.DataFrame:
    """Return the `tag_outcomes` table, sorted by its key."""
    rows = [
        {
            "item_id": o.item_id,
            "facet": o.facet,
            "outcome": o.outcome,
            "error": o.error,
            "labeller": o.labeller,
            "n_attempts": o.n_attempts,
        }
        for o in outcomes
    ]
    return pl.DataFrame(rows, schema=TAG_OUTCOMES.polars_schema()).sort(TAG_OUTCOMES.primary_key)


def count_outcomes(
    facet: str, n_items: int, labels: Sequence[Label], outcomes: Sequence[Outcome]
) -> dict[str, int]:
    """Count the items of a facet by what became of them, and assert the row law.

    Raises:
        DataError: items are missing or doubled: items = labelled + abstained + failed + not asked.
    """
    counts = {
        "items": n_items,
        **{f"labelled_{s}": sum(x.source == s for x in labels) for s in ("human", "export", "model")},
        **{name: sum(o.outcome == name for o in outcomes) for name in ("abstained", "failed", "not_asked")},
    }
    accounted = sum(n for name, n in counts.items() if name != "items")
    distinct = {x.item_id for x in labels} | {o.item_id for o in outcomes}
    if accounted != n_items or len(distinct) != n_items:
        raise DataError(
            f"tagging lost or doubled items of {facet}: {n_items} in, {accounted} accounted for, "
            f"{len(distinct)} distinct"
        )
    return counts
