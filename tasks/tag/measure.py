"""Label quality of a whole release: the local head, the models and the export, each against the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from schemas.config import TagSettings
from schemas.fields import FACETS
from schemas.taxonomies import Taxonomy
from tasks.memo.parts import PartStore
from tasks.memo.vectors import VectorMemo
from tasks.tag.features import list_texts
from tasks.tag.gold import find_gold, index_gold
from tasks.tag.items import Gold, Item, collect_items
from tasks.tag.local import fit_tagger, list_training_texts
from tasks.tag.quality import MIN_ITEMS, measure_head, score_labels, score_predictions
from tasks.tag.stage import open_embedder

_SAMPLE = 400
_SAMPLE_SEED = 20260501


def measure_release(
    conversations: pl.DataFrame,
    messages: pl.DataFrame,
    thoughts: pl.DataFrame,
    labels: pl.DataFrame,
    *,
    taxonomies: Mapping[str, Taxonomy],
    settings: TagSettings,
    memo: PartStore | None = None,
    gold: Sequence[Gold] = (),
) -> dict[str, Any]:
    """Measure the labels of a release, facet by facet; call it once, on all shards together.

    Returns:
        For each facet what could be measured: `release_on_gold` (labels of this release on items that gold
        knows; those of people are left out, and those of the local head, which has learned from that very
        gold), `head_on_gold` (see `measure_head`: refitted without the conversations it is measured on),
        `head_against_export` and `head_against_models` (the head without any gold, on a sample:
        disagreement is what to review). Scores as in `score_labels`; nothing is measured on fewer than 20
        items. The labels that came with an export are a machine's too, so agreement with them is
        agreement, not accuracy.
    """
    by_others = labels.filter(
        (pl.col("labeller") != "position") & ~pl.col("labeller").str.starts_with("local/")
    )
    if not gold and by_others.filter(pl.col("source") != "human").is_empty():
        return {}
    embedder = open_embedder(settings, memo)
    if not gold:
        if embedder is None:
            return {}
        # gold may know any text; without it, a sample is compared, and the other texts are not touched
        conversations = _keep_sampled(conversations, messages, thoughts, by_others)
        messages = messages.join(conversations, on="conversation_id", how="semi")
        thoughts = thoughts.join(conversations, on="conversation_id", how="semi")
    items = collect_items(conversations, messages, thoughts)
    index = index_gold(gold)
    quality: dict[str, Any] = {}
    for facet in FACETS:
        taxonomy = taxonomies[facet]
        others = by_others.filter((pl.col("facet") == facet) & (pl.col("source") != "human"))
        report: dict[str, Any] = {}
        on_gold = _score_on_gold(taxonomy, items[facet], others, index)
        if on_gold["n_items"] >= MIN_ITEMS:
            report["release_on_gold"] = on_gold
        if embedder is not None:
            measured = measure_head(taxonomy, [g for g in gold if g.facet == facet], embedder)
            if measured:
                report["head_on_gold"] = measured
            for name, source in (("head_against_export", "export"), ("head_against_models", "model")):
                compared = _compare(
                    taxonomy, items[facet], others.filter(pl.col("source") == source), embedder
                )
                if compared:
                    report[name] = compared
        if report:
            quality[facet] = report
    if embedder is not None:
        embedder.save()
    return quality


def _score_on_gold(
    taxonomy: Taxonomy,
    items: Sequence[Item],
    labels: pl.DataFrame,
    index: Mapping[tuple[str, str], frozenset[str]],
) -> dict[str, Any]:
    truth = {i.item_id: v for i in items if (v := find_gold(index, taxonomy.facet, i) & set(taxonomy.ids))}
    confidence: dict[str, float | None] = dict(labels.select("item_id", "confidence").iter_rows())
    return score_labels(taxonomy, items, truth, _sets(labels), confidence)


def _compare(
    taxonomy: Taxonomy, items: Sequence[Item], labels: pl.DataFrame, embedder: VectorMemo
) -> dict[str, Any]:
    given = _sets(labels)
    chosen = set(_choose_sample(labels))
    sample = sorted((i for i in items if i.item_id in chosen), key=lambda i: i.item_id)
    if len(sample) < MIN_ITEMS:
        return {}
    embedder.recall([*list_training_texts(taxonomy, ()), *list_texts(taxonomy.facet, sample)])
    predictions = {p.item_id: p for p in fit_tagger(taxonomy, embedder).predict(sample)}
    return score_predictions(taxonomy, sample, given, predictions)


def _choose_sample(labels: pl.DataFrame) -> pl.Series:
    """A fixed sample of labelled items: by hash, so that a few new items change few of it."""
    known = pl.DataFrame({"item_id": labels["item_id"].unique()})
    by_hash = known.sort(pl.col("item_id").hash(_SAMPLE_SEED), "item_id")
    return by_hash["item_id"].head(_SAMPLE)


def _keep_sampled(
    conversations: pl.DataFrame, messages: pl.DataFrame, thoughts: pl.DataFrame, labels: pl.DataFrame
) -> pl.DataFrame:
    """The conversations that hold an item of a sample of any facet and source."""
    groups = labels.filter(pl.col("source") != "human").partition_by("facet", "source")
    ids = pl.concat([_choose_sample(group) for group in groups]).to_frame("item_id")
    holders = [
        frame.join(ids, left_on=key, right_on="item_id", how="semi").select("conversation_id")
        for frame, key in (
            (conversations, "conversation_id"),
            (messages, "message_id"),
            (thoughts, "thought_id"),
        )
    ]
    return conversations.join(pl.concat(holders), on="conversation_id", how="semi")


def _sets(labels: pl.DataFrame) -> dict[str, frozenset[str]]:
    sets: dict[str, set[str]] = {}
    for item_id, value in labels.select("item_id", "value").iter_rows():
        sets.setdefault(item_id, set()).add(value)
    return {i: frozenset(v) for i, v in sets.items()}
