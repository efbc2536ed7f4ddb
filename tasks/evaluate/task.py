"""Prefect task: carry out one suite on a release and write its result folder."""

from __future__ import annotations

from contextvars import copy_context
from dataclasses import asdict
from typing import Any

from prefect import task

from schemas.errors import BudgetError, ProviderError
from schemas.run import RunContext
from tasks.evaluate.folder import Subject, write_results
from tasks.evaluate.plan import check_budget
from tasks.evaluate.progress import tell_progress
from tasks.evaluate.run import plan_evaluation, run_evaluation
from tasks.memo.steps import telling_no_data
from tasks.publish.releases import load_release
from tasks.storage.store import open_store
from tasks.tag.sending import BUDGET


@task(name="evaluate", task_run_name="evaluate {suite}")
def evaluate_suite(run: RunContext, version: str, suite: str, method: str) -> dict[str, Any]:
    """Return the summary of an evaluation, which holds numbers and names but no text.

    Raises:
        BudgetError: it would cost more than the budget (nothing is asked), or did (what there is is written).
        ProviderError: no model gave a single answer; the failures are written.
    """
    with telling_no_data(f"evaluation {suite}"):
        return _evaluate(run, version, suite, method)


def _evaluate(run: RunContext, version: str, suite: str, method: str) -> dict[str, Any]:
    private = open_store(run.private)
    release, tables = load_release(open_store(run.store), version)
    check_budget(asdict(plan_evaluation(suite, method, tables, run.settings, private)), run.settings)
    context = copy_context()
    evaluation = run_evaluation(
        suite,
        method,
        tables,
        run.settings,
        private,
        now=run.started_at,
        progress=lambda step, done, total: context.copy().run(tell_progress, step, done, total),
    )
    subject = Subject(release.version, release.sha256, release.is_yanked)
    summary = write_results(private, subject, evaluation, now=run.started_at)
    n_failed = sum(n for errors in summary["counts"]["failures"].values() for n in errors.values())
    if evaluation.stopped == BUDGET:
        raise BudgetError(
            f"the budget of {run.settings.evaluate.budget_usd:g} USD does not allow another call; "
            f"{summary['counts']['scores']:,} scores so far are in {summary['folder']}, the same command goes on "
            "from there with a higher --budget"
        )
    if summary["status"] == "failed":
        raise ProviderError(
            f"no answer could be used ({n_failed:,} failures); {summary['folder']} says why in failures.parquet, the "
            "same command tries again"
        )
    return summary
