"""Lengths of texts in characters and tokens, and what was redacted in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from schemas.stats import RedactionRow, Redactions, TextLength, TextLengthBin
from tasks.stats.frames import Frames, table
from tasks.stats.intervals import ClusterBootstrap, count_matrix
from tasks.stats.shares import describe, ints, number
from tasks.stats.tokens import count_tokens, find_tokenizer

KINDS: tuple[tuple[str, str, str, str], ...] = (
    ("user_message", "messages", "role", "user"),
    ("assistant_message", "messages", "role", "assistant"),
    ("reason", "thoughts", "kind", "reason"),
    ("reaction", "thoughts", "kind", "reaction"),
)


def measure_texts(frames: Frames, tables: Mapping[str, pl.LazyFrame | pl.DataFrame]) -> list[TextLength]:
    """Length of each kind of text in characters and, with a tokenizer, in tokens.

    Up to 10,000 texts of a kind are tokenized, all of them where there are no more; else every k-th by
    conversation and place.

    Args:
        frames: collected inputs.
        tables: base tables, for the text of the messages and thoughts to tokenize.
    """
    rows: list[TextLength] = []
    contents = {
        **_read_texts(tables, "messages", "role", "message_id", frames.tokenized),
        **_read_texts(tables, "thoughts", "kind", "thought_id", frames.tokenized),
    }
    for text, name, column, value in KINDS:
        kind = _of_kind(frames, name, column, value)
        rows.append(TextLength(text=text, unit="characters", n_texts=kind.len(), spread=describe(kind)))
        counts = count_tokens(contents[value])
        if counts is not None:
            tokens = pl.Series("n_tokens", counts, dtype=pl.Int64)
            rows.append(TextLength(text=text, unit="tokens", n_texts=kind.len(), spread=describe(tokens)))
    return rows


def bin_texts(frames: Frames) -> list[TextLengthBin]:
    """Texts by length in characters, in classes that double: 0, 1, 2–3, 4–7, …; empty classes left out."""
    rows: list[TextLengthBin] = []
    for text, name, column, value in KINDS:
        lengths = _of_kind(frames, name, column, value)
        exponent = np.ceil(np.log2(ints(lengths) + 1)).astype(np.int64)
        rows += [
            TextLengthBin(
                text=text,
                low=2 ** (k - 1) if k else 0,
                high=2**k,
                n=int(n),
                share=round(int(n) / lengths.len(), 6),
            )
            for k, n in enumerate(np.bincount(exponent).tolist())
            if n
        ]
    return rows


def count_redactions(frames: Frames, privacy: Mapping[str, Any], boot: ClusterBootstrap) -> Redactions:
    """Redacted spans in the tables, and by type where the privacy stage counted them.

    Args:
        frames: collected inputs.
        privacy: numbers of the privacy stage; `redactions` or `redactions_by_type` maps type to count.
        boot: draws of participants.
    """
    has = ints((frames.messages["n_redactions"] > 0).cast(pl.Int64))
    by_person = count_matrix(ints(frames.messages["p"]), has, boot.n_clusters, 2)
    found = boot.ratio(by_person[:, 1:], by_person.sum(1, keepdims=True))
    counts = _find_counts(privacy)
    total = sum(counts.values())
    return Redactions(
        n_in_messages=int(frames.messages["n_redactions"].sum()),
        n_in_thoughts=int(frames.thoughts["n_redactions"].sum()),
        n_messages_with=int(has.sum()),
        share_of_messages_with=number(found.value[0]),
        low=number(found.low[0]),
        high=number(found.high[0]),
        by_type=[
            RedactionRow(type=kind, n=n, share=round(n / total, 6) if total else None)
            for kind, n in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        ],
    )


def tokenizer_name() -> str:
    """Name of the tokenizer of the token counts, empty where there is none."""
    found = find_tokenizer()
    return found.name if found else ""


def _find_counts(privacy: Mapping[str, Any]) -> dict[str, int]:
    for key in ("redactions_by_type", "redactions"):
        found = privacy.get(key)
        if isinstance(found, Mapping):
            return {
                str(k): int(v) for k, v in found.items() if isinstance(v, int) and not isinstance(v, bool)
            }
    return {}


def _of_kind(frames: Frames, name: str, column: str, value: str) -> pl.Series:
    frame = frames.messages if name == "messages" else frames.thoughts
    return frame.filter(pl.col(column) == value)["n_chars"]


def _read_texts(
    tables: Mapping[str, pl.LazyFrame | pl.DataFrame],
    name: str,
    column: str,
    key: str,
    samples: Mapping[str, pl.Series],
) -> dict[str, list[str]]:
    """The texts to tokenize, by kind, in one pass over the table."""
    if find_tokenizer() is None:
        return {value: [] for _, table_name, _, value in KINDS if table_name == name}
    values = [value for _, table_name, _, value in KINDS if table_name == name]
    wanted = pl.any_horizontal(
        (pl.col(column) == value) & pl.col(key).is_in(samples[value].implode())
        if value in samples
        else pl.col(column) == value
        for value in values
    )
    found = table(tables, name).filter(wanted).select(column, "content").collect(engine="streaming")
    return {
        value: found.filter(pl.col(column) == value)["content"].drop_nulls().to_list() for value in values
    }
