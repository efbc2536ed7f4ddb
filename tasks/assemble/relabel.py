"""Other labels in the compatible records: everything else of a line stays byte for byte the same value."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import polars as pl


def relabel_records(lines: Iterable[bytes], labels: pl.DataFrame) -> Iterator[bytes]:
    """Yield the lines of `thoughttrace.jsonl` with the labels of thoughts replaced.

    Args:
        lines: JSON lines, one a conversation.
        labels: `labels`, of which the reasons and reactions are used.
    """
    label_of = dict(
        labels.filter(pl.col("facet").is_in(["reason", "reaction"])).select("item_id", "value").iter_rows()
    )
    for line in lines:
        record: dict[str, Any] = json.loads(line)
        for position, message in enumerate(record["messages"]):
            for kind in ("reason", "reaction"):
                for number, thought in enumerate(message.get(f"{kind}s") or []):
                    thought["label"] = label_of.get(f"{record['id']}_message{position}_{kind}{number}")
        yield json.dumps(record, ensure_ascii=False).encode("utf-8") + b"\n"
