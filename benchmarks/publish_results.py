"""What the benchmarks write: JSON for machines, a Markdown table and an SVG plot for readers."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.frame import Measurement

BEGIN, END = "<!-- benchmarks: begin -->", "<!-- benchmarks: end -->"
_PACKAGES = ("polars", "pydantic", "litellm", "pandas", "datasets", "spacy")
_BAR = 420


def describe_machine() -> dict[str, Any]:
    """Cores, interpreter and versions: a figure without them says little."""
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "load_at_start": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "packages": {name: _version(name) for name in _PACKAGES},
    }


def write_results(found: Sequence[Measurement], machine: dict[str, Any], folder: Path) -> None:
    """Write results.json, results.md and one plot a stage."""
    folder.mkdir(parents=True, exist_ok=True)
    document = {"machine": machine, "measurements": [m.as_dict() for m in found]}
    (folder / "results.json").write_text(json.dumps(document, indent=1) + "\n")
    (folder / "results.md").write_text(render_table(found, machine))
    (folder / "results.svg").write_text(render_plot(found))


def render_table(found: Sequence[Measurement], machine: dict[str, Any]) -> str:
    """One row a side, so that ratios can be checked by eye."""
    lines = [
        f"Measured {machine['measured_at'][:10]} on {machine['cores']} cores "
        f"(load {machine['load_at_start']} at the start), Python {machine['python']}.",
        "",
        "| stage | size | side | wall s | CPU s | peak MB | rounds | reach | holds |",
        "|---|---|---|---:|---:|---:|---:|---|---|",
    ]
    for m in found:
        if not m.runs:
            lines.append(f"| {m.stage} | {m.size}: {m.note} | | | | | | {m.reach} | |")
        for number, (side, runs) in enumerate(m.runs.items()):
            cells = [
                f"{m.median(side, key):,.{digits}f}" if key in runs[0] else ""
                for key, digits in (("wall_s", 2), ("cpu_s", 2), ("peak_mb", 0))
            ]
            holds = {True: "yes", False: "no", None: ""}[m.holds]
            ends = (m.reach, holds) if number == 0 else ("", "")
            head = (m.stage, m.size) if number == 0 else ("", "")
            lines.append("| " + " | ".join([*head, side, *cells, str(len(runs)), *ends]) + " |")
    notes = [f"- {m.stage}, {m.size}: {m.note}" for m in found if m.runs and m.note]
    return "\n".join([*lines, "", *notes]).rstrip() + "\n"


def render_plot(found: Sequence[Measurement]) -> str:
    """Bars of each side's median, each stage on a scale of its own."""
    rows: list[str] = []
    y = 10
    for m in found:
        if not m.runs:
            continue
        y += 22
        title = escape(f"{m.stage} · {m.size} · {m.metric}")
        rows.append(f'<text x="8" y="{y}" font-weight="bold">{title}</text>')
        longest = max(m.median(side) for side in m.runs) or 1.0
        for number, side in enumerate(m.runs):
            y += 18
            value = m.median(side)
            colour = "#2f6f9f" if number == 0 else "#b9c4cc"
            width = max(1.0, _BAR * value / longest)
            rows.append(f'<text x="150" y="{y}" text-anchor="end">{escape(side)}</text>')
            rows.append(
                f'<rect x="158" y="{y - 11}" width="{width:.1f}" height="13" fill="{colour}"/>'
                f'<text x="{162 + width:.1f}" y="{y}">{value:,.2f}</text>'
            )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="680" height="{y + 16}" font-family="sans-serif" '
        f'font-size="12"><rect width="100%" height="100%" fill="white"/>{"".join(rows)}</svg>\n'
    )


def update_page(page: Path, table: str) -> None:
    """Put the table between the marks of a page.

    Raises:
        ValueError: the page has no marks.
    """
    before, begin, rest = page.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page} has no place for the table: {BEGIN} … {END}")
    page.write_text(f"{before}{BEGIN}\n{table}{END}{after}")


def _version(name: str) -> str:
    try:
        return version(name)
    except ImportError:
        return "absent"
