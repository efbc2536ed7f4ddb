"""Names of rows beside a chart, broken into lines and centred on their row.

Vega sets the first line of a broken axis label on the row and hangs the rest below it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tasks.report.drawing import wrap_words
from tasks.report.palette import LIGHT

LINE_PX = 13.0
CHARACTER_PX = 6.4
_GAP_PX = 9.0


def break_label(text: str, characters: int) -> dict[str, Any]:
    """Return the row fields of one name: `line0`, `line1`, `line2` and `n_lines`."""
    lines = wrap_words(text, characters)
    if len(lines) > 3:
        lines = [*lines[:2], f"{lines[2]} …"]
    return {"n_lines": len(lines), **{f"line{i}": line for i, line in enumerate(lines)}}


def label_width(rows: Sequence[dict[str, Any]]) -> float:
    """Return the px that the names need, gap included."""
    longest = max((len(str(v)) for row in rows for k, v in row.items() if k.startswith("line")), default=0)
    return longest * CHARACTER_PX + _GAP_PX


def label_layers(base: Any, rows: Sequence[dict[str, Any]]) -> list[Any]:
    """Return text layers that write the names left of the plot.

    Args:
        base: chart over the rows, with `y` encoded.
        rows: rows with the fields of `break_label`.
    """
    layers: list[Any] = []
    for n in sorted({int(row["n_lines"]) for row in rows if "n_lines" in row}):
        of_n = base.transform_filter(f"datum.n_lines === {n}")
        for i in range(n):
            layers.append(
                of_n.mark_text(
                    align="right", x=-_GAP_PX, dy=(i - (n - 1) / 2) * LINE_PX, fontSize=12, color=LIGHT["ink"]
                ).encode(text=f"line{i}:N")
            )
    return layers
