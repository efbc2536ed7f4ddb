"""What needs no model: decisions of people, labels of the export, first messages; and what failed already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from schemas.config import TagSettings
from schemas.taxonomies import Taxonomy, map_merged
from tasks.tag.exported import ExportedLabels
from tasks.tag.items import Item
from tasks.tag.result import Label, Outcome


def read_decisions(
    human_labels: pl.DataFrame | None, taxonomy: Taxonomy
) -> dict[str, tuple[tuple[str, ...], str]]:
    """Return the decisions of people that the taxonomy still knows: item id to values and reviewer."""
    decisions: dict[str, tuple[tuple[str, ...], str]] = {}
    if human_labels is None:
        return decisions
    rows = human_labels.filter(pl.col("facet") == taxonomy.facet).sort("item_id", "value")
    merged = map_merged(taxonomy)
    for item_id, given, reviewer in rows.select("item_id", "value", "reviewer").iter_rows():
        value = str(merged.get(given, given))
        if value in taxonomy:
            values = (*decisions.get(item_id, ((), ""))[0], value)
            parent = taxonomy.parent_of(value)
            if parent is not None:
                values = (parent, *values)
            decisions[item_id] = (tuple(dict.fromkeys(values)), reviewer)
    return decisions


def split_decided(
    taxonomy: Taxonomy,
    items: Sequence[Item],
    exported: ExportedLabels,
    settings: TagSettings,
    decisions: Mapping[str, tuple[tuple[str, ...], str]],
) -> tuple[list[Label], list[Outcome], list[Item]]:
    """Return what is decided without a model, what failed already, and what is open."""
    decided: list[Label] = []
    failed: list[Outcome] = []
    open_items: list[Item] = []
    first = next((n.id for n in taxonomy.nodes if n.by_position), None)
    for item in items:
        kept = exported.labels.get(item.item_id)
        fault = exported.faults.get(item.item_id)
        decision = decisions.get(item.item_id)
        if decision:
            decided.append(
                Label(
                    item_id=item.item_id,
                    facet=taxonomy.facet,
                    values=decision[0],
                    source="human",
                    labeller=decision[1],
                    taxonomy_version=taxonomy.version,
                )
            )
        elif kept:
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
        elif fault and not (settings.relabel_unknown and settings.model != "none"):
            failed.append(Outcome(item.item_id, taxonomy.facet, "failed", fault, "export"))
        else:
            open_items.append(item)
    return decided, failed, open_items
