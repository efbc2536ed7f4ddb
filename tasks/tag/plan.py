"""What the tagging of some conversations will cost, before anything is spent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from schemas.config import TagSettings
from schemas.fields import FACETS
from schemas.taxonomies import Taxonomy
from tasks.memo.parts import PartStore
from tasks.tag.decided import read_decisions, split_decided
from tasks.tag.estimate import CallEstimate, estimate_calls
from tasks.tag.exported import read_exported
from tasks.tag.items import Gold, Item, collect_items
from tasks.tag.local import fit_tagger
from tasks.tag.questions import Question, build_decisions
from tasks.tag.sending import Chat
from tasks.tag.session import Session
from tasks.tag.stage import open_embedder, open_session


@dataclass(frozen=True, slots=True)
class TagPlan:
    """A tagging run before it starts.

    Attributes:
        estimate: calls, tokens, USD and time for each model and facet.
        n_items: facet to items.
        n_decided: facet to items that need no model (people, export, position, failed labels).
        n_local: facet to items that the local head answers.
        is_exact: whether the number of calls is exact; where the level above has not been answered yet,
            the calls for subtopics are the local head's guess of how many domains hold.
    """

    estimate: CallEstimate
    n_items: Mapping[str, int]
    n_decided: Mapping[str, int]
    n_local: Mapping[str, int]
    is_exact: bool


def plan_tagging(
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
) -> TagPlan:
    """Plan what `tag_release` would do with the same arguments; asks nothing and spends nothing."""
    items = collect_items(conversations, messages, thoughts)
    session = open_session(settings, memo, now, clients)
    questions: list[Question] = []
    n_items: dict[str, int] = {}
    n_decided: dict[str, int] = {}
    n_local: dict[str, int] = {}
    is_exact = True
    for facet in FACETS:
        taxonomy = taxonomies[facet]
        exported = read_exported(export_labels, taxonomy, items[facet])
        decided, failed, open_items = split_decided(
            taxonomy, items[facet], exported, settings, read_decisions(human_labels, taxonomy)
        )
        n_items[facet] = len(items[facet])
        n_decided[facet] = len(decided) + len(failed)
        if session is None:
            n_local[facet] = len(open_items) if settings.model != "none" else 0
            continue
        asked = _leave_to_head(taxonomy, open_items, settings, memo, gold)
        n_local[facet] = len(open_items) - len(asked)
        worded = [i for i in asked if not i.is_empty]
        top = [Question(i, build_decisions(taxonomy)) for i in worded]
        questions += top
        if any(taxonomy.children(n.id) for n in taxonomy.roots):
            below, known = _questions_below(session, taxonomy, top, settings, memo, gold)
            questions += below
            is_exact = is_exact and known
    return TagPlan(estimate_calls(questions, settings, session), n_items, n_decided, n_local, is_exact)


def _leave_to_head(
    taxonomy: Taxonomy,
    items: Sequence[Item],
    settings: TagSettings,
    memo: PartStore | None,
    gold: Sequence[Gold],
) -> list[Item]:
    if not settings.cascade or not items:
        return list(items)
    embedder = open_embedder(settings, memo)
    if embedder is None:
        return list(items)
    tagger = fit_tagger(taxonomy, embedder, [g for g in gold if g.facet == taxonomy.facet])
    predictions = tagger.predict(items, settings.abstain_below)
    embedder.save()
    return [
        i
        for i, p in zip(items, predictions, strict=True)
        if p.abstained or p.confidence < settings.cascade_above
    ]


def _questions_below(
    session: Session,
    taxonomy: Taxonomy,
    top: Sequence[Question],
    settings: TagSettings,
    memo: PartStore | None,
    gold: Sequence[Gold],
) -> tuple[list[Question], bool]:
    """Return the questions of the level below: known where the memo holds the level above, else guessed."""
    known = session.find_known(top)
    sets = {n.id: build_decisions(taxonomy, n.id) for n in taxonomy.roots if taxonomy.children(n.id)}
    guessed = [q.item for i, q in enumerate(top) if i not in known]
    parents: dict[str, tuple[str, ...]] = {
        top[i].item.item_id: tuple(v for v in row.values if v in sets) for i, row in known.items()
    }
    embedder = open_embedder(settings, memo) if guessed else None
    if embedder is not None:
        tagger = fit_tagger(taxonomy, embedder, [g for g in gold if g.facet == taxonomy.facet])
        for prediction in tagger.predict(guessed):
            parents[prediction.item_id] = tuple(v for v in prediction.values if v in sets)
        embedder.save()
    questions = [Question(q.item, sets[parent]) for q in top for parent in parents.get(q.item.item_id, ())]
    return questions, not guessed
