"""Hashed word features: the tagger's stand-in for embeddings where no model can run."""

from __future__ import annotations

import itertools
import re
import zlib
from collections.abc import Sequence

import numpy as np

from tasks.tag.embedding import Vectors

DIMENSIONS = 1024
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")


class HashedWords:
    """Words and pairs of words hashed into signed columns, as unit vectors."""

    @property
    def snapshot(self) -> str:
        """Name of the scheme."""
        return "hashed-words-1"

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector a text; a text without words is all zero."""
        vectors = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        for row, text in enumerate(texts):
            words = _WORD.findall(text.lower())
            pairs = [f"{a} {b}" for a, b in itertools.pairwise(words)]
            for term in {*words, *pairs}:
                code = zlib.crc32(term.encode())
                vectors[row, code % DIMENSIONS] += 1.0 if code & 0x8000_0000 else -1.0
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors / np.maximum(norms, 1e-9)
