"""Examples written for this project, one list a label: what the local tagger knows without gold."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any, cast

import yaml

from schemas.taxonomies import Taxonomy, load_taxonomies, map_merged
from tasks.tag.items import Gold, Item, make_item


@cache
def _read(facet: str) -> dict[str, list[Any]]:
    text = (resources.files("tasks.tag") / "seeds" / f"{facet}.yaml").read_text(encoding="utf-8")
    return cast("dict[str, list[Any]]", yaml.safe_load(text))


def load_seeds(taxonomy: Taxonomy) -> list[Gold]:
    """Return the seed examples that fit a taxonomy, with those that its own texts give.

    A node that a merge took in lends its seeds to the node it became. A node that no seed knows is
    learned from its definition and examples alone. Nodes decided by position have none.
    """
    facet = taxonomy.facet
    merged = map_merged(taxonomy)
    shipped = load_taxonomies()[facet]
    choices = {n.id for n in taxonomy.choices}
    gold: list[Gold] = []
    for value, rows in _read(facet).items():
        target = merged.get(value, value)
        if target not in choices or not _means_the_same(value, target, taxonomy, shipped):
            continue
        for i, row in enumerate(rows):
            gold.append(Gold(_make_seed(f"seed-{value}-{i}", facet, row), facet, target))
    for node in taxonomy.choices:
        for i, text in enumerate((node.definition, *node.examples)):
            item = make_item(f"node-{node.id}-{i}", facet, text, group="taxonomy")
            gold.append(Gold(item, facet, node.id))
    return gold


def _means_the_same(value: str, target: str, taxonomy: Taxonomy, shipped: Taxonomy) -> bool:
    # after a split that keeps the id, seeds of the wider meaning would mislead
    narrowed = {c.from_[0] for c in taxonomy.changes if c.kind == "split"}
    return value != target or value not in shipped or value not in narrowed


def _make_seed(item_id: str, facet: str, row: Any) -> Item:
    if facet == "topic":
        return make_item(item_id, facet, row)
    if facet == "relationship":
        before, text = row
        return make_item(item_id, facet, text, before, position=2)
    position, text, *rest = row
    return make_item(item_id, facet, text, rest[0] if rest else "", position)
