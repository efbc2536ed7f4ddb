"""What answers of models cost, whatever became of the run that paid for them."""

from __future__ import annotations

import io
from datetime import datetime

import polars as pl

from tasks.storage.store import Store

FOLDERS = {"memo/labels": "labelled_at", "memo/canaries": "labelled_at", "memo/answers": "answered_at"}
"""Memos of paid answers, to the column that says when a model answered."""


def sum_spending(private: Store, start: datetime, end: datetime) -> float:
    """Return the price in USD of the answers given in a span of time, as far as they are kept.

    A rejected, failed, killed or replaced run has paid all the same: its answers are in the memo. What no memo
    keeps is not in the sum: replies without a usable answer, embeddings, and what a purge has deleted.

    Args:
        private: the private store.
        start: first moment of the span.
        end: first moment after it.
    """
    found = [pl.DataFrame(schema={"key": pl.String(), "at": pl.Datetime("us", "UTC"), "usd": pl.Float64()})]
    for folder, column in FOLDERS.items():
        for info in private.list(f"{folder}/"):
            # a part is written after the answers in it
            if not info.key.endswith(".parquet") or info.modified < start:
                continue
            data = io.BytesIO(private.get(info.key))
            if not {"key", column, "cost_usd"} <= pl.read_parquet_schema(data).keys():
                continue
            at = pl.col(column).cast(pl.Datetime("us", "UTC")).alias("at")
            usd = pl.col("cost_usd").alias("usd")
            rows = pl.read_parquet(data, columns=["key", column, "cost_usd"]).select("key", at, usd)
            found.append(rows.filter((pl.col("at") >= start) & (pl.col("at") < end)))
    # parts that were gathered lie beside their copy for a while; the same question paid for twice has two times
    return float(pl.concat(found).unique(["key", "at"])["usd"].sum())
