"""Prefect task: every figure of the release."""

from __future__ import annotations

import io
import json
from typing import Any

from prefect import task

from schemas.fields import BASE_TABLES
from schemas.run import BuiltRelease, RunContext, TableSet
from tasks.memo.steps import StepFolder, run_step
from tasks.publish.layout import side_file
from tasks.publish.origin import digest_taxonomy
from tasks.stats.comparison import list_comparison
from tasks.stats.compute import compute_stats
from tasks.stats.metrics import metrics
from tasks.storage.store import Store, open_store
from tasks.storage.tables import read_json, scan_table
from tasks.tag.chosen import choose_taxonomies
from tasks.tag.costs import sum_costs

STEP_VERSION = 4
STATS = "stats.json"


@task(name="count", task_run_name="count")
def compute_statistics(
    run: RunContext,
    built: BuiltRelease,
    labelled: tuple[TableSet, ...],
    measured: TableSet,
    proof: TableSet,
) -> TableSet:
    """Write `stats`, `metrics` and `stats/<name>.parquet`."""
    private, store = open_store(run.private), open_store(run.store)
    previous = _read_previous(store, built.parent) if run.policy == "strict" else None
    taxonomies = choose_taxonomies(store, run.taxonomy_files)

    def build(folder: StepFolder) -> None:
        tables = {t.name: scan_table(private, built.tables[t.name], t) for t in BASE_TABLES}
        stats = compute_stats(
            tables,
            taxonomies=taxonomies,
            settings=run.settings.stats,
            min_cell=run.settings.privacy.min_cell,
            policy=run.policy,
            quality=read_json(private, measured["quality"].uri),
            privacy=read_json(private, proof["privacy"].uri),
            cost=sum_costs(read_json(private, part["cost"].uri) for part in (*labelled, measured)),
            previous=previous,
        )
        folder.json("stats", stats.document)
        folder.json("metrics", metrics(stats.model))
        for name, frame in stats.tables.items():
            buffer = io.BytesIO()
            frame.write_parquet(buffer)
            folder.bytes(f"stats/{name}.parquet", buffer.getvalue())

    parts = {
        "built": built.tables.fingerprint,
        "proof": proof.fingerprint,
        "labelled": [s.fingerprint for s in labelled],
        "measured": measured.fingerprint,
        "settings": run.settings.stats.model_dump(),
        "comparison": list_comparison(run.settings.stats.compare_to),
        "min_cell": run.settings.privacy.min_cell,
        "policy": run.policy,
        "previous": previous,
        "taxonomies": {facet: digest_taxonomy(t) for facet, t in taxonomies.items()},
    }
    return run_step(private, "stats", STEP_VERSION, parts, build)


def _read_previous(store: Store, parent: str) -> dict[str, Any] | None:
    """The last release's `stats.json`; None for a first release or one that has none."""
    if not parent or store.head(side_file(parent, STATS)) is None:
        return None
    loaded: dict[str, Any] = json.loads(store.get(side_file(parent, STATS)))
    return loaded
