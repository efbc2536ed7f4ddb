"""Answers of models that were paid for, found again by the digest of the question."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
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

    def __init__(self, store: PartStore | None, folder: str = _PREFIX) -> None:
        self.store = store
        self._parts = Parts(store, folder, LABEL_MEMO.polars_schema()) if store else None
        self._known: dict[str, MemoRow] = {}

    def find(self, keys: Sequence[str]) -> dict[str, MemoRow]:
        """Return the rows of those keys that are known."""
        wanted = [k for k in dict.fromkeys(keys) if k not in self._known]
        if self._parts is not None and wanted:
            for row in self._parts.read(
                pl.Series("key", wanted, dtype=pl.String()), newest="labelled_at"
            ).iter_rows(named=True):
                fields: dict[str, Any] = dict(row)
                fields["values"] = tuple(fields["values"])
                self._known[fields["key"]] = MemoRow(**fields)
        return {k: self._known[k] for k in keys if k in self._known}

    def list_known(self, keys: Sequence[str]) -> set[str]:
        """Return those keys that have a row, without reading the rows."""
        known = {k for k in keys if k in self._known}
        if self._parts is not None:
            rest = pl.Series("key", [k for k in keys if k not in known], dtype=pl.String())
            known.update(self._parts.read_keys(rest))
        return known

    def add(self, rows: Iterable[MemoRow]) -> None:
        """Remember rows, at once; the latest answer to a question holds."""
        new = [r for r in rows if self._known.get(r.key) != r]
        self._known |= {r.key: r for r in new}
        if self._parts is not None and new:
            columns = {name: [getattr(r, name) for r in new] for name in LABEL_MEMO.columns}
            self._parts.append(pl.DataFrame(columns, schema=LABEL_MEMO.polars_schema()))
