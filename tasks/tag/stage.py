"""The tagging stage: tables in, labels out, every item accounted for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from schemas.config import TagSettings
from schemas.fields import FACETS
from schemas.taxonomies import Taxonomy
from tasks.memo.labels import LabelMemo
from tasks.memo.parts import PartStore
from tasks.memo.vectors import VectorMemo
from tasks.tag.ask import ask_models
from tasks.tag.budget import Budget
from tasks.tag.decided import read_decisions, split_decided
from tasks.tag.embedding import load_embedder
from tasks.tag.exported import read_exported
from tasks.tag.features import list_texts
from tasks.tag.items import Gold, Item, collect_items
from tasks.tag.lexical import HashedWords
from tasks.tag.local import LocalTagger, Prediction, fit_tagger, list_training_texts
from tasks.tag.result import Label, Outcome, TagResult, build_labels, build_outcomes, count_outcomes
from tasks.tag.review import Doubt, build_review, find_doubts
from tasks.tag.sending import Chat
from tasks.tag.session import Session

LOCAL = "local"
LEXICAL = "lexical"
NONE = "none"
NAMES = {LOCAL: "local/head", LEXICAL: "local/lexical"}
"""Names under which the local taggers stand in `labeller`; both are accepted in `tag.model`."""


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
    human_labels: pl.DataFrame | None = None,
    now: datetime,
    clients: Sequence[Chat] | None = None,
    budget: Budget | None = None,
    may_ask: bool = True,
) -> TagResult:
    """Label the items of some conversations in every facet.

    A person's decision holds before all; a label of the export is kept unless a taxonomy change touched its
    node; the first message of a user is a first request by position; everything else is asked of
    `settings.model`.

    Args:
        conversations: `conversation_id`, `n_messages`.
        messages: `message_id`, `conversation_id`, `position`, `role`, `content` (scrubbed).
        thoughts: `thought_id`, `conversation_id`, `message_id`, `kind`, `content` (scrubbed).
        export_labels: item_id, facet, value (string), as exported.
        taxonomies: facet to taxonomy.
        settings: which model, and its limits.
        memo: private store that remembers vectors and paid answers; None remembers nothing.
        gold: labels taken as right, to fit and measure the local tagger.
        human_labels: item_id, facet, value, reviewer (string): decisions of people, which win over all.
        now: time of the run.
        clients: clients of the models of a comma list; None makes them.
        budget: shared with other parts of the same run; None opens one from the settings.
        may_ask: whether models may be asked what the memo does not know; a dry run asks nothing.

    Raises:
        ConfigError: the model cannot be used.
        BudgetError: a price is not known, or the budget is spent; answers so far are remembered.
        ProviderError: no model answers any more; answers so far are remembered.
        DataError: replay misses an answer, or an item was lost; the row law is
            items = labelled + abstained + failed + not asked.
    """
    items = collect_items(conversations, messages, thoughts)
    embedder = open_embedder(settings, memo)
    session = open_session(settings, memo, now, clients, budget, may_ask=may_ask)
    labels: list[Label] = []
    outcomes: list[Outcome] = []
    doubts: list[Doubt] = []
    counts: dict[str, dict[str, int]] = {}
    try:
        for facet in FACETS:
            taxonomy = taxonomies[facet]
            exported = read_exported(export_labels, taxonomy, items[facet])
            decided, failed, open_items = split_decided(
                taxonomy, items[facet], exported, settings, read_decisions(human_labels, taxonomy)
            )
            of_facet = [g for g in gold if g.facet == facet]
            answer = label_items(taxonomy, open_items, settings, embedder, session, of_facet)
            facet_labels, facet_outcomes = [*decided, *answer.labels], [*failed, *answer.outcomes]
            counts[facet] = {
                **count_outcomes(facet, len(items[facet]), facet_labels, facet_outcomes),
                "export_labels_outdated": exported.n_outdated,
                "export_labels_orphaned": exported.n_orphans,
            }
            labels += facet_labels
            outcomes += facet_outcomes
            doubts += find_doubts(taxonomy, answer)
    finally:
        # what was computed or paid for is kept, however the run ends
        if embedder is not None:
            embedder.save()
    return TagResult(
        labels=build_labels(labels),
        dead_letters=build_outcomes(outcomes),
        review=build_review(doubts, items),
        cost=session.ledger.as_dict() if session else {},
        counts=counts,
    )


@dataclass(frozen=True, slots=True)
class FacetAnswer:
    """What was found for the open items of one facet.

    Attributes:
        labels: labels given.
        outcomes: items without one, and why.
        heads: what the local head says, where it was asked as well.
    """

    labels: list[Label]
    outcomes: list[Outcome]
    heads: Mapping[str, Prediction]


def label_items(
    taxonomy: Taxonomy,
    items: Sequence[Item],
    settings: TagSettings,
    embedder: VectorMemo | None,
    session: Session | None,
    gold: Sequence[Gold],
) -> FacetAnswer:
    """Label items with the head, with models, or with both: the head where it is sure, models elsewhere.

    Row law: every item is in exactly one of labels and outcomes.
    """
    facet = taxonomy.facet
    if not items:
        return FacetAnswer([], [], {})
    if embedder is None:
        return FacetAnswer([], [Outcome(i.item_id, facet, "not_asked", "no_model") for i in items], {})
    embedder.recall([*list_training_texts(taxonomy, gold), *list_texts(facet, items)])
    tagger = fit_tagger(taxonomy, embedder, gold)
    predictions = tagger.predict(items, settings.abstain_below)
    heads = {p.item_id: p for p in predictions}
    if session is None:
        asked = predictions
        rest: list[Item] = []
    else:
        trusted = settings.cascade_above if settings.cascade else 1.1
        asked = [p for p in predictions if p.confidence >= trusted and not p.abstained]
        kept = {p.item_id for p in asked}
        rest = [i for i in items if i.item_id not in kept]
    labels: list[Label] = []
    outcomes: list[Outcome] = []
    for prediction in asked:
        given, missing = record_prediction(prediction, tagger, NAMES.get(settings.model, NAMES[LOCAL]))
        labels += given
        outcomes += missing
    if session is not None:
        given, missing = ask_models(session, taxonomy, rest)
        labels += given
        outcomes += missing
    return FacetAnswer(labels, outcomes, heads)


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


def open_embedder(settings: TagSettings, memo: PartStore | None) -> VectorMemo | None:
    """Return what turns texts into vectors, or None where no model is wanted."""
    if settings.model == NONE:
        return None
    if settings.model in (LEXICAL, NAMES[LEXICAL]):
        return VectorMemo(HashedWords())
    return VectorMemo(load_embedder(settings.weights_dir), memo)


def open_session(
    settings: TagSettings,
    memo: PartStore | None,
    now: datetime,
    clients: Sequence[Chat] | None = None,
    budget: Budget | None = None,
    *,
    may_ask: bool = True,
) -> Session | None:
    """Return the way to the models of the settings, or None where only local ones are named."""
    if not asks_models(settings):
        return None
    return Session(settings, LabelMemo(memo), now, clients, budget, may_ask=may_ask)


def asks_models(settings: TagSettings) -> bool:
    """Whether any model beside the embedded ones is named."""
    return settings.model not in (NONE, *NAMES, *NAMES.values())
