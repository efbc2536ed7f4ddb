"""`thoughttrace withdraw`: participants who take their data back."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.config import ConfigOption
from flows.cli.output import JsonOption, StoreOption, YesOption, console, print_json, stdout_console

if TYPE_CHECKING:
    from tasks.withdraw.foresee import Outlook

_TABLES = ("participants", "conversations", "messages", "thoughts", "labels")


def withdraw(
    ids: Annotated[
        Path, typer.Option("--ids", help="List of recruitment ids or public ids, one a line; never stored.")
    ],
    store: StoreOption = "",
    purge: Annotated[
        bool, typer.Option("--purge", help="Also delete every file that holds them, with all versions.")
    ] = False,
    single_writer: Annotated[
        bool,
        typer.Option("--single-writer", help="Publish to a store without conditional writes."),
    ] = False,
    yes: YesOption = False,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """Release the data without some participants, yank what holds them, and on demand delete it.

    Without `--yes` and without a terminal only the plan is shown. Nobody is renumbered, and a later
    export that still carries them is filtered. A killed run is completed by the same command.
    """
    import os

    from flows.run import open_run
    from tasks.storage.store import open_store
    from tasks.withdraw.foresee import foresee_withdrawal

    run = open_run(store, config or "")
    outlook = foresee_withdrawal(open_store(run.store), open_store(run.private), ids, os.environ)
    if not yes:
        may_ask = sys.stdin.isatty()
        _show_plan(outlook, purge=purge, as_json=json, may_ask=may_ask)
        if not may_ask:
            console.print("nothing was done; --yes does it")
            return 0
        typer.confirm("Withdraw them?", abort=True, err=True)
    outcome = _run(ids, store, config or "", purge, single_writer, as_json=json)
    if json:
        print_json(outcome)
        return 0
    typer.echo(
        f"{outcome['n_participants']} participants withdrawn; yanked {', '.join(outcome['yanked']) or 'nothing'}; "
        f"latest is {outcome['latest'] or 'nothing now'}"
    )
    _tell_unknown(outcome["unknown_lines"])
    if purge:
        done = outcome["receipt"]["purged"]
        typer.echo(f"{done['n_objects_deleted']:,} files deleted, {done['n_files_rewritten']:,} rewritten")
        typer.echo(
            "a mirror on the Hugging Face hub keeps its history until you run: "
            f"thoughttrace push hf REPO {outcome['latest'] or 'VERSION'} and squash it with "
            "`hf repo squash REPO` or HfApi().super_squash_history(repo_id=REPO, repo_type='dataset')"
        )
    return 0


def _run(
    ids: Path, store: str, config: str, purge: bool, single_writer: bool, *, as_json: bool
) -> dict[str, Any]:
    from flows.cli.progress import show_progress

    with show_progress("starting Prefect", as_json=as_json):
        from flows.withdraw import withdraw as withdraw_flow

        outcome: dict[str, Any] = withdraw_flow(
            ids_file=str(ids.resolve()),
            store=store,
            config_file=config,
            purge_files=purge,
            single_writer=single_writer,
        )
    return outcome


def _show_plan(outlook: Outlook, *, purge: bool, as_json: bool, may_ask: bool) -> None:
    if as_json:
        from flows.cli.progress import show_plan

        plan = {
            "status": "planned",
            "n_participants": outlook.n_participants,
            "unknown_lines": outlook.unknown_lines,
            "purge": purge,
            "releases": [
                {"version": a.version, "is_yanked": a.is_yanked, "n_rows": a.n_rows} for a in outlook.releases
            ],
        }
        show_plan("withdrawal plan", plan, may_ask=may_ask)
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("release", *_TABLES, "will be"):
        table.add_column(column)
    for item in outlook.releases:
        cells = [f"{item.n_rows.get(name, 0):,}" for name in _TABLES]
        table.add_row(item.version, *cells, "deleted" if purge else "yanked")
    stdout_console().print(table)
    typer.echo(f"{outlook.n_participants} participants are known; rows above are theirs")
    if purge:
        typer.echo("memo entries stay where a remaining release holds their text; the others go")
    _tell_unknown(outlook.unknown_lines)


def _tell_unknown(lines: list[int]) -> None:
    if lines:
        shown = ", ".join(str(n) for n in lines[:10]) + (", …" if len(lines) > 10 else "")
        console.print(f"{len(lines)} ids are not known in this store: lines {shown}", markup=False)


def register(app: typer.Typer) -> None:
    """Attach `withdraw`."""
    app.command("withdraw")(withdraw)
