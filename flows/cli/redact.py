"""`thoughttrace redact`: personal data that somebody found in a published release."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.cli.config import ConfigOption
from flows.cli.output import JsonOption, StoreOption, YesOption, console, print_json, stdout_console


def redact(
    spans: Annotated[
        Path, typer.Option("--spans", help="JSONL of places or texts that leaked; read, never stored.")
    ],
    store: StoreOption = "",
    purge: Annotated[
        bool,
        typer.Option(
            "--purge", help="Also delete every file that holds them, with all versions, and the memo."
        ),
    ] = False,
    single_writer: Annotated[
        bool,
        typer.Option("--single-writer", help="Publish to a store without conditional writes."),
    ] = False,
    yes: YesOption = False,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """Mask what leaked in a patch release, yank what holds it, and mask it in every later release.

    Without `--yes` and without a terminal only the plan is shown. Nothing that leaked is quoted anywhere; an
    advisory in the changelog says that and what kind. A killed run is completed by the same command.
    """
    from flows.cli.progress import show_progress

    if not yes:
        may_ask = sys.stdin.isatty()
        _plan(spans, store, config or "", purge=purge, as_json=json, may_ask=may_ask)
        if not may_ask:
            console.print("nothing was done; --yes does it")
            return 0
        typer.confirm("Redact it?", abort=True, err=True)
    with show_progress("starting Prefect", as_json=json):
        from flows.redact import redact as redact_flow

        outcome: dict[str, Any] = redact_flow(
            spans_file=str(spans.resolve()),
            store=store,
            config_file=config or "",
            purge_files=purge,
            single_writer=single_writer,
        )
    if json:
        print_json(outcome)
        return 0
    typer.echo(
        f"{outcome['n_values']} values masked; yanked {', '.join(outcome['yanked']) or 'nothing'}; "
        f"latest is {outcome['latest'] or 'nothing now'}"
    )
    if purge:
        done = outcome["receipt"]["purged"]
        typer.echo(f"{done['n_objects_deleted']:,} files deleted, {done['n_files_rewritten']:,} rewritten")
        typer.echo(
            "a mirror on the Hugging Face hub keeps its history until you run: "
            f"thoughttrace push hf REPO {outcome['latest'] or 'VERSION'} and squash it with "
            "`hf repo squash REPO` or HfApi().super_squash_history(repo_id=REPO, repo_type='dataset')"
        )
    return 0


def _plan(spans: Path, store: str, config: str, *, purge: bool, as_json: bool, may_ask: bool) -> None:
    from flows.run import open_run
    from tasks.redact.task import foresee_redaction

    found = foresee_redaction(open_run(store, config), spans)
    if as_json:
        from flows.cli.progress import show_plan

        plan = {"status": "planned", "purge": purge, **found}
        show_plan("redaction plan", plan, may_ask=may_ask)
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("release", "spans", "conversations", "will be"):
        table.add_column(column)
    for item in found["releases"]:
        cells = (f"{item['n_spans']:,}", f"{item['n_conversations']:,}")
        table.add_row(item["version"], *cells, "deleted" if purge else "yanked")
    stdout_console().print(table)
    typer.echo(f"{found['n_lines']} lines, {found['n_values']} values; later releases mask them as well")
    if not found["releases"]:
        typer.echo("no release holds them")


def register(app: typer.Typer) -> None:
    """Attach `redact`."""
    app.command("redact")(redact)
