"""What a taxonomy change asks of the labels there are: kept, mapped, asked again, or left to a person.

Rename and move touch no label. A merge maps. A split asks only the items with that label, and only between
the parts; where a domain's subtopics say which part, nobody is asked. A removed node gives way to the stored runner-up, else is asked. An added node is offered to
unsure items, to those the head puts near it, and to an audit sample. A redefined node is asked for the
items that have it as label or runner-up. Where a domain itself is in question, one question over all leaves
settles domain and subtopic together. Labels of people are never overwritten.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from schemas.errors import TaxonomyError
from schemas.taxonomies import Taxonomy, explain_changes, map_merged
from tasks.tag.items import Item
from tasks.tag.retag_asks import Ask, Row, ask_for, is_flat

Nearest = Callable[[str], frozenset[str]]
"""Item ids that the local head puts near a new node."""


@dataclass(frozen=True, slots=True)
class FacetRetag:
    """The plan for one facet.

    Attributes:
        old: taxonomy of the labels there are.
        new: taxonomy to come.
        rows: rows that stand without a question, as in the `labels` table.
        asks: questions, at most one an item and decision set.
        pending: rows that stand until their question is answered: item id to rows.
        human: items whose label a person gave and a change put in doubt: item id to node id.
        orphaned: items whose person's label names a node that is gone; without a label until reviewed.
        items: items of the facet by id.
        touched: for each change, the items it asks about.
    """

    old: Taxonomy
    new: Taxonomy
    rows: list[Row]
    asks: list[Ask]
    pending: dict[str, list[Row]]
    human: dict[str, str]
    orphaned: list[str]
    items: Mapping[str, Item]
    touched: dict[int, int] = field(default_factory=dict[int, int])


def plan_facet(
    labels: pl.DataFrame,
    items: Sequence[Item],
    old: Taxonomy,
    new: Taxonomy,
    nearest: Nearest,
) -> FacetRetag:
    """Plan the change of one facet.

    Args:
        labels: `labels` table of the release; rows of other facets are ignored.
        items: items of the facet, from the release's own texts.
        old: taxonomy of those labels.
        new: taxonomy to come.
        nearest: asked for each added node.

    Raises:
        TaxonomyError: the changes do not explain the difference.
    """
    if new.facet != old.facet:
        raise TaxonomyError(f"the taxonomy file is of facet {new.facet}, not {old.facet}")
    explain_changes(old, new)
    by_item: dict[str, list[Row]] = {}
    for row in labels.filter(pl.col("facet") == old.facet).sort("item_id", "value").to_dicts():
        by_item.setdefault(row["item_id"], []).append(row)
    known = {i.item_id: i for i in items}
    plan = FacetRetag(old, new, [], [], {}, {}, [], known)
    added = {n: nearest(change.to[0]) for n, change in enumerate(new.changes) if change.kind == "add"}
    for item_id, rows in by_item.items():
        item = known.get(item_id)
        if item is not None:
            _plan_item(plan, item, rows, added)
    return plan


def _plan_item(plan: FacetRetag, item: Item, rows: list[Row], added: Mapping[int, frozenset[str]]) -> None:
    new = plan.new
    if any(r["source"] == "human" for r in rows):
        _plan_human(plan, item, rows)
        return
    mapped = _carry(rows, plan.old, new)
    asks: dict[str, Ask] = {}
    for n, change in enumerate(new.changes):
        ask = ask_for(new, plan.old, item, rows, mapped, n, change, added.get(n, frozenset()))
        if ask is not None:
            plan.touched[n] = plan.touched.get(n, 0) + 1
            known = asks.get(ask.question.decisions.digest)
            asks[ask.question.decisions.digest] = (
                ask
                if known is None
                else Ask(
                    ask.question,
                    ask.replaces | known.replaces,
                    known.change,
                    ask.is_optional and known.is_optional,
                )
            )
    flat = next((a for a in asks.values() if is_flat(new, a)), None)
    if flat is not None:
        # it settles everything about the item
        asks = {"": flat}
    if not new.multi_label and len(asks) > 1:
        # one question settles an item with one label: the one that offers most
        widest = max(asks.values(), key=lambda a: (len(a.question.decisions.choices), -a.change))
        asks = {"": widest}
    plan.asks.extend(asks.values())
    if asks:
        plan.pending[item.item_id] = mapped
    else:
        plan.rows.extend(mapped)


def _plan_human(plan: FacetRetag, item: Item, rows: list[Row]) -> None:
    doubted = {
        value
        for change in plan.new.changes
        if change.kind in ("split", "redefine", "remove")
        for value in (change.from_ or change.to)
    }
    mapped = _carry(rows, plan.old, plan.new)
    plan.rows.extend(mapped)
    for row in rows:
        if row["value"] in doubted:
            plan.human[item.item_id] = row["value"]
    if not mapped:
        plan.orphaned.append(item.item_id)


def _carry(rows: list[Row], old: Taxonomy, new: Taxonomy) -> list[Row]:
    """Return the rows as the new version has them, without those whose node is gone."""
    merged = map_merged(new)
    removed = {c.from_[0] for c in new.changes if c.kind == "remove"}
    values = {merged.get(r["value"], r["value"]) for r in rows}
    carried: dict[str, Row] = {}
    for row in rows:
        value = str(merged.get(row["value"], row["value"]))
        runner_up: str | None = row["runner_up"]
        if runner_up is not None:
            runner_up = merged.get(runner_up, runner_up)
        via = "mapped" if value != row["value"] else "carried"
        if (
            value in removed
            and not new.multi_label
            and runner_up
            and runner_up in new
            and row["source"] != "human"
        ):
            value, runner_up, via = runner_up, None, "mapped"
            row = {**row, "confidence": None}
        if value not in new:
            continue
        if runner_up not in new or runner_up in values:
            runner_up = None
        carried.setdefault(
            value,
            {**row, "value": value, "runner_up": runner_up, "via": via, "taxonomy_version": new.version},
        )
    return _with_parents(carried, old, new)


def _with_parents(carried: dict[str, Row], old: Taxonomy, new: Taxonomy) -> list[Row]:
    # a subtopic that moved takes its domain along; a domain that only it stood for goes
    moved = {c.to[0] for c in new.changes if c.kind == "move"} & carried.keys()
    left = {old.parent_of(v) for v in moved if v in old} - {
        new.parent_of(v) for v in carried if new.parent_of(v)
    }
    rows = {v: r for v, r in carried.items() if v not in left or v in moved}
    for value, row in list(rows.items()):
        parent = new.parent_of(value)
        if parent is not None and parent not in rows:
            rows[parent] = {**row, "value": parent, "runner_up": None, "via": "mapped"}
    return [rows[v] for v in sorted(rows)]
