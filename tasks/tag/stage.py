"""The tagging stage: tables in, labels out, every item accounted for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import polars as pl

from schemas.config import TagSettings
from schemas.errors import ConfigError
from schemas.fields import FACETS, LABEL_REVIEW
from schemas.taxonomies import Taxonomy
from tasks.memo.parts import PartStore
from tasks.memo.vectors import VectorMemo
from tasks.tag.embedding import load_embedder
from tasks.tag.exported import ExportedLabels, read_exported
from tasks.tag.features import list_texts
from tasks.tag.items import Gold, Item, collect_items
from tasks.tag.lexical import HashedWords
from tasks.tag.local import LocalTagger, Prediction, fit_tagger, list_training_texts
from tasks.tag.result import Label, Outcome, TagResult, build_labels, build_outcomes, count_outcomes

LOCAL = "local"
LEXICAL = "lexical"
NONE = "none"
_NAMES = {LOCAL: "local/head", LEXICAL: "local/lexical"}


def tag_release(
    conversations: pl.DataFrame,
    messages: pl.DataFrame,
    thoughts: pl.DataFrame,
    export_labels: pl.DataFrame,
    *,
    taxonomies: Mapping[str, Taxonomy],
    settings: TagSettings,
    memo: PartStore | None = None,
    gold: Sequence[Gold] = (),
    now: datetime,
) -> TagResult:
    """Label the items of some conversations in every facet.

    A label of the export is kept unless a taxonomy change touched its node; the first message of a user
    is a first request by position; everything else is asked of `settings.model`.

    Args:
        conversations: `conversation_id`, `n_messages`.
        messages: `message_id`, `conversation_id`, `position`, `role`, `content` (scrubbed).
        thoughts: `thought_id`, `conversation_id`, `message_id`, `kind`, `content` (scrubbed).
        export_labels: item_id, facet, value (string), as exported.
        taxonomies: facet to taxonomy.
        settings: which model, and its limits.
        memo: private store that remembers vectors and paid answers; None remembers nothing.
        gold: labels taken as right, to fit and measure the local tagger.
        now: time of the run.

    Raises:
        ConfigError: the embedding model cannot be used.
        DataError: an item was lost; the row law is items = labelled + abstained + failed + not asked.
    """
    items = collect_items(conversations, messages, thoughts)
    labels: list[Label] = []
    outcomes: list[Outcome] = []
    counts: dict[str, dict[str, int]] = {}
    embedder = _open_embedder(settings, memo)
    for facet in FACETS:
        taxonomy = taxonomies[facet]
        exported = read_exported(export_labels, taxonomy, items[facet])
        decided, failed, open_items = split_decided(taxonomy, items[facet], exported, settings)
        asked: list[Label] = []
        unanswered: list[Outcome] = []
        if embedder is None:
            unanswered = [Outcome(i.item_id, facet, "not_asked", "no_model") for i in open_items]
        elif open_items:
            of_facet = [g for g in gold if g.facet == facet]
            embedder.recall([*list_training_texts(taxonomy, of_facet), *list_texts(facet, open_items)])
            tagger = fit_tagger(taxonomy, embedder, of_facet)
            predictions = tagger.predict(open_items, settings.abstain_below)
            for prediction in predictions:
                kept, outcome = record_prediction(prediction, tagger, _NAMES[settings.model])
                asked += kept
                unanswered += outcome
        facet_labels, facet_outcomes = [*decided, *asked], [*failed, *unanswered]
        counts[facet] = {
            **count_outcomes(facet, len(items[facet]), facet_labels, facet_outcomes),
            "export_labels_outdated": exported.n_outdated,
            "export_labels_orphaned": exported.n_orphans,
        }
        labels += facet_labels
        outcomes += facet_outcomes
    if embedder is not None:
        embedder.save()
    return TagResult(
        labels=build_labels(labels),
        dead_letters=build_outcomes(outcomes),
        review=LABEL_REVIEW.empty(),
        quality={},
        cost={},
        counts=counts,
    )


def split_decided(
    taxonomy: Taxonomy, items: Sequence[Item], exported: ExportedLabels, settings: TagSettings
) -> tuple[list[Label], list[Outcome], list[Item]]:
    """Return what is decided without a model, what failed already, and what is open."""
    decided: list[Label] = []
    failed: list[Outcome] = []
    open_items: list[Item] = []
    first = next((n.id for n in taxonomy.nodes if n.by_position), None)
    for item in items:
        kept = exported.labels.get(item.item_id)
        fault = exported.faults.get(item.item_id)
        if kept:
            decided.append(
                Label(
                    item_id=item.item_id,
                    facet=taxonomy.facet,
                    values=tuple(label.value for label in kept),
                    via={label.value: label.via for label in kept},
                    source="export",
                    labeller="export",
                    taxonomy_version=taxonomy.version,
                )
            )
        elif first is not None and item.position == 0:
            decided.append(
                Label(
                    item_id=item.item_id,
                    facet=taxonomy.facet,
                    values=(first,),
                    source="model",
                    labeller="position",
                    model_snapshot="position",
                    taxonomy_version=taxonomy.version,
                    confidence=1.0,
                )
            )
        elif fault and not (settings.relabel_unknown and settings.model != NONE):
            failed.append(Outcome(item.item_id, taxonomy.facet, "failed", fault, "export"))
        else:
            open_items.append(item)
    return decided, failed, open_items


def record_prediction(
    prediction: Prediction, tagger: LocalTagger, labeller: str
) -> tuple[list[Label], list[Outcome]]:
    """Return the label of a prediction, or the abstention that it is."""
    facet = tagger.taxonomy.facet
    if prediction.abstained:
        return [], [Outcome(prediction.item_id, facet, "abstained", prediction.abstained, labeller, 1)]
    label = Label(
        item_id=prediction.item_id,
        facet=facet,
        values=prediction.values,
        runner_up=prediction.runner_up,
        source="model",
        labeller=labeller,
        model_snapshot=tagger.snapshot,
        taxonomy_version=tagger.taxonomy.version,
        confidences=dict(prediction.ranking),
    )
    return [label], []


def _open_embedder(settings: TagSettings, memo: PartStore | None) -> VectorMemo | None:
    if settings.model == NONE:
        return None
    if settings.model == LEXICAL:
        return VectorMemo(HashedWords())
    if settings.model == LOCAL:
        return VectorMemo(load_embedder(settings.weights_dir), memo)
    raise ConfigError(f"unknown tag.model {settings.model!r}")
