"""`thoughttrace release` and `demo`: from exports to a version, with progress and a summary."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from flows.cli.checks import check_budget, check_release, check_set_version, one_of
from flows.cli.config import ConfigOption
from flows.cli.output import JsonOption, StoreOption, YesOption, console, name_user, print_json
from schemas.config import Policy, ReviewMode
from schemas.params import Bump as Step

if TYPE_CHECKING:
    from collections.abc import Mapping

DEMO_CONVERSATIONS = 60
DEMO_SEED = 7

Exports = Annotated[
    list[str],
    typer.Argument(help="Export files, folders, patterns or s3:// addresses.", show_default=False),
]
Append = Annotated[
    bool,
    typer.Option("--append", help="Start from the latest release and add or replace conversations by id."),
]
AllowRemovals = Annotated[
    bool,
    typer.Option(
        "--allow-removals", help="Let conversations of the last release vanish beyond the set share."
    ),
]
PolicyOption = Annotated[
    str | None,
    typer.Option(
        "--policy",
        help="Privacy policy: strict, as-published, or auto (by dialect).",
        show_default=False,
        callback=one_of("--policy", Policy),
    ),
]
Review = Annotated[
    str | None,
    typer.Option(
        "--review",
        help="Uncertain spans: block the run, mask them, or auto (as the policy says).",
        show_default=False,
        callback=one_of("--review", ReviewMode),
    ),
]
ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model", help="Tagger: local, none, or a litellm model; a comma list is a fallback order."
    ),
]
BudgetOption = Annotated[
    float | None,
    typer.Option(
        "--budget",
        help="Hard limit for provider calls, in USD.",
        show_default=False,
        callback=check_budget,
    ),
]
AllowUnpriced = Annotated[
    bool, typer.Option("--allow-unpriced", help="Run models whose price is unknown, counted as 0.")
]
Replay = Annotated[
    bool, typer.Option("--replay", help="Answer from the memo only; a missing answer fails the run.")
]
Bump = Annotated[
    str,
    typer.Option(
        "--bump", help="Version step: auto, major, minor or patch.", callback=one_of("--bump", Step)
    ),
]
SetVersion = Annotated[
    str, typer.Option("--set-version", help="Exact version, such as v1.4.0.", callback=check_set_version)
]
SingleWriter = Annotated[
    bool,
    typer.Option(
        "--single-writer", help="Publish to a store without conditional writes; nobody else may publish."
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change; stage and publish nothing.")]


def release(
    exports: Exports,
    store: StoreOption = "",
    append: Append = False,
    allow_removals: AllowRemovals = False,
    config: ConfigOption = None,
    policy: PolicyOption = None,
    review: Review = None,
    model: ModelOption = None,
    budget: BudgetOption = None,
    allow_unpriced: AllowUnpriced = False,
    replay: Replay = False,
    bump: Bump = "auto",
    set_version: SetVersion = "",
    single_writer: SingleWriter = False,
    dry_run: DryRun = False,
    yes: YesOption = False,
    json: JsonOption = False,
) -> int:
    """Turn raw exports into a release: read, scrub, validate, tag, count, gate, stage, and publish once approved.

    Without `--yes` and without a terminal the candidate is staged and its id printed;
    `thoughttrace approve ID` publishes it. A killed run goes on where it stopped.
    """
    outcome = run_release(
        {
            "exports": exports,
            "store": store,
            "config_file": config or "",
            "source": {"append": append, "allow_removals": allow_removals},
            "privacy": {"policy": policy or "", "review": review or ""},
            "tagging": {
                "model": model or "",
                "budget_usd": -1 if budget is None else budget,
                "allow_unpriced": allow_unpriced,
                "replay": replay,
            },
            "publishing": {
                "bump": bump or "auto",
                "set_version": set_version,
                "single_writer": single_writer,
                "dry_run": dry_run,
            },
        },
        yes=yes,
        as_json=json,
    )
    return show_outcome(outcome, as_json=json)


def demo(
    store: StoreOption = "demo-store",
    conversations: Annotated[
        int, typer.Option("--conversations", min=5, help="How many conversations to generate.")
    ] = DEMO_CONVERSATIONS,
    json: JsonOption = False,
) -> int:
    """Run a whole release on a generated export, with a throw-away id key. Nothing real is touched."""
    import os
    import secrets
    import tempfile

    from tasks.synth.export import generate, write_export

    if not os.environ.get("THOUGHTTRACE_ID_KEY") and not os.environ.get("THOUGHTTRACE_ID_KEY_FILE"):
        key_file = Path(store) / "demo-id-key"
        if not key_file.exists():
            key_file.parent.mkdir(parents=True, exist_ok=True)
            key_file.write_text(secrets.token_hex(32))
            key_file.chmod(0o600)
        os.environ["THOUGHTTRACE_ID_KEY_FILE"] = str(key_file)
        console.print(
            f"using a throw-away id key in {key_file}; a real release needs THOUGHTTRACE_ID_KEY",
            markup=False,
            soft_wrap=True,
        )
    with tempfile.TemporaryDirectory() as folder:
        export = Path(folder) / "generated-export.jsonl.gz"
        write_export(generate(conversations, DEMO_SEED, "session", short=True), export)
        outcome = run_release(
            {"exports": [str(export)], "store": store, "privacy": {"review": "mask"}}, yes=True
        )
    return show_outcome(outcome, as_json=json)


def run_release(parameters: Mapping[str, Any], *, yes: bool, as_json: bool = False) -> dict[str, Any]:
    """Run the release flow in this process; asks at the terminal before publishing.

    Args:
        parameters: parameters of `flows.release.release`.
        yes: publish without asking.
        as_json: progress as JSON lines on stderr.
    """
    from flows.cli.progress import show_progress, write_document
    from flows.processes import open_processes_early

    check_release(parameters["exports"], parameters["store"], parameters.get("config_file", ""))
    early = open_processes_early(parameters["exports"], parameters.get("config_file", ""))
    with show_progress("starting Prefect", as_json=as_json), early:
        from flows.release import release as release_flow

        outcome: dict[str, Any] = cast("Any", release_flow)(
            **parameters, approval="none" if yes else "stage", approved_by=name_user() if yes else ""
        )
    if outcome["status"] != "staged" or not sys.stdin.isatty():
        return outcome
    if as_json:
        write_document("candidate", outcome)
    else:
        show_summary(outcome)
    if not typer.confirm(f"Publish {outcome['version']}?", err=True):
        return outcome
    with show_progress("publishing", as_json=as_json):
        from flows.approve import approve

        published = approve(
            candidate_id=outcome["candidate_id"],
            store=parameters["store"],
            config_file=parameters.get("config_file", ""),
            approved_by=name_user(),
            single_writer=parameters.get("publishing", {}).get("single_writer", False),
        )
    return outcome | {"status": "published", "places": published["places"]}


def show_outcome(outcome: dict[str, Any], *, as_json: bool) -> int:
    """Print the result of a release; returns the exit code."""
    if as_json:
        print_json(outcome)
    else:
        show_summary(outcome)
    return 0


def show_summary(outcome: dict[str, Any]) -> None:
    """Print counts, funnel, label shares, places and how to load the files."""
    from flows.cli.summary import render_summary

    render_summary(outcome)


def register(app: typer.Typer) -> None:
    """Attach `release` and `demo`."""
    app.command("release")(release)
    app.command("demo")(demo)
