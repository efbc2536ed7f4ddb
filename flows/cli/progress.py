"""Progress of a run on stderr: a bar for a person, one JSON object a line for a program."""

from __future__ import annotations

import json
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from flows.cli.interrupt import ending_soon
from flows.cli.output import console, print_json
from flows.cli.spending import render_plan
from flows.progress import reporting


@contextmanager
def show_progress(first: str, *, as_json: bool = False) -> Generator[None]:
    """Show one line a step while a flow runs inside; lines of finished steps stay.

    Args:
        first: name of the step that goes on at the start.
        as_json: write events instead: `{"event": "step", "step", "done", "total", "at"}`, and
            `{"event": "tagging plan", …, "at"}` before a provider is asked.
    """
    if as_json:
        _write_event(first, 0, None)
        with ending_soon(), reporting(_write_event, write_document):
            yield
        return
    columns = (
        SpinnerColumn(finished_text="[green]✓"),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        current = progress.add_task(first, total=1)
        lines = {first: current}

        def report(step: str, done: int, total: int | None) -> None:
            nonlocal current
            if step not in lines:
                progress.update(current, total=progress.tasks[current].total or 1)
                progress.update(current, completed=progress.tasks[current].total)
                lines[step] = progress.add_task(step, total=total or 1)
                current = lines[step]
            progress.update(lines[step], completed=done, total=total or 1)

        def show(name: str, document: Mapping[str, Any]) -> None:
            progress.console.print(render_plan(document, name))

        with ending_soon(), reporting(report, show):
            yield
        progress.update(current, completed=progress.tasks[current].total)


def _write_event(step: str, done: int, total: int | None) -> None:
    _write({"event": "step", "step": step, "done": done, "total": total})


def write_document(name: str, document: Mapping[str, Any]) -> None:
    """Write a document as an event: what comes before an expense must be seen before it."""
    _write({"event": name, **document})


def show_plan(name: str, plan: Mapping[str, Any], *, may_ask: bool) -> None:
    """Print a plan to stdout, or as an event where somebody is asked next: stdout holds one document."""
    if may_ask:
        write_document(name, plan)
    else:
        print_json(plan)


def _write(event: Mapping[str, Any]) -> None:
    event = {**event, "at": datetime.now(UTC).isoformat(timespec="milliseconds")}
    sys.stderr.write(json.dumps(event) + "\n")
    sys.stderr.flush()
