"""Items to feature rows: vectors of their texts, surface cues, position, similarity to descriptions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.taxonomies import Taxonomy
from tasks.tag.cues import CONTEXT_CUES, THOUGHT_CUES, find_cues, measure_overlap, measure_shape
from tasks.tag.embedding import Embedder
from tasks.tag.head import Matrix
from tasks.tag.items import Item

_MESSAGE_CHARACTERS = 300
"""A message is read from its beginning: the same string serves all facets, and is embedded once."""
_CONTEXT_WEIGHT = 0.5
_CUE_WEIGHT = 0.25
_OVERLAP_WEIGHT = 2.0
_UNKNOWN = (np.nan, np.nan, np.nan)


@dataclass(frozen=True, slots=True)
class Prototypes:
    """Vectors of what the taxonomy itself says about each choice.

    Attributes:
        vectors: one row a text (definition or example).
        owners: for each row, the column of its node among the taxonomy's choices.
        n_choices: number of choices.
    """

    vectors: Matrix
    owners: NDArray[np.int64]
    n_choices: int

    def similarities(self, vectors: Matrix) -> Matrix:
        """Return one row a vector, one column a choice: the cosine with its nearest text."""
        scores = vectors @ self.vectors.T
        columns = [scores[:, self.owners == i].max(axis=1) for i in range(self.n_choices)]
        return np.column_stack(columns) if columns else np.zeros((len(vectors), 0))


def describe_taxonomy(taxonomy: Taxonomy, embedder: Embedder) -> Prototypes:
    """Embed the definition and the examples of every choice."""
    described = list_descriptions(taxonomy)
    vectors = embedder.embed([text for text, _ in described]).astype(np.float64)
    owners = np.array([column for _, column in described], dtype=np.int64)
    return Prototypes(vectors, owners, len(taxonomy.choices))


def list_descriptions(taxonomy: Taxonomy) -> list[tuple[str, int]]:
    """Return the texts of every choice with its column: definition and examples."""
    return [
        (text, column)
        for column, node in enumerate(taxonomy.choices)
        for text in (node.definition, *node.examples)
    ]


def build_features(
    facet: str, items: Sequence[Item], embedder: Embedder, prototypes: Prototypes
) -> tuple[Matrix, Matrix]:
    """Return the features of items and, apart, their position columns.

    The position columns are NaN where the position is not known; the caller fills them with the mean of
    the training examples, so that an unknown position says nothing.
    """
    texts = [i.text for i in items]
    vectors = embedder.embed(_own_texts(facet, items)).astype(np.float64)
    blocks = [vectors, prototypes.similarities(vectors)]
    blocks.append(_CUE_WEIGHT * find_cues(THOUGHT_CUES[facet], texts))
    if facet != "topic":
        blocks.append(_CUE_WEIGHT * measure_shape(texts))
    if facet == "reason":
        contexts = [i.context[:_MESSAGE_CHARACTERS] for i in items]
        blocks.append(_CONTEXT_WEIGHT * embedder.embed(contexts).astype(np.float64))
        blocks.append(_CUE_WEIGHT * find_cues(CONTEXT_CUES[facet], contexts))
        blocks.append(_CUE_WEIGHT * measure_shape(contexts))
    if facet == "relationship":
        before = embedder.embed([i.context[:_MESSAGE_CHARACTERS] for i in items]).astype(np.float64)
        blocks.append(_OVERLAP_WEIGHT * (vectors * before).sum(axis=1, keepdims=True))
        blocks.append(_OVERLAP_WEIGHT * measure_overlap(texts, [i.context for i in items]))
    return np.hstack(blocks), _positions(facet, items)


def list_texts(facet: str, items: Sequence[Item]) -> list[str]:
    """Return every text that `build_features` embeds for these items."""
    contexts = [i.context[:_MESSAGE_CHARACTERS] for i in items if facet in ("reason", "relationship")]
    return [*_own_texts(facet, items), *contexts]


def _own_texts(facet: str, items: Sequence[Item]) -> list[str]:
    return [i.text[:_MESSAGE_CHARACTERS] if facet == "relationship" else i.text for i in items]


def _positions(facet: str, items: Sequence[Item]) -> Matrix:
    if facet not in ("reason", "reaction"):
        return np.zeros((len(items), 0))
    rows = [
        _UNKNOWN
        if i.position is None
        else (float(i.position <= 1), float(i.position <= 3), min(i.position, 20) / 20)
        for i in items
    ]
    return 0.5 * np.array(rows, dtype=np.float64).reshape(len(items), 3)
