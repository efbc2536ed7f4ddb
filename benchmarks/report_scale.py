"""Time of statistics, gate and report together: `python -m benchmarks.report_scale 2155`.

Writes the invented tables of `benchmarks.stats_scale`, then in one fresh process computes the statistics, judges
them against those of a slightly smaller last release, draws the page and every figure file, and writes the
metadata. Imports are part of the time, as a run pays them.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any


class Clock:
    """CPU and wall time by part."""

    def __init__(self) -> None:
        self.parts: dict[str, dict[str, float]] = {}
        self._last = time.process_time(), time.perf_counter()

    def stop(self, part: str) -> None:
        """Book the time since the last stop on a part."""
        now = time.process_time(), time.perf_counter()
        self.parts[part] = {
            "cpu_s": round(now[0] - self._last[0], 2),
            "wall_s": round(now[1] - self._last[1], 2),
        }
        self._last = now

    def total(self, kind: str) -> float:
        """Sum over the parts."""
        return round(sum(part[kind] for part in self.parts.values()), 2)


def measure(folder: Path) -> dict[str, Any]:
    """Run the three stages on the tables of a folder."""
    clock = Clock()
    import polars as pl

    from schemas.config import StatsSettings
    from schemas.fields import CHANGES, TABLES
    from schemas.taxonomies import load_taxonomies
    from tasks.gate.policy import load_policy
    from tasks.gate.run import run_gate
    from tasks.report.figures import list_figures, render_figures
    from tasks.report.inputs import ReportInputs
    from tasks.report.metadata import render_metadata
    from tasks.report.page import render_report
    from tasks.stats.compute import compute_stats
    from tasks.stats.metrics import metrics

    taxonomies = load_taxonomies()
    tables = {path.stem: pl.scan_parquet(path) for path in sorted(folder.glob("*.parquet"))}
    stats = compute_stats(
        tables, taxonomies=taxonomies, settings=StatsSettings(), min_cell=10, policy="strict"
    )
    numbers = metrics(stats.model)
    clock.stop("statistics")
    before = {name: value * 0.99 if name.startswith("n.") else value for name, value in numbers.items()}
    gate = run_gate(numbers, before, load_policy(""))
    clock.stop("gate")
    inputs = ReportInputs(
        version="v1.1.0",
        parent_version="v1.0.0",
        parent_stats=stats.document,
        created_at=None,
        policy="strict",
        stats=stats.document,
        gate=gate.document,
        changes=CHANGES.empty(),
        funnel=TABLES["funnel"].empty(),
        quarantine_summary=TABLES["quarantine_summary"].empty(),
        tables={name: frame.collect() for name, frame in tables.items()},
        taxonomies={facet: taxonomy.nodes for facet, taxonomy in taxonomies.items()},
    )
    listed = list_figures(inputs)
    figures = render_figures(inputs, listed)
    page = render_report(inputs, listed)
    render_metadata(inputs, {})
    clock.stop("report")
    return {
        "conversations": stats.document["counts"]["conversations"],
        "messages": stats.document["counts"]["messages"],
        **clock.parts,
        "cpu_s": clock.total("cpu_s"),
        "wall_s": clock.total("wall_s"),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "page_kb": round(len(page) / 1000),
        "figure_files": len(figures),
    }


def main() -> None:
    """Write in one process and measure in another."""
    n = sys.argv[1] if len(sys.argv) > 1 else "2155"
    if len(sys.argv) > 2:
        print(json.dumps(measure(Path(sys.argv[2]))))
        return
    with tempfile.TemporaryDirectory() as name:
        subprocess.run([sys.executable, "-m", "benchmarks.stats_scale", n, "write", name], check=True)
        subprocess.run([sys.executable, "-m", "benchmarks.report_scale", n, name], check=True)


if __name__ == "__main__":
    main()
