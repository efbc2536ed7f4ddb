"""What labelling cost, over all shards of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tasks.tag.budget import Ledger

Costs = Mapping[str, Mapping[str, Mapping[str, float]]]
"""Facet to model to calls, memo hits, tokens and USD."""


def sum_costs(parts: Iterable[Costs]) -> dict[str, Any]:
    """Add up the costs of the shards.

    Args:
        parts: `TagResult.cost` of each shard.

    Returns:
        calls, memo_hits, usd, and `facets` (facet to model to its numbers).
    """
    ledger = Ledger()
    for part in parts:
        ledger.add(part)
    facets = ledger.as_dict()
    lines = [line for models in facets.values() for line in models.values()]
    totals = {key: sum(line[key] for line in lines) for key in ("calls", "memo_hits", "usd")}
    return {**totals, "usd": round(totals["usd"], 6), "facets": facets}


def list_models(cost: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The models that labelled, as the manifest lists them.

    Args:
        cost: result of `sum_costs`.
    """
    return [
        {
            "facet": facet,
            "name": model,
            "n_calls": int(line["calls"]),
            "n_from_memo": int(line["memo_hits"]),
            "cost_usd": line["usd"],
        }
        for facet, models in cost.get("facets", {}).items()
        for model, line in models.items()
    ]
