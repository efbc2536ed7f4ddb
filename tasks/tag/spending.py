"""The plan of all shards as one document, and whether it may be carried out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from schemas.config import TagSettings
from schemas.errors import BudgetError
from tasks.tag.estimate import CallEstimate
from tasks.tag.plan import TagPlan

SpendingPlan = Mapping[str, Any]
"""calls, usd (null: a price is unknown), seconds, is_exact, `lines` (one a facet and model: facet, model,
n_questions, n_known, n_calls, input_tokens, output_tokens, usd) and, by facet, n_items, n_decided, n_local."""

NOTHING: SpendingPlan = {"calls": 0, "usd": 0.0, "seconds": 0.0, "is_exact": True, "lines": []}
"""The plan of a run that asks no provider."""
_ADDED = ("n_questions", "n_known", "n_calls", "input_tokens", "output_tokens")
_BY_FACET = ("n_items", "n_decided", "n_local")


def describe_spending(plan: TagPlan) -> dict[str, Any]:
    """Return a plan as a document."""
    by_facet = {name: dict(getattr(plan, name)) for name in _BY_FACET}
    return {**describe_estimate(plan.estimate), "is_exact": plan.is_exact, **by_facet}


def describe_estimate(estimate: CallEstimate) -> dict[str, Any]:
    """Return an estimate as a document."""
    return {
        "calls": estimate.calls,
        "usd": estimate.usd,
        "seconds": estimate.seconds,
        "lines": [asdict(line) for line in estimate.lines],
    }


def sum_spending(plans: Iterable[SpendingPlan]) -> dict[str, Any]:
    """Add up the plans of the shards; they share the provider's limits, so their times add up too."""
    lines: dict[tuple[str, str], dict[str, Any]] = {}
    by_facet: dict[str, dict[str, int]] = {name: {} for name in _BY_FACET}
    total: dict[str, Any] = dict(NOTHING)
    for plan in plans:
        total["calls"] += plan["calls"]
        total["usd"] = _add(total["usd"], plan["usd"])
        total["seconds"] += plan["seconds"]
        total["is_exact"] = total["is_exact"] and plan["is_exact"]
        for line in plan["lines"]:
            known = lines.get((line["facet"], line["model"]))
            if known is None:
                lines[line["facet"], line["model"]] = dict(line)
                continue
            known["usd"] = _add(known["usd"], line["usd"])
            for name in _ADDED:
                known[name] += line[name]
        for name, counts in by_facet.items():
            for facet, n in plan.get(name, {}).items():
                counts[facet] = counts.get(facet, 0) + n
    return total | {"lines": list(lines.values()), **by_facet}


def check_spending(plan: SpendingPlan, settings: TagSettings) -> None:
    """Refuse a plan that no budget can hold.

    A budget that is smaller than the plan is not refused: it is a hard limit, and what it pays for is kept.

    Raises:
        BudgetError: a price is unknown, or calls cost money and there is no budget at all.
    """
    unpriced = sorted({x["model"] for x in plan["lines"] if x["usd"] is None and x["n_calls"]})
    if unpriced and not settings.allow_unpriced:
        raise BudgetError(
            f"the price of {', '.join(unpriced)} is not known, so no budget can hold; name another model or "
            "pass --allow-unpriced to count it as 0"
        )
    if plan["usd"] and settings.budget_usd == 0:
        raise BudgetError(
            f"{plan['calls']:,} calls would cost about {plan['usd']:.4f} USD, and the budget is 0; "
            f"give --budget {plan['usd'] * 1.2:.2g} or more, or use the local model"
        )


def tabulate_spending(plan: SpendingPlan) -> tuple[Sequence[str], list[Sequence[str]]]:
    """Return the lines of a plan as a table of strings: heads and rows, the sum last."""
    heads = ("model", "facet", "questions", "known", "calls", "tokens in", "tokens out", "USD")
    rows: list[Sequence[str]] = [
        (
            x["model"],
            x["facet"],
            *(f"{x[name]:,}" for name in _ADDED),
            "unknown" if x["usd"] is None else f"{x['usd']:.4f}",
        )
        for x in sorted(plan["lines"], key=lambda x: x["model"])
    ]
    return heads, rows


def summarise_spending(plan: SpendingPlan, budget_usd: float) -> str:
    """Say a plan in one line: calls, price, time and budget."""
    price = "unknown price" if plan["usd"] is None else f"about {plan['usd']:.4f} USD"
    guess = "" if plan.get("is_exact", True) else " (calls for subtopics estimated)"
    short = (
        " Less than the plan: the run will stop there, resumably." if (plan["usd"] or 0) > budget_usd else ""
    )
    return f"{plan['calls']:,} calls{guess}, {price}, about {plan['seconds']:,.0f} s; budget {budget_usd:g} USD.{short}"


def _add(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a + b
