"""What the memo learns from a re-tag: the labels there are now, as answers under the new decision sets.

Without it the release after a re-tag would ask about every item anew, because each decision set changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import polars as pl

from schemas.taxonomies import Taxonomy
from tasks.memo.labels import MemoRow
from tasks.memo.parts import text_key
from tasks.tag.items import Item
from tasks.tag.questions import DecisionSet, Question, build_decisions
from tasks.tag.retag import FacetRetag
from tasks.tag.retag_asks import Row
from tasks.tag.session import Session

NOTHING_BELOW = "no_subtopic"
"""Why the memo holds no subtopic for a domain: the re-tag left none."""


def remember_labels(plan: FacetRetag, rows: Sequence[Row], labels: pl.DataFrame, session: Session) -> int:
    """Note labels and abstentions under the new decision sets; returns how many answers were noted.

    Only items whose labels all come from one of the session's models are noted: the others are decided
    without a model, or by another one. An answer that the memo holds already is replaced where the re-tag
    says otherwise.

    Args:
        plan: the plan of the facet.
        rows: labels of the facet now.
        labels: `labels` table before.
        session: way to the memo.
    """
    new = plan.new
    by_item: dict[str, list[Row]] = {}
    for row in rows:
        by_item.setdefault(row["item_id"], []).append(row)
    sets: dict[str, DecisionSet] = {n.id: build_decisions(new, n.id) for n in new.roots if new.children(n.id)}
    top = build_decisions(new)
    answers: list[MemoRow] = []
    for item_id, of_item in by_item.items():
        item = plan.items.get(item_id)
        if item is None or any(r["labeller"] not in session.models for r in of_item):
            continue
        roots = [r for r in of_item if new.parent_of(r["value"]) is None]
        answers.append(_note(Question(item, top), roots, roots[0]))
        for row in roots:
            if row["value"] in sets:
                below = [r for r in of_item if new.parent_of(r["value"]) == row["value"]]
                answers.append(_note(Question(item, sets[row["value"]]), below, row))
    answers += _carry_abstentions(plan.old, top, plan.items, labels, session)
    known = session.memo.find([a.key for a in answers])
    fresh = [
        replace(a, labelled_at=session.now) if a.key in known else a
        for a in answers
        if a.key not in known or known[a.key].values != a.values
    ]
    session.memo.add(fresh)
    return len(fresh)


def _note(question: Question, rows: Sequence[Row], source: Row) -> MemoRow:
    return MemoRow(
        key=question.key(source["labeller"]),
        text_key=text_key(question.item.text),
        facet=source["facet"],
        values=tuple(r["value"] for r in rows),
        runner_up=source["runner_up"],
        confidence=source["confidence"],
        abstained="" if rows else NOTHING_BELOW,
        model=source["labeller"],
        model_snapshot=source["model_snapshot"] or "",
        prompt_sha256=source["prompt_sha256"] or "",
        input_tokens=0,
        output_tokens=0,
        cost_usd=0.0,
        labelled_at=source["labelled_at"],
    )


def _carry_abstentions(
    old: Taxonomy, top: DecisionSet, items: Mapping[str, Item], labels: pl.DataFrame, session: Session
) -> list[MemoRow]:
    """A model that abstained under the old version is not asked again for a change that touched nothing."""
    labelled = set(labels.filter(pl.col("facet") == old.facet)["item_id"])
    silent = [i for i in items.values() if i.item_id not in labelled and not i.is_empty]
    before = build_decisions(old)
    found = session.find_known([Question(i, before) for i in silent])
    return [
        replace(row, key=Question(silent[n], top).key(row.model))
        for n, row in found.items()
        if row.abstained and not row.values
    ]
