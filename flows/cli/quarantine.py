"""`thoughttrace quarantine`: every fault of the last run, with file, line, pointer and rule."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.config import ConfigOption
from flows.cli.output import JsonOption, StoreOption, console, print_json, stdout_console


def quarantine(
    store: StoreOption = "",
    config: ConfigOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write them to a CSV file instead.", show_default=False)
    ] = None,
    json: JsonOption = False,
) -> None:
    """List what the last run held back and why: places and rules, no text."""
    from rich.table import Table

    from flows.run import open_run
    from tasks.ingest.quarantine_file import read_last_quarantine
    from tasks.storage.store import open_store

    run = open_run(store, config or "")
    key, rows = read_last_quarantine(open_store(run.private))
    console.print(f"{run.private.rstrip('/')}/{key}: {rows.height:,} faults", soft_wrap=True)
    if out is not None:
        rows.write_csv(out)
    elif json:
        print_json(rows.to_dicts())
    else:
        table = Table(box=None, pad_edge=False)
        for column in ("place", "conversation", "pointer", "rule", "message"):
            table.add_column(column, overflow="fold")
        for row in rows.iter_rows(named=True):
            place = f"{row['file']}:{row['line']}"
            table.add_row(place, row["conversation_key"] or "-", row["pointer"], row["rule"], row["message"])
        stdout_console().print(table)


def register(app: typer.Typer) -> None:
    """Attach the command."""
    app.command("quarantine")(quarantine)
