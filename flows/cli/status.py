"""`thoughttrace status`: what is out, what waits, what runs, what was spent."""

from __future__ import annotations

import typer

from flows.cli.config import ConfigOption
from flows.cli.output import JsonOption, StoreOption, print_json, stdout_console


def status(store: StoreOption = "", config: ConfigOption = None, json: JsonOption = False) -> None:
    """Show the last release, candidates and reviews that wait, what answers of models cost this month, and recent runs."""
    from dataclasses import asdict
    from datetime import UTC, datetime

    from rich.table import Table

    from flows.run import open_run
    from flows.server_status import read_runs
    from tasks.publish.status import describe_store
    from tasks.storage.store import open_store

    run = open_run(store, config or "")
    found = describe_store(open_store(run.store), open_store(run.private), datetime.now(UTC))
    runs = read_runs()
    if json:
        print_json(asdict(found) | {"store": run.store, "runs": runs})
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_row("store", run.store)
    table.add_row(
        "last release", f"{found.latest} of {found.released_at[:16]}" if found.latest else "none yet"
    )
    table.add_row("releases", str(found.n_releases))
    table.add_row("candidates waiting", str(found.n_candidates))
    table.add_row("spans that block a strict release", str(found.n_undecided_spans))
    table.add_row("labels to review", str(found.n_open_labels))
    table.add_row("paid for answers this month", f"{found.spent_usd:.2f} USD")
    stdout_console().print(table)
    if runs is None:
        typer.echo("runs: no server known (set PREFECT_API_URL)")
        return
    listed = Table(box=None, pad_edge=False)
    for column in ("run of the last 7 days", "state", "started", "seconds"):
        listed.add_column(column, justify="right" if column == "seconds" else "left")
    for row in runs:
        listed.add_row(row["name"], row["state"], (row["started_at"] or "-")[:16], str(row["seconds"]))
    stdout_console().print(listed)


def register(app: typer.Typer) -> None:
    """Attach the command."""
    app.command("status")(status)
