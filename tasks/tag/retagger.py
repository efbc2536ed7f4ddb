"""What planning and carrying out a re-tag share: settings, models, memo and the local head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from schemas.config import TagSettings
from schemas.taxonomies import Taxonomy
from tasks.memo.parts import PartStore
from tasks.memo.vectors import VectorMemo
from tasks.tag.budget import Budget
from tasks.tag.features import list_texts
from tasks.tag.items import Gold, Item
from tasks.tag.local import LocalTagger, fit_tagger, list_training_texts
from tasks.tag.sending import Chat
from tasks.tag.session import Session
from tasks.tag.stage import open_embedder, open_session


@dataclass(frozen=True, slots=True)
class Retagger:
    """What planning and applying share: texts, models, memo.

    Attributes:
        settings: which model.
        embedder: for the local head; None where the model is `none`.
        session: way to the models; None where only local ones are named.
        gold: to fit the local head.
    """

    settings: TagSettings
    embedder: VectorMemo | None
    session: Session | None
    gold: Sequence[Gold]


def open_retagger(
    settings: TagSettings,
    memo: PartStore | None,
    now: datetime,
    gold: Sequence[Gold] = (),
    clients: Sequence[Chat] | None = None,
    budget: Budget | None = None,
    *,
    may_ask: bool = True,
) -> Retagger:
    """Return what a re-tag needs, opened once."""
    session = open_session(settings, memo, now, clients, budget, may_ask=may_ask)
    return Retagger(settings, open_embedder(settings, memo), session, gold)


def fit_to(taxonomy: Taxonomy, items: Sequence[Item], retagger: Retagger) -> LocalTagger | None:
    """Return the local head fitted to a taxonomy, with the vectors of these items at hand; None without one."""
    if retagger.embedder is None:
        return None
    gold = [g for g in retagger.gold if g.facet == taxonomy.facet]
    retagger.embedder.recall([*list_training_texts(taxonomy, gold), *list_texts(taxonomy.facet, items)])
    return fit_tagger(taxonomy, retagger.embedder, gold)
