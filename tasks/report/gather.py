"""Collect what the report and the metadata are written from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl

from schemas.fields import BASE_TABLES
from schemas.run import BuiltRelease, RunContext, TableSet
from tasks.publish.layout import side_file
from tasks.report.inputs import ReportInputs
from tasks.storage.store import Store, open_store
from tasks.storage.tables import fetch_table, read_json
from tasks.tag.chosen import choose_taxonomies


def gather_inputs(
    run: RunContext,
    built: BuiltRelease,
    stats: TableSet,
    gate: TableSet,
    scratch: Path,
    provenance: dict[str, Any] | None = None,
) -> ReportInputs:
    """Read the documents of a release that is not staged yet and open its scrubbed tables.

    Args:
        run: where it lies.
        built: the tables.
        stats: the figures.
        gate: the verdict.
        scratch: where tables go that are not files of this machine; it must outlive the inputs.
        provenance: `schemas.manifest.ReleaseInfo` as a dictionary.
    """
    private, store = open_store(run.private), open_store(run.store)
    tables = {
        t.name: pl.scan_parquet(fetch_table(private, built.tables[t.name], t, scratch)) for t in BASE_TABLES
    }
    last_day = tables["conversations"].select(pl.col("started_at").max()).collect().item()
    document = read_json(private, stats["stats"].uri)
    return ReportInputs(
        version=built.version,
        parent_version=built.parent or None,
        parent_stats=_parent_stats(store, built.parent),
        # the data's own last day, so that the same inputs give the same page
        created_at=last_day,
        settings=run.settings.report,
        policy=run.policy,
        stats=document,
        gate=read_json(private, gate["gate"].uri),
        privacy=document["privacy"],
        quality=document["labelling"]["quality"],
        cost=document["cost"],
        provenance=provenance or {},
        changes=tables["changes"].collect(),
        funnel=tables["funnel"].collect(),
        quarantine_summary=tables["quarantine_summary"].collect(),
        tables=tables,
        taxonomies={
            facet: taxonomy.nodes for facet, taxonomy in choose_taxonomies(store, run.taxonomy_files).items()
        },
    )


def _parent_stats(store: Store, parent: str) -> dict[str, Any] | None:
    if not parent or store.head(side_file(parent, "stats.json")) is None:
        return None
    loaded: dict[str, Any] = json.loads(store.get(side_file(parent, "stats.json")))
    return loaded
