"""Whole runs of the command line as a side of a benchmark, with the wall seconds of every stage.

The stages are read from the progress events of `--json`; a run's stage time is the sum of what depends on the
conversations, without the start of Prefect, the import of the gate and the drawing of the report.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.frame import Work

FIXED = ("starting Prefect", "judging", "writing the report")
"""Steps whose seconds hardly depend on the size."""
ID_KEY = "benchmark-key-0123456789abcdef0123456789abcdef"


def run_release(store: str, model: str, export: str, *more: str) -> Work:
    """A side: release an export into a store with `--yes`.

    Args:
        store: folder of the store.
        model: `none`, `local` or a litellm model.
        export: the export.
        more: further flags.
    """
    flags = ("--review", "mask", "--model", model, "--yes", "--json", *more)
    return lambda: run_command(("release", export, "--store", store, *flags))


def run_command(arguments: tuple[str, ...]) -> dict[str, Any]:
    """Run `thoughttrace` to its end; return its stages' seconds, its memory and its outcome's counts.

    Raises:
        SystemExit: the command failed; its last line of stderr is shown.
    """
    environment = {"THOUGHTTRACE_ID_KEY": ID_KEY, **os.environ}
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli.app", *arguments], capture_output=True, text=True, env=environment
    )
    lines = done.stderr.splitlines()
    if done.returncode:
        raise SystemExit(f"thoughttrace {arguments[0]} ended with {done.returncode}: {lines[-1:]}")
    outcome = json.loads(done.stdout)
    stages = list_stages(lines)
    return {
        "stages_s": stages,
        "stage_s": round(sum(s for name, s in stages.items() if name not in FIXED), 2),
        # of the largest process of the run, its workers included
        "peak_mb": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024),
        "version": outcome["version"],
        "counts": outcome.get("counts", {}),
    }


def list_stages(lines: list[str]) -> dict[str, float]:
    """Wall seconds of each step, from the progress events; the last step ends with the last event."""
    events: list[tuple[str, datetime]] = []
    for line in lines:
        if line.startswith('{"event": "step"'):
            event: Mapping[str, Any] = json.loads(line)
            events.append((str(event["step"]), datetime.fromisoformat(str(event["at"]))))
    seconds: dict[str, float] = {}
    for (step, began), (_, ended) in pairwise(events):
        seconds[step] = round(seconds.get(step, 0.0) + (ended - began).total_seconds(), 2)
    return seconds


def count_memo(store: Path, memo: str) -> int:
    """Rows of a memo of a local store: texts read by the scrubber, answers paid for, vectors computed."""
    parts = sorted((store / "private" / "memo" / memo).rglob("*.parquet"))
    return sum(pl.scan_parquet(part).select(pl.len()).collect().item() for part in parts)
