"""Labelling loose items, outside a release: what `thoughttrace tag` does."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.config import TagSettings
from schemas.taxonomies import Taxonomy
from tasks.memo.vectors import VectorMemo
from tasks.tag.embedding import load_embedder
from tasks.tag.items import Gold, Item
from tasks.tag.lexical import HashedWords
from tasks.tag.local import Prediction, fit_tagger


def tag_items(
    taxonomy: Taxonomy, items: Sequence[Item], settings: TagSettings, gold: Sequence[Gold] = ()
) -> list[Prediction]:
    """Label items in one facet; one prediction an item, in order."""
    embedder = HashedWords() if settings.model == "lexical" else load_embedder(settings.weights_dir)
    return fit_tagger(taxonomy, VectorMemo(embedder), gold).predict(items, settings.abstain_below)
