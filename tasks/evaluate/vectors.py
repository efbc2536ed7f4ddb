"""Vectors of texts: by the embedded model, or by any embedding model behind litellm.

Vectors of a hosted model are remembered and paid for under the same budget as calls.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from schemas.errors import BudgetError, ConfigError, ProviderError
from tasks.memo.parts import PartStore
from tasks.memo.vectors import VectorMemo
from tasks.tag.budget import Budget, CostLine
from tasks.tag.call_errors import FATAL, name_error
from tasks.tag.client import find_price, import_litellm
from tasks.tag.embedding import load_embedder

Vectors = NDArray[np.float32]
LOCAL = "local"
_BATCH = 64
_TRIES = 5
_CHARACTERS_A_TOKEN = 3.5
MAX_CHARACTERS = 8_000
"""Longer texts are cut: hosted models refuse them, the embedded one reads less."""


class TextVectors(Protocol):
    """Unit vectors of texts; `tasks.memo.vectors.VectorMemo` and the planner's counter have it."""

    @property
    def snapshot(self) -> str:
        """Name of the exact weights."""
        ...

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector a text, in order."""
        ...


class HostedEmbedder:
    """An embedding model behind litellm.

    Args:
        model: litellm's name.
        budget: money that may be spent.
        line: where costs are noted.
        timeout_s: longest wait for an answer.
        allow_unpriced: use a model whose price is unknown, counted as 0.
        sleep: waits between tries.

    Raises:
        ConfigError: the environment lacks what the provider needs.
        BudgetError: the price is unknown, and that is not allowed.
    """

    def __init__(
        self,
        model: str,
        budget: Budget,
        line: CostLine,
        timeout_s: float,
        *,
        allow_unpriced: bool,
        sleep: Callable[[float], None],
    ) -> None:
        self._litellm: Any = import_litellm()
        missing = self._litellm.validate_environment(model).get("missing_keys") or []
        if missing:
            raise ConfigError(f"the model {model} needs {', '.join(missing)} in the environment")
        price = find_price(model)
        if price is None and not allow_unpriced:
            raise BudgetError(f"the price of {model} is not known; pass --allow-unpriced to count it as 0")
        self._usd_per_token = (price or (0.0, 0.0))[0]
        self._model = model
        self._budget = budget
        self._line = line
        self._timeout_s = timeout_s
        self._sleep = sleep

    @property
    def snapshot(self) -> str:
        """The model's name; providers name no weights of embeddings."""
        return self._model

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector a text.

        Raises:
            BudgetError: the budget does not allow the next batch.
            ProviderError: the provider fails for good.
        """
        found = [self._embed_batch(texts[i : i + _BATCH]) for i in range(0, len(texts), _BATCH)]
        return np.concatenate(found) if found else np.zeros((0, 1), dtype=np.float32)

    def _embed_batch(self, texts: Sequence[str]) -> Vectors:
        # an empty text is refused by some providers
        texts = [t[:MAX_CHARACTERS] or " " for t in texts]
        expected = sum(len(t) for t in texts) / _CHARACTERS_A_TOKEN * self._usd_per_token
        if not self._budget.reserve(expected):
            raise BudgetError(
                "the budget does not allow the next batch of embeddings; pass a higher --budget"
            )
        try:
            response = self._call(texts)
        except ProviderError:
            self._budget.settle(expected, 0.0)
            raise
        tokens = int(getattr(getattr(response, "usage", None), "prompt_tokens", 0) or 0)
        usd = tokens * self._usd_per_token
        self._budget.settle(expected, usd)
        self._line.calls += 1
        self._line.input_tokens += tokens
        self._line.usd += usd
        rows = sorted(response.data, key=lambda r: r["index"])
        vectors = np.array([r["embedding"] for r in rows], dtype=np.float32)
        if vectors.ndim != 2 or len(vectors) != len(texts):
            raise ProviderError(
                f"the embedding model {self._model} returned {len(rows)} of {len(texts)} vectors"
            )
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)

    def _call(self, texts: Sequence[str]) -> Any:
        for attempt in range(1, _TRIES + 1):
            try:
                return self._litellm.embedding(
                    model=self._model,
                    input=list(texts),
                    timeout=self._timeout_s,
                    num_retries=0,
                    max_retries=0,
                )
            except Exception as error:
                # a provider's message may quote the texts: only its name goes on
                name, wait = name_error(self._litellm, error)
                if attempt == _TRIES or name in FATAL or name == "bad_request":
                    raise ProviderError(f"the embedding model {self._model} failed: {name}") from None
                self._sleep(min(30.0, wait if wait is not None else 0.5 * 2**attempt))
        raise ProviderError(f"the embedding model {self._model} failed")


class KeptVectors:
    """Vectors that are looked up first, and kept batch by batch: a killed run pays for one batch again.

    Args:
        memo: an embedder that remembers.
    """

    def __init__(self, memo: VectorMemo) -> None:
        self._memo = memo

    @property
    def snapshot(self) -> str:
        """Name of the exact weights."""
        return self._memo.snapshot

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector a text."""
        self._memo.recall(texts)
        for start in range(0, len(texts), _BATCH):
            self._memo.embed(texts[start : start + _BATCH])
            self._memo.save()
        return self._memo.embed(texts)


class CountedTexts:
    """Stands in while planning: counts texts, returns vectors that mean nothing."""

    def __init__(self, snapshot: str = "") -> None:
        self.snapshot = snapshot
        self.texts: dict[str, None] = {}

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return zeros."""
        self.texts |= dict.fromkeys(texts)
        return np.zeros((len(texts), 2), dtype=np.float32)


def open_local_vectors(weights_dir: str, store: PartStore | None) -> VectorMemo:
    """Return the embedded model with its memo."""
    return VectorMemo(load_embedder(weights_dir), store)
