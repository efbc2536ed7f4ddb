"""What asking models will cost: told, and refused where it must be, before anything is spent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flows.fan_out import over_shards
from flows.progress import announce
from flows.telling import write_summary
from schemas.run import RunContext, TableSet
from tasks.report.markdown import markdown_text
from tasks.tag.plan_task import plan_shard, settle_plan
from tasks.tag.retag_plan import describe_plan
from tasks.tag.spending import NOTHING, summarise_spending, tabulate_spending
from tasks.tag.stage import asks_models

PLAN = "tagging plan"


def plan_release(run: RunContext, clean: Sequence[TableSet]) -> dict[str, Any]:
    """Plan the calls of a release and tell them; empty where no provider is asked.

    Raises:
        BudgetError: a price is unknown, or there is no budget for calls that cost money.
        ConfigError: the environment lacks what a provider needs.
    """
    if not asks_models(run.settings.tag) or run.settings.tag.replay:
        return dict(NOTHING)
    plans = over_shards("planning", plan_shard, run, clean)
    return tell_plan(run, settle_plan(run, plans, is_dry=run.is_dry, has_canaries=True))


def plan_changes(run: RunContext, version: str) -> dict[str, Any]:
    """Plan the calls of a re-tag and tell them, with what each change of a taxonomy touches.

    Raises:
        BudgetError: a price is unknown, or there is no budget for calls that cost money.
        ConfigError: the environment lacks what a provider needs.
        TaxonomyError: a taxonomy's changes do not explain its difference.
    """
    found = describe_plan(run, version)
    plan = {**found["estimate"], "is_exact": True, "changes": found["changes"]}
    if not plan["calls"] or run.settings.tag.replay:
        return plan
    settle_plan(run, [plan], is_dry=run.is_dry)
    return tell_plan(run, plan)


def tell_plan(run: RunContext, plan: Mapping[str, Any]) -> dict[str, Any]:
    """Show a plan at the terminal and on the run's page."""
    told = {**plan, "budget_usd": run.settings.tag.budget_usd}
    announce(PLAN, told)
    heads, rows = tabulate_spending(told)
    table = _tabulate(heads, rows)
    write_summary(PLAN, f"## Tagging plan\n\n{table}\n\n{summarise_spending(told, told['budget_usd'])}\n")
    return told


def tell_changes(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Show what a re-tag would touch and cost on the run's page."""
    heads = ("facet", "change", "from", "to", "items", "questions")
    rows = [
        (
            c["facet"],
            c["kind"],
            ", ".join(c["from_nodes"]),
            ", ".join(c["to_nodes"]),
            c["n_items"],
            c["n_questions"],
        )
        for c in plan["changes"]
    ]
    table = _tabulate(heads, rows)
    cost = summarise_spending(plan["estimate"], plan["budget_usd"])
    what = table if rows else "Nothing to re-tag: the taxonomies are those of the release."
    write_summary(
        f"re-tag plan {plan['version']}", f"## Re-tag plan of {plan['version']}\n\n{what}\n\n{cost}\n"
    )
    return dict(plan)


def _tabulate(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = (heads, ["---"] * len(heads), *([markdown_text(cell) for cell in row] for row in rows))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
