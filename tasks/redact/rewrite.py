"""Masks leaked values in a release's tables and records; everything else stays byte for byte."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from schemas.errors import DataError
from tasks.redact.texts import SURVEY_PREFIX
from tasks.scrub.deny import DenyList, split_words
from tasks.scrub.redact import Placeholders, redact_text
from tasks.scrub.spans import merge_overlapping

RECOGNIZER = "redaction"
Place = tuple[str, str]
"""Item id and column of a text."""


@dataclass(frozen=True, slots=True)
class Redaction:
    """What was masked.

    Attributes:
        texts: new text of every place that changed.
        n_spans: spans masked at each of them.
        by_type: spans masked, by type.
        n_conversations: conversations that changed.
    """

    texts: Mapping[Place, str]
    n_spans: Mapping[Place, int]
    by_type: Mapping[str, int]
    n_conversations: int


def redact_texts(texts: pl.DataFrame, deny: DenyList) -> Redaction:
    """Mask denied values; numbers of placeholders go on where those of the conversation end.

    Args:
        texts: from `list_texts`.
        deny: what is masked.
    """
    new: dict[Place, str] = {}
    counts: dict[Place, int] = {}
    by_type: dict[str, int] = {}
    touched = 0
    for _, conversation in texts.group_by("conversation_id", maintain_order=True):
        rows = conversation.rows()
        found = [merge_overlapping(deny.find(row[3], row[1])) for row in rows]
        if not any(found):
            continue
        touched += 1
        placeholders = Placeholders(row[3] for row in rows)
        for (item_id, _, field, text), spans in zip(rows, found, strict=True):
            if spans:
                # as the rule compares them: other punctuation is the same value
                words = [" ".join(split_words(text[s.start : s.end])) for s in spans]
                labels = [placeholders.label(s.type, w) for s, w in zip(spans, words, strict=True)]
                new[item_id, field] = redact_text(text, spans, labels)
                counts[item_id, field] = len(spans)
                for span in spans:
                    by_type[span.type] = by_type.get(span.type, 0) + 1
    return Redaction(new, counts, by_type, touched)


def rewrite_tables(tables: Mapping[str, pl.DataFrame], redaction: Redaction) -> dict[str, pl.DataFrame]:
    """Return base tables with the new texts; `n_redactions` counts the new masks."""
    done = dict(tables)
    for name, key, fields in (
        ("messages", "message_id", ("content",)),
        ("thoughts", "thought_id", ("content",)),
        ("conversations", "conversation_id", ("task_summary", "task_expectation")),
    ):
        frame = done[name]
        for field in fields:
            frame = _rewrite_column(frame, key, field, redaction)
        done[name] = frame
    return done


def rewrite_records(lines: Iterable[bytes], redaction: Redaction) -> Iterator[bytes]:
    """Yield the compatible records with the new texts; a record without any is passed on as it is."""
    touched = {item_id.split("_message", 1)[0] for item_id, _ in redaction.texts}
    for line in lines:
        record: dict[str, Any] = json.loads(line)
        if record["id"] not in touched:
            yield line
            continue
        n_new = _rewrite_record(record, redaction.texts)
        wanted = sum(item_id.split("_message", 1)[0] == record["id"] for item_id, _ in redaction.texts)
        if n_new != wanted:
            raise DataError(f"{record['id']}: {wanted} texts changed in the tables, {n_new} in the records")
        yield json.dumps(record, ensure_ascii=False).encode() + b"\n"


def update_privacy(parent: Mapping[str, Any], redaction: Redaction) -> dict[str, Any]:
    """Return the parent's privacy figures with the new masks counted; a count held back stays so."""
    n_new = sum(redaction.by_type.values())
    by_type = dict(parent.get("redactions_by_type", {}))
    for kind, n in redaction.by_type.items():
        if by_type.get(kind, 0) is not None:
            by_type[kind] = by_type.get(kind, 0) + n
    by_recognizer = dict(parent.get("redactions_by_recognizer", {}))
    if by_recognizer.get(RECOGNIZER, 0) is not None:
        by_recognizer[RECOGNIZER] = by_recognizer.get(RECOGNIZER, 0) + n_new
    return {
        **parent,
        "n_redactions": int(parent.get("n_redactions", 0)) + n_new,
        "redactions_by_type": by_type,
        "redactions_by_recognizer": by_recognizer,
    }


def _rewrite_column(frame: pl.DataFrame, key: str, field: str, redaction: Redaction) -> pl.DataFrame:
    ids = [item_id for item_id, name in redaction.texts if name == field]
    new = pl.DataFrame(
        {
            key: ids,
            "_text": [redaction.texts[i, field] for i in ids],
            "_n": [redaction.n_spans[i, field] for i in ids],
        },
        schema={key: pl.String, "_text": pl.String, "_n": pl.Int32},
    )
    joined = frame.join(new, on=key, how="left", maintain_order="left").with_columns(
        pl.coalesce("_text", field).alias(field)
    )
    if "n_redactions" in frame.columns:
        joined = joined.with_columns(pl.col("n_redactions") + pl.col("_n").fill_null(0))
    return joined.select(frame.columns)


def _rewrite_record(record: dict[str, Any], texts: Mapping[Place, str]) -> int:
    """Put the new texts in; returns how many there were."""
    before = len(texts)
    left = dict(texts)
    key = record["id"]
    for position, message in enumerate(record["messages"]):
        item_id = f"{key}_message{position}"
        message["content"] = left.pop((item_id, "content"), message["content"])
        for kind in ("reason", "reaction"):
            for number, thought in enumerate(message.get(f"{kind}s") or ()):
                place = (f"{item_id}_{kind}{number}", "content")
                thought["content"] = left.pop(place, thought["content"])
    for field in ("task_summary", "task_expectation"):
        record[field] = left.pop((key, field), record[field])
    for answers in record["survey_answers"][:1]:
        for name, value in answers.items():
            answers[name] = left.pop((key, f"{SURVEY_PREFIX}{name}"), value)
    return before - len(left)
