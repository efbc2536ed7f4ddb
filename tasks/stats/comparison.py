"""Other corpora to draw beside a release: published figures, and the WildChat and LMSYS-Chat-1M files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from schemas.errors import InputError
from schemas.stats import ComparedLength, LengthBin, PublishedLength, Spread


@dataclass(frozen=True, slots=True)
class Comparison:
    """Messages per conversation of another corpus.

    Attributes:
        corpus: its name.
        n_messages: one value a conversation, both roles counted.
    """

    corpus: str
    n_messages: pl.Series

    def measure(
        self, spread: Callable[[pl.Series], Spread], bins: Callable[[pl.Series], list[LengthBin]]
    ) -> ComparedLength:
        """Describe the corpus with the same functions as the release."""
        return ComparedLength(
            corpus=self.corpus,
            n_conversations=self.n_messages.len(),
            spread=spread(self.n_messages),
            histogram=bins(self.n_messages),
        )


def read_comparison(conversations: pl.LazyFrame) -> Comparison:
    """Read messages per conversation from a WildChat or LMSYS-Chat-1M frame.

    Both hold a list `conversation` of messages with `role` and `content`; WildChat names its key
    `conversation_hash`, LMSYS `conversation_id`. Their column `turn` counts pairs of messages and is not
    used. Conversations without a message are left out.

    Raises:
        InputError: when the columns are those of neither corpus.

    Source: dataset cards of allenai/WildChat-1M and lmsys/lmsys-chat-1m.
    """
    schema = conversations.collect_schema()
    kind = schema.get("conversation")
    is_chat = (
        isinstance(kind, pl.List)
        and isinstance(kind.inner, pl.Struct)
        and {"role", "content"} <= {f.name for f in kind.inner.fields}
    )
    if is_chat and "conversation_hash" in schema:
        corpus = "WildChat"
    elif is_chat and "conversation_id" in schema:
        corpus = "LMSYS-Chat-1M"
    else:
        raise InputError(
            "stats.compare_to: not a WildChat or LMSYS-Chat-1M file: expected a column `conversation` (a "
            "list of messages with role and content) and `conversation_hash` or `conversation_id`; found "
            f"{', '.join(schema.names()[:12]) or 'no columns'}"
        )
    lengths = (
        conversations.select(n=pl.col("conversation").list.len().cast(pl.Int64))
        .filter(pl.col("n") > 0)
        .collect(engine="streaming")
    )
    return Comparison(corpus, lengths["n"])


def scan_comparison(place: str) -> Comparison:
    """Read a corpus from a Parquet file, folder or glob.

    Raises:
        InputError: when nothing can be read there, or it is another kind of file.
    """
    try:
        return read_comparison(pl.scan_parquet(place))
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(
            f"stats.compare_to: cannot read {place!r} as Parquet ({type(error).__name__}); give a file, a "
            "folder or a glob of WildChat or LMSYS-Chat-1M Parquet files, or leave the setting empty"
        ) from error


def list_comparison(place: str) -> list[tuple[str, int, int]]:
    """Name, size and time of change of the corpus's files, so that another corpus is counted anew."""
    if not place:
        return []
    path = Path(place)
    found = path.rglob("*.parquet") if path.is_dir() else path.parent.glob(path.name)
    return sorted((file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in found)


@cache
def load_published() -> tuple[PublishedLength, ...]:
    """Published figures on messages per conversation, from `published.yaml`."""
    text = (files("tasks.stats") / "published.yaml").read_text("utf-8")
    document: dict[str, Any] = yaml.safe_load(text)
    return tuple(PublishedLength(**row) for row in document["lengths"])
