"""Prefect task: judge the release against the last one, before anything is staged."""

from __future__ import annotations

import json
from typing import Any

from prefect import task

from schemas.errors import GateError
from schemas.fields import CHANGES
from schemas.params import SourceOptions
from schemas.run import BuiltRelease, RunContext, TableSet
from tasks.gate.overlap import read_overlap
from tasks.gate.policy import load_policy
from tasks.gate.run import run_gate, tell_failed
from tasks.memo.steps import StepFolder, run_step
from tasks.publish.layout import side_file
from tasks.storage.store import Store, open_store
from tasks.storage.tables import read_json, read_table

STEP_VERSION = 2
METRICS = "metrics.json"


@task(name="judge", task_run_name="judge")
def judge_release(
    run: RunContext,
    built: BuiltRelease,
    stats: TableSet,
    source: SourceOptions,
    *,
    must_pass: bool = True,
) -> TableSet:
    """Write `gate`: every check with its value, band and verdict.

    A withdrawal must not wait for anything, so its patch is judged but not held (`must_pass=False`).

    Raises:
        GateError: a critical check failed; names the checks and what to do.
    """
    private = open_store(run.private)
    policy = load_policy(run.settings.gate.policy_file)
    previous = _read_previous(open_store(run.store), built.parent)

    def build(folder: StepFolder) -> None:
        metrics = read_json(private, stats["metrics"].uri)
        changes = read_table(private, built.tables[CHANGES.name], CHANGES)
        result = run_gate(
            metrics,
            previous,
            policy,
            allow_removals=source.allow_removals,
            overlap=read_overlap(changes),
        )
        folder.json("gate", result.document)

    parts = {
        "stats": stats.fingerprint,
        "policy": policy.model_dump(mode="json"),
        "parent": built.parent,
        "built": built.tables.fingerprint,
        "previous": previous,
        "allow_removals": source.allow_removals,
    }
    files = run_step(private, "gate", STEP_VERSION, parts, build)
    document = read_json(private, files["gate"].uri)
    failed = [c for c in document["checks"] if not c["passed"] and c["severity"] == "critical"]
    if failed and must_pass:
        raise GateError(tell_failed(failed, f"{private.uri}/{files['gate'].uri}"))
    return files


def _read_previous(store: Store, parent: str) -> dict[str, Any] | None:
    """The last release's metrics; None for a first release or one that has none."""
    if not parent or store.head(side_file(parent, METRICS)) is None:
        return None
    loaded: dict[str, Any] = json.loads(store.get(side_file(parent, METRICS)))
    return loaded
