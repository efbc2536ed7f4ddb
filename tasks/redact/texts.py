"""The texts of a published release, and the values that leaked in them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import polars as pl

from schemas.errors import InputError
from schemas.manifest import Manifest
from tasks.assemble.records import RECORDS, read_records
from tasks.publish.layout import side_file
from tasks.publish.releases import read_tables
from tasks.redact.leaks import Leak
from tasks.scrub.deny import DenyList, covered_words
from tasks.scrub.detect import PLACEHOLDER
from tasks.storage.store import Store

SURVEY_PREFIX = "survey_"
_SUMMARY_FIELDS = ("task_summary", "task_expectation")
_SCHEMA = {"item_id": pl.String, "conversation_id": pl.String, "field": pl.String, "text": pl.String}


def list_texts(tables: Mapping[str, pl.DataFrame], records: Iterable[bytes], policy: str) -> pl.DataFrame:
    """List every free text of a release once, in the order of reading.

    Args:
        tables: `conversations`, `messages` and `thoughts`.
        records: lines of the compatible JSONL; under `as-published` they alone hold survey answers as typed.
        policy: policy of the release.

    Returns:
        item_id, conversation_id, field, text (all string).
    """
    messages = tables["messages"].select(
        pl.col("message_id").alias("item_id"),
        "conversation_id",
        pl.lit("content").alias("field"),
        pl.col("content").alias("text"),
        order=pl.col("position") * 2,
    )
    owner = tables["messages"].select("message_id", "position")
    thoughts = (
        tables["thoughts"]
        .join(owner, on="message_id", how="left", maintain_order="left")
        .select(
            pl.col("thought_id").alias("item_id"),
            "conversation_id",
            pl.lit("content").alias("field"),
            pl.col("content").alias("text"),
            order=pl.col("position") * 2 + 1,
        )
    )
    last = pl.lit(2**31 - 1, pl.Int32)
    summaries = [
        tables["conversations"].select(
            pl.col("conversation_id").alias("item_id"),
            "conversation_id",
            pl.lit(field).alias("field"),
            pl.col(field).alias("text"),
            order=last,
        )
        for field in _SUMMARY_FIELDS
    ]
    found = pl.concat([messages, thoughts, *summaries]).sort(
        "conversation_id", "order", "item_id", "field", maintain_order=True
    )
    parts = [found.select(*_SCHEMA)]
    if policy == "as-published":
        parts.append(pl.DataFrame(_survey(records), schema=_SCHEMA, orient="row"))
    return pl.concat(parts).drop_nulls("text")


def read_texts(store: Store, manifest: Manifest) -> pl.DataFrame:
    """List the texts of a published release, see `list_texts`."""
    tables = read_tables(store, manifest, ("conversations", "messages", "thoughts"))
    lines = read_records(store.get(side_file(manifest.version, RECORDS)))
    return list_texts(tables, lines, manifest.info.policy)


def resolve_leaks(
    leaks: Iterable[Leak], texts_of: Callable[[str], pl.DataFrame], name: str
) -> list[tuple[str, str, str]]:
    """Return what the list means: value, type, and the conversation it is masked in (empty: everywhere).

    A place is widened to whole words, and placeholders in it are left out.

    Args:
        leaks: lines of the list.
        texts_of: version (empty: latest) to its texts, see `list_texts`.
        name: name of the list, for messages.

    Raises:
        InputError: a place that is not in the release, or holds no word.
    """
    values: list[tuple[str, str, str]] = []
    for leak in leaks:
        if leak.text:
            values.append((leak.text, leak.type, leak.conversation_id))
            continue
        where = f"{name}, line {leak.line}"
        found = texts_of(leak.version).filter(item_id=leak.item_id, field=leak.field)
        if found.is_empty():
            raise InputError(f"{where}: the release has no text {leak.field} of that item")
        conversation_id, text = found.select("conversation_id", "text").row(0)
        if leak.end > len(text):
            raise InputError(f"{where}: ends at {leak.end}, but the text has {len(text)} code points")
        pieces = _without_placeholders(text, leak.start, leak.end)
        words = [text[a:b] for start, end in pieces for a, b in covered_words(text, start, end)]
        if not words:
            raise InputError(f"{where}: there is no word at that place")
        values.extend((word, leak.type, conversation_id) for word in words)
    return values


def count_hits(texts: pl.DataFrame, deny: DenyList) -> tuple[int, int]:
    """Return how many denied spans stand in texts, and in how many conversations."""
    n_spans, conversations = 0, set[str]()
    for conversation_id, text in texts.select("conversation_id", "text").iter_rows():
        hits = deny.find(text, conversation_id)
        if hits:
            n_spans += len(hits)
            conversations.add(conversation_id)
    return n_spans, len(conversations)


def _without_placeholders(text: str, start: int, end: int) -> list[tuple[int, int]]:
    pieces: list[tuple[int, int]] = []
    for match in PLACEHOLDER.finditer(text):
        if match.start() < end and start < match.end():
            pieces.append((start, match.start()))
            start = match.end()
    pieces.append((start, end))
    return [(a, b) for a, b in pieces if a < b]


def _survey(records: Iterable[bytes]) -> Iterable[tuple[str, str, str, str]]:
    for line in records:
        record: dict[str, Any] = json.loads(line)
        for answers in record["survey_answers"][:1]:
            for key, value in answers.items():
                if isinstance(value, str):
                    yield record["id"], record["id"], f"{SURVEY_PREFIX}{key}", value
