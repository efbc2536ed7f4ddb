"""Prefect tasks: what tagging will cost, before anything is spent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from prefect import task

from schemas.run import RunContext, TableSet
from tasks.storage.store import open_store
from tasks.tag.canaries import plan_canaries
from tasks.tag.chosen import choose_taxonomies
from tasks.tag.estimate import estimate_calls
from tasks.tag.gold import load_decisions, load_gold
from tasks.tag.plan import plan_tagging
from tasks.tag.session import list_models
from tasks.tag.spending import (
    SpendingPlan,
    check_spending,
    describe_estimate,
    describe_spending,
    sum_spending,
)
from tasks.tag.stage import open_session
from tasks.tag.task import list_export_labels, read_items


@task(name="plan tags", task_run_name="plan tags of shard {number:04d}")
def plan_shard(run: RunContext, clean: TableSet, number: int) -> dict[str, Any]:
    """Plan the calls of one shard: counts and prices, no text. The memo decides it, so it is never reused."""
    del number
    private = open_store(run.private)
    taxonomies = choose_taxonomies(open_store(run.store), run.taxonomy_files)
    base, tables = read_items(run, private, clean)
    plan = plan_tagging(
        base["conversations"],
        base["messages"],
        base["thoughts"],
        list_export_labels(tables.thoughts),
        taxonomies=taxonomies,
        settings=run.settings.tag,
        memo=private,
        gold=load_gold(private, taxonomies).gold,
        human_labels=load_decisions(private)[0],
        now=run.started_at,
    )
    return describe_spending(plan)


@task(name="check spending", task_run_name="check spending")
def settle_plan(
    run: RunContext, plans: Sequence[SpendingPlan], *, is_dry: bool, has_canaries: bool = False
) -> dict[str, Any]:
    """Add up the plans of the shards and, unless nothing will be asked, refuse what cannot be carried out.

    Raises:
        BudgetError: a price is unknown, or there is no budget for calls that cost money.
        ConfigError: the environment lacks what a provider needs.
    """
    plan = sum_spending(plans)
    if plan["calls"] and has_canaries and run.settings.tag.canaries:
        plan = sum_spending([plan, _plan_canaries(run)])
    if plan["calls"] and not is_dry:
        from tasks.tag.client import require_environment

        for model in list_models(run.settings.tag):
            require_environment(model)
        check_spending(plan, run.settings.tag)
    return plan


def _plan_canaries(run: RunContext) -> dict[str, Any]:
    """The calls that a model is asked about items of our own, as one line of the plan for each model."""
    private = open_store(run.private)
    taxonomies = choose_taxonomies(open_store(run.store), run.taxonomy_files)
    model = list_models(run.settings.tag)[0]
    questions = plan_canaries(taxonomies, model, private)
    session = open_session(run.settings.tag, None, run.started_at)
    estimate = describe_estimate(estimate_calls(questions, run.settings.tag, session))
    lines = [{**line, "facet": "canaries"} for line in estimate["lines"] if line["model"] == model]
    return {**estimate, "is_exact": True, "lines": lines}
