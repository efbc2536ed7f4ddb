"""Prefect task: the report page and the figures of a release."""

from __future__ import annotations

import tempfile
from pathlib import Path

from prefect import task

from schemas.run import BuiltRelease, RunContext, TableSet
from tasks.memo.steps import StepFolder, run_step
from tasks.publish.origin import describe_origin
from tasks.report.figures import list_figures, render_figures
from tasks.report.gather import gather_inputs
from tasks.report.page import render_report
from tasks.storage.store import open_store
from tasks.storage.tables import read_json
from tasks.tag.chosen import choose_taxonomies

STEP_VERSION = 3


@task(name="write report", task_run_name="write report")
def write_report(
    run: RunContext,
    summary: TableSet,
    built: BuiltRelease,
    stats: TableSet,
    gate: TableSet,
    proof: TableSet,
) -> TableSet:
    """Write `report.html` and `figures/`."""
    private = open_store(run.private)
    origin = describe_origin(
        run.settings,
        run.policy,
        read_json(private, summary["report"].uri),
        choose_taxonomies(open_store(run.store), run.taxonomy_files),
        read_json(private, stats["stats"].uri)["cost"],
    ).model_dump(mode="json")

    def build(folder: StepFolder) -> None:
        with tempfile.TemporaryDirectory(
            dir=run.settings.run.scratch_dir or None, prefix="report-"
        ) as scratch:
            inputs = gather_inputs(run, built, stats, gate, Path(scratch), origin)
            figures = list_figures(inputs)
            for name, data in render_figures(inputs, figures).items():
                folder.bytes(name, data)
            folder.bytes("report.html", render_report(inputs, figures))

    parts = {
        "built": built.tables.fingerprint,
        "stats": stats.fingerprint,
        "gate": gate.fingerprint,
        "proof": proof.fingerprint,
        "settings": run.settings.report.model_dump(),
        "origin": origin,
    }
    return run_step(private, "report", STEP_VERSION, parts, build)
