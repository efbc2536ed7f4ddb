"""Fitted heads, kept in the private store from run to run: the same examples and the same code give the same head.

A head is numbers, yet gold may have part in it: a purge deletes all heads, and they are fitted again. Those of older
gold, taxonomies and code stay until then; four of them take a megabyte.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from schemas.errors import NotFoundError
from tasks.memo.parts import PartStore
from tasks.tag.features import Prototypes
from tasks.tag.head import Head, Matrix

FOLDER = "memo/heads"
"""Folder of the private store; one file a head, named by the digest of what decided it."""
_LIBRARIES = ("numpy", "onnxruntime", "scipy", "tokenizers")
"""Packages whose arithmetic makes a head."""
_SCHEMA = pl.Schema({"name": pl.String(), "shape": pl.List(pl.Int64()), "values": pl.List(pl.Float64())})
"""One row an array; whole numbers among them are small enough to be exact."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """What training examples come to.

    Attributes:
        prototypes: vectors of the nodes.
        head: the fitted head.
        center: mean of the features, taken from those of an item before the head sees them.
        position_fill: position features of an item without a known position.
    """

    prototypes: Prototypes
    head: Head
    center: Matrix
    position_fill: Matrix


class HeadMemo:
    """Fitted heads by what decided them.

    Args:
        store: the private store.
    """

    def __init__(self, store: PartStore) -> None:
        self._store = store

    def read(self, parts: Sequence[str]) -> Fitted | None:
        """Return a head, None if there is none, or what is there cannot be read.

        Args:
            parts: what decides it: taxonomy, model, examples; this module adds the code.
        """
        with suppress(NotFoundError, pl.exceptions.PolarsError, ValueError, KeyError):
            frame = pl.read_parquet(io.BytesIO(self._store.get(_key(parts))))
            if frame.schema == _SCHEMA:
                arrays = {name: np.array(values).reshape(shape) for name, shape, values in frame.iter_rows()}
                return Fitted(
                    Prototypes(
                        arrays["prototypes"], arrays["owners"].astype(np.int64), int(arrays["n_choices"])
                    ),
                    Head(arrays["weights"], float(arrays["temperature"])),
                    arrays["center"],
                    arrays["position_fill"],
                )
        return None

    def write(self, parts: Sequence[str], fitted: Fitted) -> None:
        """Keep a head."""
        arrays: dict[str, NDArray[Any]] = {
            "prototypes": fitted.prototypes.vectors,
            "owners": fitted.prototypes.owners,
            "n_choices": np.array(fitted.prototypes.n_choices),
            "weights": fitted.head.weights,
            "temperature": np.array(fitted.head.temperature),
            "center": fitted.center,
            "position_fill": fitted.position_fill,
        }
        rows = [(name, list(array.shape), array.ravel().tolist()) for name, array in arrays.items()]
        sink = io.BytesIO()
        pl.DataFrame(rows, schema=_SCHEMA, orient="row").write_parquet(sink)
        data = sink.getvalue()
        self._store.put(_key(parts), data, hashlib.sha256(data).hexdigest())


def _key(parts: Sequence[str]) -> str:
    described = "\0".join((_code_digest(), *parts)).encode("utf-8", "surrogatepass")
    return f"{FOLDER}/{hashlib.sha256(described).hexdigest()}.parquet"


@cache
def _code_digest() -> str:
    """Digest of the code: a version that somebody forgot to raise must not bring back an older head."""
    digest = hashlib.sha256(" ".join(f"{name} {version(name)}" for name in _LIBRARIES).encode())
    folder = Path(__file__).parent
    for path in [*sorted(folder.glob("*.py")), folder.parent / "memo" / "vectors.py"]:
        digest.update(f"\0{path.name}\0".encode() + path.read_bytes())
    return digest.hexdigest()
