"""Labels that came with an export: normalised, checked, kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from schemas.taxonomies import Taxonomy, diff_taxonomies, map_merged, taxonomy_versions
from tasks.tag.items import Item

UNKNOWN_LABEL = "unknown_export_label"
AMBIGUOUS_LABEL = "several_export_labels"
FIRST_VERSION = "v1"
"""Labels of an export count as made under the first version of a taxonomy."""


@dataclass(frozen=True, slots=True)
class ExportLabel:
    """One label of an export in the taxonomy now in force.

    Attributes:
        value: node id.
        via: `direct`, or `mapped` where a merge took the exported node in.
    """

    value: str
    via: str


@dataclass(frozen=True, slots=True)
class ExportedLabels:
    """What an export says about the items of one facet.

    Attributes:
        labels: item id to its labels.
        faults: item id to a named reason why its label cannot be used.
        n_outdated: items whose label a taxonomy change touched, so that they are labelled anew.
        n_orphans: labels of items that are not in the tables.
    """

    labels: Mapping[str, tuple[ExportLabel, ...]]
    faults: Mapping[str, str]
    n_outdated: int
    n_orphans: int


def read_exported(labels: pl.DataFrame, taxonomy: Taxonomy, items: Sequence[Item]) -> ExportedLabels:
    """Bring the labels of an export into the taxonomy in force.

    Ids and display names are recognised in any case and spacing. A blank label counts as none. An item
    with one unknown label is at fault as a whole, because half a set of topics would look complete.

    Args:
        labels: item_id, facet, value (string), as exported.
        taxonomy: the facet's taxonomy.
        items: items of the facet.
    """
    rows = labels.filter((pl.col("facet") == taxonomy.facet) & (pl.col("value").str.strip_chars() != ""))
    known = {i.item_id for i in items}
    found: dict[str, list[str]] = {}
    n_orphans = 0
    for item_id, value in rows.select("item_id", "value").sort("item_id", "value").iter_rows():
        if item_id in known:
            found.setdefault(item_id, []).append(value)
        else:
            n_orphans += 1
    original = taxonomy_versions(taxonomy.facet)[FIRST_VERSION]
    touched, merged = _changes_since(original, taxonomy)
    spelled = {value for values in found.values() for value in values}
    node_of = {value: original.resolve(value) or taxonomy.resolve(value) for value in spelled}
    labels_of: dict[str, tuple[ExportLabel, ...]] = {}
    faults: dict[str, str] = {}
    n_outdated = 0
    for item_id, values in found.items():
        resolved = {node_of[v] for v in values}
        if None in resolved:
            faults[item_id] = UNKNOWN_LABEL
            continue
        nodes = {v for v in resolved if v is not None}
        if len(nodes) > 1 and not taxonomy.multi_label:
            faults[item_id] = AMBIGUOUS_LABEL
        elif nodes & touched:
            n_outdated += 1
        else:
            kept = {merged.get(v, v): "mapped" if v in merged else "direct" for v in sorted(nodes)}
            labels_of[item_id] = tuple(ExportLabel(v, via) for v, via in _with_parents(kept, taxonomy))
    return ExportedLabels(labels_of, faults, n_outdated, n_orphans)


def _changes_since(original: Taxonomy, taxonomy: Taxonomy) -> tuple[set[str], dict[str, str]]:
    """Return the nodes whose export labels no longer hold, and those that were merged into another."""
    diff = diff_taxonomies(original, taxonomy)
    merged = {old: new for old, new in map_merged(taxonomy).items() if old in original}
    split = {c.from_[0] for c in taxonomy.changes if c.kind == "split"}
    reshaped_by_merge = {c.to[0] for c in taxonomy.changes if c.kind == "merge"}
    touched = (diff.gone | diff.redefined | split) - merged.keys() - (reshaped_by_merge - split)
    return set(touched), merged


def _with_parents(kept: Mapping[str, str], taxonomy: Taxonomy) -> list[tuple[str, str]]:
    parents = {taxonomy.parent_of(v): via for v, via in kept.items() if taxonomy.parent_of(v)}
    return sorted({**{p: via for p, via in parents.items() if p}, **kept}.items())
