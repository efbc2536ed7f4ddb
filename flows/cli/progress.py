"""A progress bar on stderr for the steps of a run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from flows.cli.output import console
from flows.progress import reporting


@contextmanager
def show_progress(first: str) -> Iterator[None]:
    """Show one line a step while a flow runs inside; lines of finished steps stay."""
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

        with reporting(report):
            yield
        progress.update(current, completed=progress.tasks[current].total)
