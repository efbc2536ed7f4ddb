"""The plan of an evaluation as a person sees it, and whether the budget allows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from schemas.config import Settings
from schemas.errors import BudgetError
from schemas.run import RunContext
from tasks.evaluate.run import plan_evaluation
from tasks.publish.releases import load_release
from tasks.storage.store import open_store


def describe_evaluation(run: RunContext, version: str, suite: str, method: str) -> dict[str, Any]:
    """Return the plan of an evaluation as numbers; asks nobody.

    Raises:
        UsageError: a suite, method or pair of models that is not possible.
        NotFoundError: no such release.
    """
    release, tables = load_release(open_store(run.store), version)
    plan = plan_evaluation(suite, method, tables, run.settings, open_store(run.private))
    return {
        "suite": suite,
        "method": method,
        "version": release.version,
        "budget_usd": run.settings.evaluate.budget_usd,
        **asdict(plan),
    }


def check_budget(plan: Mapping[str, Any], settings: Settings) -> None:
    """Refuse a plan that the budget does not allow, before anything is asked.

    Args:
        plan: from `describe_evaluation`, or the fields of a `Plan`.
        settings: budget, and whether unknown prices are allowed.

    Raises:
        BudgetError: it costs more, or a price is unknown and that is not allowed.
    """
    usd: float | None = plan["usd"]
    if usd is None:
        if settings.tag.allow_unpriced:
            return
        unknown = sorted({s["model"] for s in plan["steps"] if s["usd"] is None})
        raise BudgetError(
            f"the price of {', '.join(unknown)} is not known, so no budget can hold; name another model or "
            "pass --allow-unpriced to count it as 0"
        )
    if usd > settings.evaluate.budget_usd:
        raise BudgetError(
            f"about {usd:.4f} USD for {plan['calls']:,} calls are more than the budget of "
            f"{settings.evaluate.budget_usd:g} USD; nothing was asked. Pass a higher --budget, or --limit N for "
            "fewer items"
        )
