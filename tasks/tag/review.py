"""The labels a person should look at: queued by how much a decision is worth, exported and read back."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import polars as pl

from schemas.errors import InputError
from schemas.fields import LABEL_REVIEW
from schemas.taxonomies import Taxonomy
from tasks.tag.items import Item
from tasks.tag.result import CONFIDENCE_DIGITS

if TYPE_CHECKING:
    from tasks.tag.stage import FacetAnswer

MAX_QUEUE = 1_000
"""Items in a queue at most, by priority."""
_UNSURE_BELOW = 0.5
ReviewFormat = Literal["csv", "jsonl"]

DECISIONS_SCHEMA = pl.Schema(
    {"item_id": pl.String(), "facet": pl.String(), "value": pl.String(), "reviewer": pl.String()}
)
"""Columns of decisions: what `tag_release` takes as `human_labels`."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """A reason to look at an item."""

    item_id: str
    facet: str
    value: str | None
    second_value: str | None
    why: str
    confidence: float | None
    priority: float


def find_doubts(taxonomy: Taxonomy, answer: FacetAnswer) -> list[Doubt]:
    """Return the items of a facet that are worth a person's look.

    A model and the head that disagree are the best sign of a wrong label; then come unsure and missing
    labels. Rare labels weigh more, because each of their items decides more.
    """
    doubts: list[Doubt] = []
    for label in answer.labels:
        head = answer.heads.get(label.item_id)
        if head is None or not head.ranking:
            continue
        value, second = label.values[0], head.ranking[0][0]
        sure = head.ranking[0][1]
        rarity = _rarity(taxonomy, value)
        if label.labeller.startswith("local/"):
            if head.confidence < _UNSURE_BELOW:
                priority = (1 - head.confidence) * rarity
                doubts.append(
                    Doubt(
                        label.item_id,
                        label.facet,
                        value,
                        label.runner_up,
                        "unsure",
                        head.confidence,
                        priority,
                    )
                )
        elif second != value:
            priority = (1 + sure) * max(rarity, _rarity(taxonomy, second))
            doubts.append(
                Doubt(label.item_id, label.facet, value, second, "disagreement", label.confidence, priority)
            )
    for outcome in answer.outcomes:
        head = answer.heads.get(outcome.item_id)
        if outcome.error != "no_text" and head is not None:
            top = head.ranking[0][0] if head.ranking else None
            doubts.append(
                Doubt(outcome.item_id, outcome.facet, None, top, outcome.outcome, None, 1 - head.confidence)
            )
    return doubts


def build_review(doubts: Iterable[Doubt], items: Mapping[str, Sequence[Item]]) -> pl.DataFrame:
    """Return the `label_review` table, the most useful first, with the texts to judge by."""
    texts = {(facet, i.item_id): i for facet, of_facet in items.items() for i in of_facet}
    queue = sorted(doubts, key=lambda d: (-round(d.priority, 6), d.facet, d.item_id))[:MAX_QUEUE]
    rows: list[dict[str, Any]] = []
    for doubt in queue:
        item = texts[doubt.facet, doubt.item_id]
        rows.append(
            {
                "item_id": doubt.item_id,
                "facet": doubt.facet,
                "value": doubt.value,
                "second_value": doubt.second_value,
                "why": doubt.why,
                "confidence": None
                if doubt.confidence is None
                else round(doubt.confidence, CONFIDENCE_DIGITS),
                "priority": round(doubt.priority, CONFIDENCE_DIGITS),
                "text": item.text,
                "context": item.context,
                "conversation_id": item.group,
                "position": item.position,
                "n_messages": item.n_messages,
                "decision": None,
                "reviewer": None,
            }
        )
    return pl.DataFrame(rows, schema=LABEL_REVIEW.polars_schema())


def export_review(queue: pl.DataFrame, form: ReviewFormat) -> str:
    """Return the queue as CSV or JSONL, to be filled in: `decision` takes a node id, `reviewer` a name."""
    rows = queue.select(LABEL_REVIEW.columns).to_dicts()
    if form == "jsonl":
        return "".join(f"{json.dumps(r, ensure_ascii=False)}\n" for r in rows)
    sink = io.StringIO()
    writer = csv.DictWriter(sink, LABEL_REVIEW.columns, lineterminator="\n")
    writer.writeheader()
    # a cell that starts like a formula would run in a spreadsheet
    writer.writerows({k: _defuse(v) for k, v in r.items()} for r in rows)
    return sink.getvalue()


def import_review(
    text: str, form: ReviewFormat, taxonomies: Mapping[str, Taxonomy], reviewer: str = "reviewer"
) -> pl.DataFrame:
    """Read decisions back; rows without one are still open and left out.

    A decision is a node id or a display name in any case and spacing; several topics are separated by `;`.

    Args:
        text: the sheet.
        form: csv or jsonl.
        taxonomies: facet to taxonomy in force.
        reviewer: who decided, where a row does not say so.

    Returns:
        item_id, facet, value, reviewer (string): one row a value.

    Raises:
        InputError: not the format, a facet or label that does not exist, an item decided twice in
            different ways; names the row, never its text.
    """
    decided: dict[tuple[str, str], tuple[tuple[str, ...], str]] = {}
    for number, row in enumerate(_read_rows(text, form), start=1):
        given = row.get("decision")
        if not isinstance(given, str) or not given.strip():
            continue
        item_id, facet = str(row.get("item_id") or ""), str(row.get("facet") or "")
        if not item_id or facet not in taxonomies:
            raise InputError(f"review row {number}: item_id or facet is missing or unknown")
        taxonomy = taxonomies[facet]
        names = given.split(";") if taxonomy.multi_label else [given]
        found = [taxonomy.resolve(name) for name in names if name.strip()]
        values = tuple(sorted({v for v in found if v is not None}))
        if not values or None in found:
            raise InputError(f"review row {number}: the decision is no label of facet {facet}")
        who = str(row.get("reviewer") or "").strip() or reviewer
        if decided.setdefault((item_id, facet), (values, who))[0] != values:
            raise InputError(f"review row {number}: {item_id} is decided twice in different ways")
    rows = [
        (item, facet, value, who)
        for (item, facet), (values, who) in sorted(decided.items())
        for value in values
    ]
    return pl.DataFrame(rows, schema=DECISIONS_SCHEMA, orient="row")


def _read_rows(text: str, form: ReviewFormat) -> list[Mapping[str, Any]]:
    if form == "csv":
        return [dict(r) for r in csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))]
    rows: list[Mapping[str, Any]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            try:
                value = json.loads(line)
            except ValueError as error:
                raise InputError(f"review line {number} is not JSON") from error
            if not isinstance(value, dict):
                raise InputError(f"review line {number} is not a JSON object")
            rows.append(cast("dict[str, Any]", value))
    return rows


def _rarity(taxonomy: Taxonomy, value: str) -> float:
    prior = taxonomy.node(value).prior if value in taxonomy else None
    return (1 / max(prior, 0.01)) ** 0.5 if prior else 1.0


def _defuse(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t") else value
