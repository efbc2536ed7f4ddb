"""Where commands write: results to stdout, everything else to stderr."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer
from rich.console import Console

console = Console(stderr=True, highlight=False)

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


def print_error(message: str) -> None:
    """Print one line to stderr, without markup (a message may hold brackets)."""
    console.print(f"error: {message}", markup=False, style="red", soft_wrap=True)


def print_json(value: Any) -> None:
    """Print one JSON document to stdout: sorted keys, dates as ISO 8601."""
    json.dump(value, sys.stdout, ensure_ascii=False, indent=2, sort_keys=True, default=str)
    sys.stdout.write("\n")
