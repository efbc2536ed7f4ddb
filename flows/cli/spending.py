"""A tagging plan at the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text


def render_plan(plan: Mapping[str, Any], title: str = "tagging plan") -> Group:
    """Show calls, tokens, price and time by model and facet, and what is open of the budget."""
    from tasks.tag.spending import summarise_spending, tabulate_spending

    heads, rows = tabulate_spending(plan)
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="dim")
    for index, head in enumerate(heads):
        table.add_column(head, justify="left" if index < 2 else "right")
    for row in rows:
        table.add_row(*row)
    return Group(table, Text(summarise_spending(plan, plan.get("budget_usd", 0.0)), style="bold"))
