"""`thoughttrace candidates`, `approve` and `reject`: what waits for a person, and the person's answer."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.config import ConfigOption
from flows.cli.output import (
    JsonOption,
    StoreOption,
    console,
    name_user,
    print_json,
    print_line,
    stdout_console,
)

if TYPE_CHECKING:
    from schemas.manifest import Candidate
    from schemas.run import RunContext

MIN_ID = 4
"""Characters of a candidate's id that are enough to name it."""

CandidateArgument = Annotated[
    str, typer.Argument(help="Candidate id, or its first four characters or more.", show_default=False)
]


def candidates(store: StoreOption = "", config: ConfigOption = None, json: JsonOption = False) -> None:
    """List the candidates that wait for approval."""
    from rich.table import Table

    from flows.run import open_run
    from tasks.publish.candidate import list_candidates
    from tasks.storage.store import open_store

    found = [_describe(c) for c in list_candidates(open_store(open_run(store, config or "").private))]
    if json:
        print_json(found)
        return
    if not found:
        console.print("no candidate waits for approval")
        return
    table = Table(box=None, pad_edge=False)
    for column in ("candidate", "version", "after", "conversations", "staged at"):
        table.add_column(column, justify="right" if column == "conversations" else "left")
    for row in found:
        table.add_row(
            row["candidate_id"],
            row["version"],
            row["parent"] or "-",
            f"{row['n_conversations']:,}",
            row["staged_at"],
        )
    stdout_console().print(table)


def approve(
    candidate: CandidateArgument,
    set_version: Annotated[
        str,
        typer.Option("--set-version", help="Publish it under this version; its pages are written anew."),
    ] = "",
    single_writer: Annotated[
        bool, typer.Option("--single-writer", help="Publish to a store without conditional writes.")
    ] = False,
    store: StoreOption = "",
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Publish a staged candidate; its parent must still be the latest release."""
    from flows.cli.progress import show_progress
    from flows.run import open_run

    run = open_run(store, config or "")
    found = find_candidate(run, candidate)
    approved = found
    with show_progress(f"publishing {set_version or found.version}", as_json=json):
        if set_version and set_version != found.version:
            from flows.cli.rename import stage_under

            approved = stage_under(run, found, set_version, config or "")
        from flows.approve import approve as approve_flow

        outcome = approve_flow(
            candidate_id=approved.candidate_id,
            store=store,
            config_file=config or "",
            approved_by=name_user(),
            single_writer=single_writer,
        )
        if approved is not found:
            _settle(run, found.candidate_id, outcome["version"])
    if json:
        print_json(outcome)
    else:
        print_line(f"published {outcome['version']}: {outcome['places']['release']}")


def reject(
    candidate: CandidateArgument,
    why: Annotated[str, typer.Option("--why", help="The reason, for the log.", show_default=False)],
    store: StoreOption = "",
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Delete a staged candidate; nothing of it was ever public."""
    from flows.run import open_run
    from tasks.publish.candidate import delete_candidate

    run = open_run(store, config or "")
    found = find_candidate(run, candidate)
    delete_candidate(_private(run), found.candidate_id)
    if os.environ.get("PREFECT_API_URL"):
        from flows.approval import rejected_by
        from flows.waiting import end_waiting_runs

        end_waiting_runs(found.candidate_id, rejected_by(name_user(), why))
    if json:
        print_json({"status": "rejected", "candidate_id": found.candidate_id, "why": why})
    else:
        print_line(f"rejected {found.candidate_id} ({found.version}): {why}")


def find_candidate(run: RunContext, start: str) -> Candidate:
    """Find the one candidate whose id starts with this.

    Raises:
        UsageError: none, or several, or too few characters to mean one.
    """
    from schemas.errors import UsageError
    from tasks.publish.candidate import list_candidates

    # an empty variable of a script must not stand for whatever waits
    if len(start) < MIN_ID:
        raise UsageError(f"candidate {start!r}: give at least {MIN_ID} characters of its id")
    found = [c for c in list_candidates(_private(run)) if c.candidate_id.startswith(start)]
    if len(found) != 1:
        told = f"{len(found)} candidates start with" if found else "no candidate"
        raise UsageError(f"{told} {start}; `thoughttrace candidates --store {run.store}` lists them")
    return found[0]


def _settle(run: RunContext, candidate_id: str, version: str) -> None:
    """Take away a candidate that was published under another version, and end the run that waits for it."""
    from flows.approval import published_by
    from flows.waiting import end_waiting_runs
    from tasks.publish.candidate import delete_candidate

    delete_candidate(_private(run), candidate_id)
    end_waiting_runs(candidate_id, published_by(name_user(), version))


def _private(run: RunContext) -> Any:
    from tasks.storage.store import open_store

    return open_store(run.private)


def _describe(candidate: Candidate) -> dict[str, Any]:
    return {
        "candidate_id": candidate.candidate_id,
        "version": candidate.version,
        "parent": candidate.parent.version if candidate.parent else None,
        "n_conversations": candidate.tables["conversations"].n_rows,
        "staged_at": candidate.staged_at,
    }


def register(app: typer.Typer) -> None:
    """Attach the commands."""
    app.command("candidates")(candidates)
    app.command("approve")(approve)
    app.command("reject")(reject)
