"""Token vectors of a spaCy entity model by plain NumPy, computed for blocks of documents at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.scrub.ner_weights import Array, HashTable, MaxoutLayer, NerWeights, UnknownArchitectureError

MAX_CACHED_WORDS = 1 << 16
_MIX = np.uint64(0x9E3779B97F4A7C15)


def _apply(layer: MaxoutLayer, x: Array) -> Array:
    """Maxout of three pieces, then layer norm, in place where possible."""
    y = x @ layer.w
    y += layer.b
    n = layer.n_out
    z = np.maximum(y[:, :n], y[:, n : 2 * n])
    np.maximum(z, y[:, 2 * n :], out=z)
    z -= z.mean(axis=1, keepdims=True)
    variance = np.einsum("ij,ij->i", z, z)
    variance /= n
    variance += 1e-8
    z *= (1.0 / np.sqrt(variance))[:, None]
    z *= layer.gain
    z += layer.shift
    return z


class Encoder:
    """Embeds words once each, then runs the window layers over whole blocks of documents."""

    def __init__(self, weights: NerWeights, vocab: Any) -> None:
        """Prepare the word cache.

        Args:
            weights: arrays of the model.
            vocab: vocabulary of the tokeniser, for static vectors.

        Raises:
            UnknownArchitectureError: a hash table reads an attribute that is not a token's own.
        """
        from spacy.attrs import IDS
        from thinc.api import NumpyOps

        self._weights = weights
        self._vectors = vocab.vectors if weights.static is not None else None
        self._ops = NumpyOps()
        self._depth = len(weights.encoder)
        self._width = weights.mix.n_out
        if not set(weights.columns) <= {"NORM", "PREFIX", "SUFFIX", "SHAPE", "LOWER", "ORTH"}:
            raise UnknownArchitectureError("token attributes")
        self._attributes = [IDS["ORTH"], IDS["NORM"], IDS["IS_SPACE"], *(IDS[c] for c in weights.columns)]
        self._slots: dict[int, int] = {}
        self._cache = np.zeros((MAX_CACHED_WORDS, self._width), np.float32)

    def encode(self, docs: Sequence[Any]) -> tuple[Array, npt.NDArray[np.bool_]]:
        """Return the vectors (tokens, width) of the joined documents and which tokens are white space."""
        table = np.concatenate([doc.to_array(self._attributes) for doc in docs]).astype(np.uint64, copy=False)
        embedded = self._embed(table)
        lengths = np.array([len(doc) for doc in docs])
        # zero rows between documents stand for the padding that each would see alone
        gap = self._depth
        position = np.arange(len(table)) + gap * (np.repeat(np.arange(len(docs)), lengths) + 1)
        x = np.zeros((len(table) + gap * (len(docs) + 1), self._width), np.float32)
        x[position] = embedded
        return self._windows(x)[position], table[:, 2].astype(bool)

    def _windows(self, x: Array) -> Array:
        width = self._width
        joined = np.zeros((len(x), 3 * width), np.float32)
        for layer in self._weights.encoder:
            joined[1:, :width] = x[:-1]
            joined[:, width : 2 * width] = x
            joined[:-1, 2 * width :] = x[1:]
            x = x + _apply(layer, joined)
        return x

    def _embed(self, table: npt.NDArray[np.uint64]) -> Array:
        """Embed each distinct word (text and norm decide all attributes) once."""
        keys = (table[:, 0] * _MIX) ^ table[:, 1]
        words, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
        if len(words) > MAX_CACHED_WORDS:
            return self._embed_words(table[first])[inverse]
        slots = np.fromiter((self._slots.get(k, -1) for k in words.tolist()), np.int64, len(words))
        missing = np.nonzero(slots < 0)[0]
        if len(self._slots) + len(missing) > MAX_CACHED_WORDS:
            self._slots.clear()
            slots[:] = -1
            missing = np.arange(len(words))
        if len(missing):
            fresh = np.arange(len(self._slots), len(self._slots) + len(missing))
            self._cache[fresh] = self._embed_words(table[first[missing]])
            self._slots.update(zip(words[missing].tolist(), fresh.tolist(), strict=True))
            slots[missing] = fresh
        return self._cache[slots[inverse]]

    def _embed_words(self, rows: npt.NDArray[np.uint64]) -> Array:
        parts = [self._lookup(table, rows[:, 3 + table.column]) for table in self._weights.tables]
        if self._vectors is not None and self._weights.static is not None:
            found = np.asarray(self._vectors.find(keys=rows[:, 0]))
            vectors = self._vectors.data[np.maximum(found, 0)] @ self._weights.static
            vectors[found < 0] = 0
            parts.append(vectors.astype(np.float32, copy=False))
        return _apply(self._weights.mix, np.concatenate(parts, axis=1))

    def _lookup(self, table: HashTable, ids: npt.NDArray[np.uint64]) -> Array:
        keys = self._ops.hash(np.ascontiguousarray(ids), table.seed) % table.rows.shape[0]
        return table.rows[keys].sum(axis=1)
