"""Answers of models that were paid for, found again by the digest of the question."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import polars as pl

from schemas.fields import LABEL_MEMO
from tasks.memo.parts import Parts, PartStore

_PREFIX = "memo/labels"


@dataclass(frozen=True, slots=True)
class MemoRow:
    """One row of the `label_memo` table; see there for the columns."""

    key: str
    text_key: str
    facet: str
    values: tuple[str, ...]
    runner_up: str | None
    confidence: float | None
    abstained: str
    model: str
    model_snapshot: str
    prompt_sha256: str
    input_tokens: int
    output_tokens: int
    cost_usd: float
    labelled_at: datetime


class LabelMemo:
    """The memo of labels on a private store; without a store it lives as long as the object."""

    def __init__(self, store: PartStore | None) -> None:
        self._parts = Parts(store, _PREFIX, LABEL_MEMO.polars_schema()) if store else None
        self._known: dict[str, MemoRow] = {}

    def find(self, keys: Sequence[str]) -> dict[str, MemoRow]:
        """Return the rows of those keys that are known."""
        wanted = [k for k in dict.fromkeys(keys) if k not in self._known]
        if self._parts is not None and wanted:
            for row in self._parts.read(pl.Series("key", wanted, dtype=pl.String())).iter_rows(named=True):
                fields: dict[str, Any] = dict(row)
                fields["values"] = tuple(fields["values"])
                self._known[fields["key"]] = MemoRow(**fields)
        return {k: self._known[k] for k in keys if k in self._known}

    def known_keys(self) -> pl.DataFrame:
        """Return key, model and facet of every row, for planning by anti-join."""
        if self._parts is None:
            rows = [(r.key, r.model, r.facet) for r in self._known.values()]
            schema = {"key": pl.String, "model": pl.String, "facet": pl.String}
            return pl.DataFrame(rows, schema=schema, orient="row")
        return self._parts.read().select("key", "model", "facet")

    def add(self, rows: Iterable[MemoRow]) -> None:
        """Remember rows, at once and for good."""
        new = [r for r in rows if r.key not in self._known]
        self._known |= {r.key: r for r in new}
        if self._parts is not None and new:
            records = [{**asdict(r), "values": list(r.values)} for r in new]
            self._parts.append(pl.DataFrame(records, schema=LABEL_MEMO.polars_schema()))


def split_known(wanted: pl.DataFrame, known: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the wanted rows whose key is known, and those whose key is not."""
    keys = known.select("key").unique()
    return wanted.join(keys, on="key", how="semi"), wanted.join(keys, on="key", how="anti")
