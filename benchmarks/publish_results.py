"""What the benchmarks write: JSON for machines, a Markdown table and an SVG plot for readers."""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from html import escape
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.frame import Measurement

BEGIN, END = "<!-- benchmarks: begin -->", "<!-- benchmarks: end -->"
_PACKAGES = ("polars", "pydantic", "litellm", "pandas", "datasets", "spacy")
_BAR, _LABEL = 380, 330
_PLOT = "images/benchmarks.svg"
_CAPTION = "Medians of every stage beside its peers"
_OURS = re.compile(r"ours|default|runner|first|again|1 % new|full|.*% affected")
"""Names of our own sides; every other one is a peer."""
_BLUE, _GREY = "#2f6f9f", "#b9c4cc"
_METRICS = {
    "wall_s": "seconds",
    "cpu_s": "processor seconds",
    "stage_s": "seconds in stages",
    "s_a_conversation": "seconds a conversation",
    "kb_per_cpu_s": "kB a processor second (more is better)",
    "calls_per_s": "calls a second (more is better)",
}


@dataclass(frozen=True, slots=True)
class StageResult:
    """What one stage gave.

    Attributes:
        machine: as `describe_machine` found it when the stage began.
        measurements: its comparisons.
    """

    machine: Mapping[str, Any]
    measurements: Sequence[Measurement]


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


def write_results(results: Mapping[str, StageResult], folder: Path) -> None:
    """Write results.json, results.md and one plot of all stages."""
    folder.mkdir(parents=True, exist_ok=True)
    document = {
        name: {"machine": dict(result.machine), "measurements": [m.as_dict() for m in result.measurements]}
        for name, result in results.items()
    }
    (folder / "results.json").write_text(json.dumps(document, indent=1) + "\n")
    (folder / "results.md").write_text(render_table(results))
    (folder / "results.svg").write_text(
        render_plot([m for result in results.values() for m in result.measurements])
    )


def read_results(folder: Path) -> dict[str, StageResult]:
    """Read what `write_results` wrote; nothing where there is no file."""
    path = folder / "results.json"
    document: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return {
        name: StageResult(
            result["machine"],
            [
                Measurement(**{f.name: item[f.name] for f in fields(Measurement)})
                for item in result["measurements"]
            ],
        )
        for name, result in document.items()
    }


def render_table(results: Mapping[str, StageResult]) -> str:
    """One row a side, so that ratios can be checked by eye."""
    lines = [
        "| stage | size | side | wall s | CPU s | peak MB | rounds | reach | holds | measured |",
        "|---|---|---|---:|---:|---:|---:|---|---|---|",
    ]
    notes: list[str] = []
    for result in results.values():
        when = (
            f"{result.machine['measured_at'][:10]}, {result.machine['cores']} cores, "
            f"load {result.machine['load_at_start']}"
        )
        for m in result.measurements:
            lines.extend(_rows(m, when))
            if m.runs and m.note:
                notes.append(f"- {m.stage}, {m.size}: {m.note}")
    return "\n".join([*lines, "", *notes]).rstrip() + "\n"


def _rows(m: Measurement, when: str) -> Iterator[str]:
    if not m.runs:
        yield f"| {m.stage} | {m.size}: {m.note} | | | | | | {m.reach} | | {when} |"
    for number, (side, runs) in enumerate(m.runs.items()):
        cells = [
            f"{m.median(side, key):,.{digits}f}" if key in runs[0] else ""
            for key, digits in (("wall_s", 2), ("cpu_s", 2), ("peak_mb", 0))
        ]
        holds = {True: "yes", False: "no", None: ""}[m.holds]
        head, ends = ((m.stage, m.size), (m.reach, holds, when)) if number == 0 else (("", ""), ("", "", ""))
        yield "| " + " | ".join([*head, side, *cells, str(len(runs)), *ends]) + " |"


def render_plot(found: Sequence[Measurement]) -> str:
    """Bars of each side's median, each comparison on a scale of its own; sizes of one side share a scale."""
    rows = [
        f'<rect x="{x}" y="9" width="13" height="13" fill="{fill}"/><text x="{x + 18}" y="20">{name}</text>'
        for x, fill, name in ((_LABEL + 8, _BLUE, "ours"), (_LABEL + 78, _GREY, "a peer"))
    ]
    y = 20
    for title, bars in _charts(found):
        y += 22
        rows.append(f'<text x="8" y="{y}" font-weight="bold">{escape(title)}</text>')
        longest = max(value for _, value, _ in bars) or 1.0
        for label, value, is_ours in bars:
            y += 18
            width = max(1.0, _BAR * value / longest)
            digits = 0 if value >= 100 or value == int(value) else 2
            rows.append(f'<text x="{_LABEL}" y="{y}" text-anchor="end">{escape(label)}</text>')
            rows.append(
                f'<rect x="{_LABEL + 8}" y="{y - 11}" width="{width:.1f}" height="13" '
                f'fill="{_BLUE if is_ours else _GREY}"/>'
                f'<text x="{_LABEL + 12 + width:.1f}" y="{y}">{value:,.{digits}f}</text>'
            )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LABEL + _BAR + 80}" height="{y + 16}" '
        f'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>'
        f"{''.join(rows)}</svg>\n"
    )


def _charts(found: Sequence[Measurement]) -> list[tuple[str, list[tuple[str, float, bool]]]]:
    """A title, and label, median and whether it is ours of each bar; a bar with nothing beside it is left out."""
    charts: list[tuple[str, list[tuple[str, float, bool]]]] = []
    measured = [m for m in found if m.runs]
    drawn: set[tuple[str, str]] = set()
    for m in measured:
        metric = _METRICS.get(m.metric, m.metric)
        if len(m.runs) > 1:
            sides = [(side, m.median(side), bool(_OURS.fullmatch(side))) for side in m.runs]
            charts.append((f"{m.stage} · {m.size} · {metric}", sides))
        elif (m.stage, m.metric) not in drawn:
            drawn.add((m.stage, m.metric))
            side = next(iter(m.runs))
            # a size that was compared with peers is one of the sizes too
            alike = [o for o in measured if (o.stage, o.metric) == (m.stage, m.metric) and side in o.runs]
            sizes = [(o.size, o.median(side), bool(_OURS.fullmatch(side))) for o in alike]
            charts.append((f"{m.stage} · {metric}", sorted(sizes, key=lambda bar: _leading_number(bar[0]))))
    return [chart for chart in charts if len(chart[1]) > 1]


def _leading_number(size: str) -> int:
    digits = re.match(r"[\d,]*", size)
    return int((digits.group() if digits else "").replace(",", "") or 0)


def show_results(results: Path, page: Path) -> None:
    """Put the table of a folder of results on a page, and its plot beside the page.

    Args:
        results: what `write_results` filled.
        page: Markdown with the two marks; the plot goes to `images/benchmarks.svg` beside it.

    Raises:
        ValueError: the page has no marks.
    """
    update_page(page, f"![{_CAPTION}]({_PLOT})\n\n{(results / 'results.md').read_text()}")
    plot = page.parent / _PLOT
    plot.parent.mkdir(exist_ok=True)
    plot.write_bytes((results / "results.svg").read_bytes())


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
