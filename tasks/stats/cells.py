"""Which cells of a list or table to hold back, and how a row looks without its count.

A cell with fewer counts than the limit is not shown. Where the total of its list is known, what is held
back must be at least two cells that together reach the limit, or a subtraction would give the cell away;
so the smallest cells still shown are held back with it.
Source: Hundepool et al. (2012), Statistical Disclosure Control, chapter 4.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel

from schemas.stats import Flow, GroupShare

ROUND_TO = 5

Row = TypeVar("Row", bound=BaseModel)
Mask = npt.NDArray[np.bool_]


def choose_hidden(counts: npt.NDArray[np.int64], limit: int) -> Mask:
    """Say which cells to hold back so that no small one shows or follows from a row or column total.

    Args:
        counts: a matrix whose row and column totals a reader may know.
        limit: smallest count shown.

    Returns:
        True where a cell is held back. Zero cells are never held back.
    """
    hidden = (counts > 0) & (counts < limit)
    changed = True
    while changed:
        changed = False
        for cells, mask in (*zip(counts, hidden, strict=True), *zip(counts.T, hidden.T, strict=True)):
            n_hidden = int(mask.sum())
            if n_hidden and (n_hidden == 1 or cells[mask].sum() < limit):
                shown = np.flatnonzero(~mask & (cells > 0))
                if shown.size:
                    mask[shown[cells[shown].argmin()]] = True
                    changed = True
    return hidden


def round_count(count: int) -> int:
    """Round to the nearest 5, halves up."""
    return ROUND_TO * ((2 * count + ROUND_TO) // (2 * ROUND_TO))


def hide_list(rows: Sequence[Row], limit: int, total: Callable[[Row], Hashable] = lambda _: "") -> list[Row]:
    """Hold back rows of a list; `total` names the known total that a row belongs to."""
    hidden: dict[int, bool] = {}
    for key in dict.fromkeys(total(row) for row in rows):
        members = [i for i, row in enumerate(rows) if total(row) == key]
        counts = np.array([[_count(rows[i]) for i in members]], dtype=np.int64)
        hidden.update(zip(members, choose_hidden(counts, limit)[0].tolist(), strict=True))
    return [blank(row) if hidden[i] else row for i, row in enumerate(rows)]


def hide_groups(rows: Sequence[GroupShare], limit: int) -> list[GroupShare]:
    """Hold back cells of a table of groups by labels; the base of a small group goes too."""
    hidden = _hide_table([(row.group, row.value, row.n or 0) for row in rows], limit)
    return [
        (blank(row, "base") if (row.base or 0) < limit else blank(row))
        if mask or (row.base or 0) < limit
        else row
        for row, mask in zip(rows, hidden, strict=True)
    ]


def hide_flows(rows: Sequence[Flow], limit: int) -> list[Flow]:
    """Hold back flows, step by step; each step is a table of starts by ends."""
    shown: list[Flow] = []
    for step in dict.fromkeys(row.step for row in rows):
        flows = [row for row in rows if row.step == step]
        hidden = _hide_table([(row.from_value, row.to_value, row.n or 0) for row in flows], limit)
        shown += [blank(row) if mask else row for row, mask in zip(flows, hidden, strict=True)]
    return shown


def hide_counts(counts: Mapping[str, int], limit: int) -> dict[str, int | None]:
    """Hold back small counts of a mapping whose total is known."""
    matrix = np.array([list(counts.values())], dtype=np.int64)
    hidden = choose_hidden(matrix, limit)[0]
    return {name: None if mask else n for (name, n), mask in zip(counts.items(), hidden, strict=True)}


def hide_confusions(tree: Mapping[str, Any], limit: int) -> dict[str, Any]:
    """Hold back small cells of every table called `confusion` (label to label to count) in a document."""
    return {
        name: _hide_confusion(branch, limit)
        if name == "confusion"
        else hide_confusions(branch, limit)
        if isinstance(branch, Mapping)
        else branch
        for name, branch in tree.items()
    }


def _hide_confusion(table: Mapping[str, Mapping[str, int]], limit: int) -> dict[str, dict[str, int | None]]:
    cells = [(a, b, n) for a, row in table.items() for b, n in row.items()]
    hidden = iter(_hide_table(cells, limit))
    return {a: {b: None if next(hidden) else n for b, n in row.items()} for a, row in table.items()}


def blank(row: Row, *more: str) -> Row:
    """The row without its count and what follows from it."""
    fields = {"n", "share", "low", "high", "mean_confidence", "n_conversations", *more}
    fields |= {f for f in type(row).model_fields if f.endswith("_of_conversations")}
    if "text" in type(row).model_fields:
        fields -= {"low", "high"}
    return row.model_copy(
        update={**dict.fromkeys(fields & set(type(row).model_fields)), "is_suppressed": True}
    )


def _hide_table(cells: Sequence[tuple[str, str, int]], limit: int) -> list[bool]:
    across = {name: i for i, name in enumerate(dict.fromkeys(a for a, _, _ in cells))}
    down = {name: i for i, name in enumerate(dict.fromkeys(b for _, b, _ in cells))}
    counts = np.zeros((len(across), len(down)), dtype=np.int64)
    for a, b, n in cells:
        counts[across[a], down[b]] = n
    hidden = choose_hidden(counts, limit)
    return [bool(hidden[across[a], down[b]]) for a, b, _ in cells]


def _count(row: BaseModel) -> int:
    return int(getattr(row, "n", None) or 0)
