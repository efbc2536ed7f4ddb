"""Answers to the research suites that were paid for, durable before the next call goes out.

A worker sends its next call only when the answer before is on the store, so that a run that is killed
loses at most the calls in flight. Answers that arrive while a part is being written share the next one;
small parts of a run are gathered into larger ones as it goes.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import polars as pl

from schemas.errors import NotFoundError
from schemas.fields import ANSWER_MEMO
from tasks.memo.parts import Parts
from tasks.storage.store import Store

PREFIX = "memo/answers"
_GATHER = 64
_TRIES = 5


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """One row of the `answer_memo` table; see there for the columns."""

    key: str
    answer: str
    model: str
    model_snapshot: str
    prompt_sha256: str
    input_tokens: int
    output_tokens: int
    cost_usd: float
    answered_at: datetime


class AnswerMemo:
    """The memo of answers on a private store.

    Args:
        store: the private store.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._parts = Parts(store, PREFIX, ANSWER_MEMO.polars_schema())
        self._known: dict[str, AnswerRow] = {}
        self._pending: list[AnswerRow] = []
        self._small: list[str] = []
        self._fresh: list[AnswerRow] = []
        self._is_read = False

    def find(self, keys: Iterable[str]) -> dict[str, AnswerRow]:
        """Return the rows of those keys that are known; the store is read once."""
        if not self._is_read:
            for row in self._read().iter_rows(named=True):
                fields: dict[str, Any] = dict(row)
                self._known.setdefault(fields["key"], AnswerRow(**fields))
            self._is_read = True
        return {k: self._known[k] for k in keys if k in self._known}

    async def keep(self, row: AnswerRow, lock: asyncio.Lock) -> None:
        """Return when the row is on the store.

        Args:
            row: the answer.
            lock: shared by all workers of one event loop.
        """
        self._pending.append(row)
        batch = self._pending
        async with lock:
            # whoever holds the lock first writes for all that waited
            if batch is self._pending:
                self._pending = []
                await asyncio.to_thread(self._write, batch)

    def gather(self) -> None:
        """Make one part of the small ones of this run."""
        if len(self._small) < 2:
            return
        whole = self._parts.append(_frame(self._fresh))
        for key in self._small:
            if key != whole:
                self._store.delete(key)
        self._small, self._fresh = [], []

    def _write(self, rows: Sequence[AnswerRow]) -> None:
        key = self._parts.append(_frame(rows))
        self._known |= {r.key: r for r in rows}
        self._fresh += rows
        if key is not None:
            self._small.append(key)
        if len(self._small) >= _GATHER:
            self.gather()

    def _read(self) -> pl.DataFrame:
        # another run may gather its parts between our listing and our reading
        for _ in range(_TRIES - 1):
            try:
                return self._parts.read()
            except NotFoundError:
                continue
        return self._parts.read()


def digest_text(*parts: str) -> str:
    """Return a digest of some texts, for keys."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        data = part.encode()
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()


def _frame(rows: Sequence[AnswerRow]) -> pl.DataFrame:
    return pl.DataFrame([asdict(r) for r in rows], schema=ANSWER_MEMO.polars_schema())
