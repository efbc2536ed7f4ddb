"""`thoughttrace config show`: every setting, its value and where it came from."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.cli.output import JsonOption, print_json, stdout_console

ConfigOption = Annotated[
    str | None,
    typer.Option(
        "--config", envvar="THOUGHTTRACE_CONFIG", help="Settings file, TOML or YAML.", show_default=False
    ),
]

config_app = typer.Typer(help="Look at the settings.", no_args_is_help=True)


@config_app.command("show")
def show(config: ConfigOption = None, json: JsonOption = False) -> None:
    """Print every setting with its value, its origin and what it does. Secrets are not settings and are never shown."""
    from rich.table import Table

    from flows.settings import resolve_settings

    rows = list(resolve_settings(config).rows())
    if json:
        print_json({row.key: {"value": row.value, "origin": row.origin} for row in rows})
        return
    table = Table(box=None, pad_edge=False)
    for column in ("setting", "value", "from", "meaning"):
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(row.key, repr(row.value), row.origin, row.description)
    stdout_console().print(table)


def register(app: typer.Typer) -> None:
    """Attach `config`."""
    app.add_typer(config_app, name="config")
