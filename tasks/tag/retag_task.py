"""Prefect task: carry out a re-tag of a published release."""

from __future__ import annotations

from prefect import task

from schemas.fields import LABEL_REVIEW, LABELS, TAG_OUTCOMES
from schemas.run import RunContext, TableSet
from tasks.memo.steps import StepFolder, run_step
from tasks.publish.origin import digest_taxonomy
from tasks.publish.releases import load_release
from tasks.storage.store import open_store
from tasks.tag.budget import share_budget
from tasks.tag.chosen import choose_taxonomies
from tasks.tag.gold import load_gold
from tasks.tag.retag_plan import ITEMS, list_changed, make_plan
from tasks.tag.retag_run import apply_retag
from tasks.tag.stage import asks_models
from tasks.tag.task import IDLE_SETTINGS

STEP_VERSION = 2


@task(name="re-tag", task_run_name="re-tag")
def retag_labels(run: RunContext, version: str) -> TableSet:
    """Write the whole new `labels`, with the outcomes, the review queue and the cost.

    Raises:
        BudgetError: the calls would cost more than the budget.
        ProviderError: the provider failed for good; what was paid for is kept.
    """
    private, store = open_store(run.private), open_store(run.store)
    release, tables = load_release(store, version)
    new = list_changed(run, release.version)

    def build(folder: StepFolder) -> None:
        plan, retagger = make_plan(
            run, release, tables, share_budget(run.started_at, run.settings.tag.budget_usd)
        )
        result, _ = apply_retag(plan, *(tables[name] for name in ITEMS), retagger=retagger)
        folder.table("labels", result.labels, LABELS)
        folder.table("outcomes", result.dead_letters, TAG_OUTCOMES)
        folder.table("review", result.review, LABEL_REVIEW)
        folder.json("cost", result.cost)
        folder.json("counts", result.counts)

    parts = {
        "release": release.sha256,
        "taxonomies": {t.facet: digest_taxonomy(t) for t in new},
        "settings": run.settings.tag.model_dump(exclude=IDLE_SETTINGS),
        "gold": load_gold(private, choose_taxonomies(store, run.taxonomy_files)).digest,
        **({"is_dry": True} if run.is_dry and asks_models(run.settings.tag) else {}),
    }
    return run_step(private, "retag", STEP_VERSION, parts, build)
