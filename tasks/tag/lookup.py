"""Labelling loose items, outside a release: what `thoughttrace tag` does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from schemas.config import TagSettings
from schemas.errors import ConfigError
from schemas.taxonomies import Taxonomy
from tasks.memo.parts import PartStore
from tasks.tag.ask import ask_models
from tasks.tag.items import Gold, Item
from tasks.tag.local import Prediction, fit_tagger
from tasks.tag.result import Label, Outcome
from tasks.tag.stage import open_embedder, open_session


def tag_items(
    taxonomy: Taxonomy,
    items: Sequence[Item],
    settings: TagSettings,
    gold: Sequence[Gold] = (),
    *,
    memo: PartStore | None = None,
    now: datetime,
) -> list[Prediction]:
    """Label items in one facet; one prediction an item, in order.

    Raises:
        ConfigError: the model cannot be used, or `none` was asked for.
        BudgetError: a price is not known, or the budget is spent.
        ProviderError: no model answers.
    """
    embedder = open_embedder(settings, memo)
    if embedder is None:
        raise ConfigError("no model to label with: name one, or use `local`")
    of_facet = [g for g in gold if g.facet == taxonomy.facet]
    heads = fit_tagger(taxonomy, embedder, of_facet).predict(items, settings.abstain_below)
    embedder.save()
    session = open_session(settings, memo, now)
    if session is None:
        return heads
    first = next((n.id for n in taxonomy.nodes if n.by_position), None)
    trusted = settings.cascade_above if settings.cascade else 1.1
    rest = [
        i
        for i, h in zip(items, heads, strict=True)
        if h.values != (first,) and (h.abstained or h.confidence < trusted)
    ]
    labels, outcomes = ask_models(session, taxonomy, rest)
    given = {label.item_id: label for label in labels}
    missing = {o.item_id: o for o in outcomes}
    return [_merge(h, given.get(h.item_id), missing.get(h.item_id)) for h in heads]


def _merge(head: Prediction, label: Label | None, outcome: Outcome | None) -> Prediction:
    """Return a model's answer in the shape of a prediction; the ranking stays the head's, after the answer."""
    if label is not None:
        confidence = label.confidence if label.confidence is not None else 0.0
        chosen = [(v, confidence) for v in label.values]
        rest = [r for r in head.ranking if r[0] not in label.values]
        return Prediction(head.item_id, label.values, confidence, (*chosen, *rest))
    if outcome is not None:
        return Prediction(head.item_id, (), 0.0, head.ranking, outcome.error)
    return head
