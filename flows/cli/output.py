"""Where commands write: results to stdout, everything else to stderr."""

from __future__ import annotations

import getpass
import json
import os
import sys
from typing import Annotated, Any

import typer
from rich.console import Console

console = Console(stderr=True, highlight=False)

_UNCUT = 100_000
"""Columns where no terminal cuts lines."""

StoreOption = Annotated[
    str,
    typer.Option(
        "--store",
        envvar="THOUGHTTRACE_STORE",
        help="Where releases live: a folder or s3://bucket/prefix.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document to stdout.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]


def name_user() -> str:
    """Who acts: the user's name, or `command line` where the system has none for them, as in a container."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "command line"


def stdout_console(*, soft_wrap: bool = False) -> Console:
    """Open a console for results: as wide as the terminal; in a pipe or a file no digest or path is cut.

    Args:
        soft_wrap: leave long lines to the terminal, for text that is copied from it.
    """
    is_cut = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(highlight=False, soft_wrap=soft_wrap, width=None if is_cut else _UNCUT)


def print_error(message: str) -> None:
    """Print one line to stderr, without markup (a message may hold brackets)."""
    console.print(f"error: {message}", markup=False, style="red", soft_wrap=True)


def print_line(text: str) -> None:
    """Print a result to stdout as it stands: nothing in it is markup, and no path is cut."""
    stdout_console(soft_wrap=True).print(text, markup=False)


def print_json(value: Any) -> None:
    """Print one JSON document to stdout: sorted keys, dates as ISO 8601."""
    json.dump(value, sys.stdout, ensure_ascii=False, indent=2, sort_keys=True, default=str)
    sys.stdout.write("\n")


def print_rows(columns: list[str], rows: list[list[str]]) -> None:
    """Print a table to stdout; nothing if it has no rows."""
    from rich.table import Table

    if not rows:
        return
    table = Table(box=None, pad_edge=False, show_header=any(columns))
    for i, column in enumerate(columns):
        is_number = all(r[i].replace(",", "").replace(".", "").isdigit() for r in rows)
        table.add_column(column, overflow="fold", justify="right" if is_number else "left")
    for row in rows:
        table.add_row(*(cell.replace("[", r"\[") for cell in row))
    stdout_console().print(table)
