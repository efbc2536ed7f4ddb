"""Labels from models: items to questions, answers to labels; topics level by level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from schemas.taxonomies import Taxonomy
from tasks.memo.labels import MemoRow
from tasks.tag.items import Item
from tasks.tag.questions import DecisionSet, Question, build_decisions
from tasks.tag.result import Label, Outcome
from tasks.tag.session import NOT_ASKED, Session

NO_TEXT = "no_text"


def ask_models(
    session: Session, taxonomy: Taxonomy, items: Sequence[Item]
) -> tuple[list[Label], list[Outcome]]:
    """Ask for a label of every item; each comes back as a label or as an outcome that says why not.

    An item without words is never sent. Where a level below cannot be had, the labels of the level
    above stand.

    Raises:
        BudgetError: the budget is spent.
        ProviderError: no model is left.
        DataError: replay is on, and the memo does not know an answer.
    """
    outcomes = [
        Outcome(i.item_id, taxonomy.facet, "abstained", NO_TEXT, session.models[0])
        for i in items
        if i.is_empty
    ]
    session.offer(taxonomy)
    asked = [i for i in items if not i.is_empty]
    top = build_decisions(taxonomy)
    rows, faults = session.ask([Question(i, top) for i in asked])
    below = _ask_below(session, taxonomy, asked, rows)
    labels: list[Label] = []
    for index, item in enumerate(asked):
        row = rows.get(index)
        if row is None:
            name, attempts = faults[index]
            kind = "not_asked" if name == NOT_ASKED else "failed"
            outcomes.append(Outcome(item.item_id, taxonomy.facet, kind, name, session.models[0], attempts))
        elif row.abstained:
            outcomes.append(Outcome(item.item_id, taxonomy.facet, "abstained", row.abstained, row.model, 1))
        else:
            labels.append(make_label(item, taxonomy, row, below.get(index, ())))
    return labels, outcomes


def _ask_below(
    session: Session, taxonomy: Taxonomy, items: Sequence[Item], rows: Mapping[int, MemoRow]
) -> dict[int, tuple[str, ...]]:
    parents = [
        (index, value)
        for index, row in sorted(rows.items())
        for value in row.values
        if taxonomy.children(value)
    ]
    sets: dict[str, DecisionSet] = {
        v: build_decisions(taxonomy, v) for v in dict.fromkeys(v for _, v in parents)
    }
    if not sets:
        return {}
    found, _ = session.ask([Question(items[index], sets[value]) for index, value in parents])
    below: dict[int, tuple[str, ...]] = {}
    for n, (index, _) in enumerate(parents):
        if n in found:
            below[index] = (*below.get(index, ()), *found[n].values)
    return below


def make_label(
    item: Item, taxonomy: Taxonomy, row: MemoRow, below: Sequence[str] = (), via: str = "direct"
) -> Label:
    """Return the label that a model's answer is."""
    return Label(
        item_id=item.item_id,
        facet=taxonomy.facet,
        values=(*row.values, *below),
        runner_up=row.runner_up,
        source="model",
        via=via,
        labeller=row.model,
        model_snapshot=row.model_snapshot,
        taxonomy_version=taxonomy.version,
        prompt_sha256=row.prompt_sha256,
        confidence=row.confidence,
        labelled_at=row.labelled_at,
    )
