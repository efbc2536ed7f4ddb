"""Sentence vectors, computed once ever for each text and model."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tasks.memo.parts import Parts, PartStore, text_key

_SCHEMA = pl.Schema({"key": pl.String(), "vector": pl.Binary()})


class _Embedder(Protocol):
    @property
    def snapshot(self) -> str: ...

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]: ...


class VectorMemo:
    """An embedder that remembers, within the process and, given a store, across runs.

    Vectors are kept in half precision, and handed out so from the first time on: a text has the same
    vector whether it was remembered or not. Keys are digests; no text is stored.

    Args:
        embedder: what computes the vectors.
        store: private store; None remembers for this object's life only.
    """

    def __init__(self, embedder: _Embedder, store: PartStore | None = None) -> None:
        self._embedder = embedder
        folder = hashlib.blake2b(embedder.snapshot.encode(), digest_size=8).hexdigest()
        self._parts = Parts(store, f"memo/vectors/{folder}", _SCHEMA) if store else None
        self._known: dict[bytes, NDArray[np.float16]] = {}
        self._fresh: dict[bytes, NDArray[np.float16]] = {}
        self.n_computed = 0

    @property
    def snapshot(self) -> str:
        """Name of the exact weights."""
        return self._embedder.snapshot

    def recall(self, texts: Sequence[str]) -> None:
        """Read what is known of these texts from the store in one pass."""
        if self._parts is None:
            return
        keys = {_key(t) for t in texts} - self._known.keys()
        if keys:
            found = self._parts.read(pl.Series("key", [k.hex() for k in keys], dtype=pl.String()))
            for key, vector in found.iter_rows():
                self._known[bytes.fromhex(key)] = np.frombuffer(vector, dtype="<f2")

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one unit vector a text, computing only those never seen."""
        keys = [_key(t) for t in texts]
        new = {k: t for k, t in zip(keys, texts, strict=True) if k not in self._known}
        if new:
            computed = self._embedder.embed(list(new.values())).astype("<f2")
            self.n_computed += len(new)
            for key, vector in zip(new, computed, strict=True):
                self._known[key] = self._fresh[key] = vector
        if not keys:
            return self._embedder.embed([])
        return np.stack([self._known[k] for k in keys]).astype(np.float32)

    def count_new(self, texts: Sequence[str]) -> int:
        """Return how many distinct texts neither this object nor the store knows."""
        self.recall(texts)
        return len({_key(t) for t in texts} - self._known.keys())

    def save(self) -> None:
        """Write what was computed since the last save as one part."""
        if self._parts is not None and self._fresh:
            rows = {
                "key": [k.hex() for k in self._fresh],
                "vector": [v.tobytes() for v in self._fresh.values()],
            }
            self._parts.append(pl.DataFrame(rows, schema=_SCHEMA))
        self._fresh.clear()


def _key(text: str) -> bytes:
    return bytes.fromhex(text_key(text))
