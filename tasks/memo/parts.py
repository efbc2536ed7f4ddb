"""Append-only Parquet parts on a store: the shape of every memo.

A part is named by the digest of its bytes, so that writing it twice is harmless and any number of
workers may append at once. Nothing is ever changed; where two parts hold the same key, either is right.
"""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING, Protocol

import polars as pl
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tasks.storage.store import ObjectInfo


class PartStore(Protocol):
    """The three calls that a memo needs of a store; `tasks.storage.Store` has them."""

    def put(self, key: str, data: bytes, sha256: str | None = None) -> str:
        """Write an object."""
        ...

    def get(self, key: str) -> bytes:
        """Return the bytes of an object."""
        ...

    def list(self, prefix: str = "") -> Sequence[ObjectInfo]:
        """Return the objects under a prefix."""
        ...


def text_key(text: str) -> str:
    """Return the digest by which an entry of a memo is known to be about a text."""
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


class Parts:
    """The parts under one prefix.

    Args:
        store: the private store.
        prefix: folder of the memo, without a final slash.
        schema: columns of every part; one of them is `key` (string).
    """

    def __init__(self, store: PartStore, prefix: str, schema: pl.Schema) -> None:
        self._store = store
        self._prefix = prefix
        self._schema = schema

    def read(self, keys: pl.Series | None = None, newest: str | None = None) -> pl.DataFrame:
        """Return the rows with these keys (all rows without), each key once, sorted by key.

        Where two parts hold the same key, either is right unless a column says which is `newest`.

        A part with other columns, left by another version of the code, is passed over.
        """
        found = [self._schema.to_frame()]
        wanted = None if keys is None else keys.unique().to_frame("key")
        for info in self._store.list(f"{self._prefix}/"):
            if not info.key.endswith(".parquet"):
                continue
            part = pl.read_parquet(io.BytesIO(self._store.get(info.key)))
            if part.schema != self._schema:
                continue
            found.append(part if wanted is None else part.join(wanted, on="key", how="semi"))
        rows = pl.concat(found)
        if newest is not None:
            rows = rows.sort(newest, descending=True, maintain_order=True)
        return rows.unique("key", keep="first", maintain_order=True).sort("key")

    def read_keys(self, keys: pl.Series) -> pl.Series:
        """Return those of the keys that any part holds, reading no other column."""
        wanted = keys.unique().to_frame("key")
        found = [pl.Series("key", [], dtype=pl.String())]
        for info in self._store.list(f"{self._prefix}/"):
            if not info.key.endswith(".parquet"):
                continue
            data = io.BytesIO(self._store.get(info.key))
            if pl.read_parquet_schema(data) != self._schema:
                continue
            part = pl.read_parquet(data, columns=["key"])
            found.append(part.join(wanted, on="key", how="semi")["key"])
        return pl.concat(found)

    def append(self, rows: pl.DataFrame) -> str | None:
        """Write the rows as one part; returns its key in the store, None for no rows."""
        if rows.is_empty():
            return None
        rows = rows.select(self._schema.names()).cast(dict(self._schema)).sort("key")  # pyright: ignore[reportArgumentType]
        sink = io.BytesIO()
        pq.write_table(rows.to_arrow(), sink, compression="zstd")
        data = sink.getvalue()
        digest = hashlib.sha256(data).hexdigest()
        key = f"{self._prefix}/{digest[:2]}/{digest}.parquet"
        self._store.put(key, data, digest)
        return key

    def compact(self) -> int:
        """Gather all parts in one, for a store with very many; returns the number of rows.

        The old parts stay until garbage collection removes them: a reader may be at work.
        """
        rows = self.read()
        self.append(rows)
        return rows.height
