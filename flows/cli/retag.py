"""`thoughttrace plan-retag` and `retag`: after a taxonomy changed."""

from __future__ import annotations

from typing import Annotated, Any, cast

import typer

from flows.cli.config import ConfigOption
from flows.cli.output import JsonOption, StoreOption, YesOption, name_user, print_json, stdout_console
from flows.cli.release import BudgetOption

VersionArgument = Annotated[str, typer.Argument(help="Release to re-tag: the latest version, or `latest`.")]
TaxonomyOption = Annotated[
    list[str], typer.Option("--taxonomy", help="Taxonomy file; give one for each facet that changed.")
]
ModelOption = Annotated[
    str,
    typer.Option(
        "--model", help="Tagger: local, none, or a litellm model; a comma list is a fallback order."
    ),
]


def plan_retag(
    version: VersionArgument,
    taxonomy: TaxonomyOption,
    model: ModelOption = "",
    store: StoreOption = "",
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Show what each change of a taxonomy touches, and what the calls would cost; asks no provider."""
    from rich.table import Table

    from flows.cli.spending import render_plan
    from flows.run import open_run
    from schemas.params import TaggingOptions
    from tasks.tag.retag_plan import describe_plan

    run = open_run(store, config or "", tagging=TaggingOptions(model=model)).with_taxonomies(taxonomy)
    plan = describe_plan(run, version)
    if json:
        print_json(plan)
        return
    table = Table(box=None, pad_edge=False, title=f"re-tag of {plan['version']}", title_justify="left")
    numbers = ("items", "questions", "calls", "USD")
    for column in ("facet", "change", "from", "to", *numbers):
        table.add_column(column, justify="right" if column in numbers else "left")
    for change in plan["changes"]:
        table.add_row(
            change["facet"],
            change["kind"],
            ", ".join(change["from_nodes"]),
            ", ".join(change["to_nodes"]),
            f"{change['n_items']:,}",
            f"{change['n_questions']:,}",
            f"{change['n_calls']:,}",
            "unknown" if change["usd"] is None else f"{change['usd']:.4f}",
        )
    console = stdout_console()
    console.print(table)
    estimate = plan["estimate"] | {"budget_usd": run.settings.tag.budget_usd}
    if estimate["lines"]:
        console.print()
        console.print(render_plan(estimate, "calls"))
    else:
        console.print("\n0 calls: the embedded tagger asks no provider")


def retag(
    version: VersionArgument,
    taxonomy: TaxonomyOption,
    model: ModelOption = "",
    budget: BudgetOption = None,
    allow_unpriced: Annotated[
        bool, typer.Option("--allow-unpriced", help="Run models whose price is unknown, counted as 0.")
    ] = False,
    store: StoreOption = "",
    config: ConfigOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change; stage and publish nothing.")
    ] = False,
    yes: YesOption = False,
    json: JsonOption = False,
) -> int:
    """Re-tag the latest release after a taxonomy change: new labels and views, the same text and shards.

    Without `--yes` the candidate is staged; `thoughttrace approve ID` publishes it.
    """
    from flows.cli.progress import show_progress
    from flows.cli.release import show_outcome

    with show_progress("starting Prefect", as_json=json):
        from flows.retag import retag as retag_flow

        outcome: dict[str, Any] = cast("Any", retag_flow)(
            version=version,
            taxonomies=taxonomy,
            store=store,
            config_file=config or "",
            tagging={
                "model": model,
                "budget_usd": -1 if budget is None else budget,
                "allow_unpriced": allow_unpriced,
            },
            publishing={"dry_run": dry_run},
            approval="none" if yes else "stage",
            approved_by=name_user() if yes else "",
        )
    return show_outcome(outcome, as_json=json)


def register(app: typer.Typer) -> None:
    """Attach the commands."""
    app.command("plan-retag")(plan_retag)
    app.command("retag")(retag)
