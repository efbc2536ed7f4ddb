"""Prefect task: the report page and the figures of a release."""

from __future__ import annotations

from prefect import task

from schemas.run import BuiltRelease, RunContext, TableSet
from tasks.memo.steps import StepFolder, run_step
from tasks.report.figures import render_figures
from tasks.report.gather import gather_inputs
from tasks.report.page import render_report
from tasks.storage.store import open_store

STEP_VERSION = 1


@task(name="write report")
def write_report(
    run: RunContext, built: BuiltRelease, stats: TableSet, gate: TableSet, proof: TableSet
) -> TableSet:
    """Write `report.html` and `figures/`."""
    private = open_store(run.private)

    def build(folder: StepFolder) -> None:
        inputs = gather_inputs(run, built, stats, gate, proof)
        for name, data in render_figures(inputs).items():
            folder.bytes(name, data)
        folder.bytes("report.html", render_report(inputs))

    parts = {
        "built": built.tables.fingerprint,
        "stats": stats.fingerprint,
        "gate": gate.fingerprint,
        "proof": proof.fingerprint,
        "settings": run.settings.report.model_dump(),
    }
    return run_step(private, "report", STEP_VERSION, parts, build)
