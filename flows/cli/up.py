"""`thoughttrace up`: everything on this machine, for trying the UI."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def up(
    folder: Annotated[
        Path, typer.Option("--folder", help="Where data, logs, keys and exports are kept.")
    ] = Path("thoughttrace-up"),
    port: Annotated[int, typer.Option("--port", help="Port of the Prefect UI; 0 takes 4200 if free.")] = 0,
    store: Annotated[
        str, typer.Option("--store", help="Use this store instead of a local object store.")
    ] = "",
    database: Annotated[
        str,
        typer.Option(
            "--database", help="Prefect's database (postgresql+asyncpg://…) instead of SQLite in the folder."
        ),
    ] = "",
) -> None:
    """Start object store, Prefect server, work pool, worker and deployments on this machine. Ctrl-C stops all."""
    import os
    import sys

    # deployments/ stands above flows/, so it is started as a program of its own, not imported
    # and its children write logs of their own
    for name in ("PREFECT_LOGGING_LEVEL", "PREFECT_SERVER_LOGGING_LEVEL"):
        os.environ.pop(name, None)
    arguments = ["--folder", str(folder), "--port", str(port), "--store", store, "--database", database]
    os.execv(sys.executable, [sys.executable, "-m", "deployments.up", *arguments])  # noqa: S606


def register(app: typer.Typer) -> None:
    """Attach the command."""
    app.command("up")(up)
