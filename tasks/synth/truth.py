"""What was planted, as frames and as one JSONL file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

import polars as pl

SPANS = pl.Schema(
    {
        "line": pl.Int64, "conversation_id": pl.String, "field": pl.String, "role": pl.String,
        "position": pl.Int64, "ordinal": pl.Int64, "start": pl.Int64, "end": pl.Int64,
        "type": pl.String, "text": pl.String, "language": pl.String,
    }
)  # fmt: skip
LABELS = pl.Schema(
    {
        "line": pl.Int64, "conversation_id": pl.String, "position": pl.Int64, "ordinal": pl.Int64,
        "facet": pl.String, "value": pl.String,
    }
)  # fmt: skip
CONVERSATIONS = pl.Schema(
    {
        "line": pl.Int64, "conversation_id": pl.String, "participant_id": pl.String, "language": pl.String,
        "n_messages": pl.Int64, "n_reasons": pl.Int64, "n_reactions": pl.Int64,
    }
)  # fmt: skip
ODDITIES = pl.Schema(
    {
        "line": pl.Int64, "conversation_id": pl.String, "position": pl.Int64, "ordinal": pl.Int64,
        "kind": pl.String,
    }
)  # fmt: skip
BAD = pl.Schema({"line": pl.Int64, "kind": pl.String, "expected": pl.String, "conversation_id": pl.String})


@dataclass(frozen=True, slots=True)
class Truth:
    """What is known about a generated export; lines count from 1.

    Attributes:
        conversations: one row a conversation that is legal or becomes so: line, ids, language, counts.
        spans: one row a planted piece of personal data, by code points of the decoded field. `field` is
            content, reason, reaction, task_summary, task_expectation, occupation, purposes or feedback;
            `position` and `ordinal` are null where they mean nothing. Survey fields appear once a
            conversation, as every conversation repeats the survey.
        labels: one row a label: topic (conversation), relationship (user message), reason and reaction.
        oddities: one row an odd text.
        bad: one row a faulty line: kind of the fault and what should become of it: `quarantine`,
            `repair` (the value becomes null or normal), `drop` (an exact copy) or `relabel` (the row stays,
            its unknown label is counted). Nothing else is told about lines whose fault held back or wrote
            over what was planted.
    """

    conversations: pl.DataFrame
    spans: pl.DataFrame
    labels: pl.DataFrame
    oddities: pl.DataFrame
    bad: pl.DataFrame


def concat_truth(parts: Iterable[Truth]) -> Truth:
    """Join the truths of the blocks of one export."""
    parts = list(parts)
    empty = Truth(*(pl.DataFrame(schema=s) for s in (CONVERSATIONS, SPANS, LABELS, ODDITIES, BAD)))
    return Truth(*(pl.concat([getattr(p, f.name) for p in (empty, *parts)]) for f in fields(Truth)))


def truth_lines(truth: Truth) -> bytes:
    """Return the truth as JSONL; the key `truth` names the kind of the record."""
    names = {
        "conversations": "conversation",
        "spans": "span",
        "labels": "label",
        "oddities": "oddity",
        "bad": "bad",
    }
    parts: list[bytes] = []
    for name, kind in names.items():
        frame: pl.DataFrame = getattr(truth, name)
        if frame.height:
            parts.append(frame.select(pl.lit(kind).alias("truth"), pl.all()).write_ndjson().encode())
    return b"".join(parts)
