"""`thoughttrace evaluate`: research suites on a release, and a look at those that were run."""

from __future__ import annotations

import sys
from typing import Annotated, Any, cast

import typer
from rich.console import Console

from flows.cli.config import ConfigOption
from flows.cli.output import JsonOption, StoreOption, YesOption, console, print_json, stdout_console


def evaluate(
    version: Annotated[str, typer.Argument(help="Release to evaluate: a version or `latest`.")] = "latest",
    suite: Annotated[
        str,
        typer.Option(
            "--suite",
            help="semantic-shift, thought-inference, next-message, alignment-pairs or thought-dynamics.",
        ),
    ] = "",
    method: Annotated[
        str, typer.Option("--method", help="For thought-inference: `direct`, or `autotom` (both, compared).")
    ] = "",
    model: Annotated[
        str,
        typer.Option(
            "--model", help="Model that predicts: `local` or a litellm model; a comma list runs several."
        ),
    ] = "",
    judge: Annotated[
        str,
        typer.Option(
            "--judge", help="Model that judges, another than the one that predicts; several by comma."
        ),
    ] = "",
    embedding_model: Annotated[
        str,
        typer.Option("--embedding-model", help="For semantic-shift: `local` or a litellm embedding model."),
    ] = "",
    budget: Annotated[
        float | None,
        typer.Option("--budget", min=0, help="Hard limit for provider calls, in USD.", show_default=False),
    ] = None,
    allow_unpriced: Annotated[
        bool, typer.Option("--allow-unpriced", help="Use a model whose price is unknown, counted as 0.")
    ] = False,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit", min=0, help="Items at most, drawn by a hash of their ids.", show_default=False
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show calls, tokens and price; ask nobody.")
    ] = False,
    list_them: Annotated[bool, typer.Option("--list", help="List the evaluations that were run.")] = False,
    show: Annotated[
        str, typer.Option("--show", help="Print the results of this run, as `--list` names it.")
    ] = "",
    store: StoreOption = "",
    config: ConfigOption = None,
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Run a research suite on a release, and show its figures beside the paper's.

    The plan with calls, tokens and price comes first. Results lie in `evaluations/<suite>/<run>/` of the
    private store, for they hold text. The same command again goes on where it stopped and pays for nothing twice.
    """
    from flows.run import open_run
    from schemas.errors import UsageError
    from schemas.params import EvaluationOptions

    if list_them or show:
        _look(open_run(store, config or "").private, suite, show, as_json=json)
        return
    if not suite:
        raise UsageError("which suite? pass --suite NAME, or --list for the evaluations that were run")
    if method not in ("", "direct", "autotom"):
        raise UsageError(f"no method {method!r}; known: direct, autotom")
    options = EvaluationOptions(
        method=method,
        model=model,
        judge=judge,
        embedding_model=embedding_model,
        budget_usd=-1 if budget is None else budget,
        allow_unpriced=allow_unpriced,
        limit=-1 if limit is None else limit,
    )
    run = open_run(store, config or "", evaluation=options)
    from flows.cli.progress import write_document
    from tasks.evaluate.plan import check_budget, describe_evaluation

    plan = describe_evaluation(run, version, suite, method)
    if not json:
        _print_plan(plan, stdout_console() if dry_run else console)
    elif dry_run:
        print_json(plan)
    else:
        write_document("evaluation plan", plan)
    if dry_run:
        return
    check_budget(plan, run.settings)
    if plan["usd"] and not yes and sys.stdin.isatty():
        typer.confirm("Start?", abort=True, err=True)
    summary = _run(suite, plan["version"], store, config or "", options, as_json=json)
    if json:
        print_json(summary)
    else:
        _print_summary(summary)


def _print_plan(plan: dict[str, Any], to: Console) -> None:
    from rich.table import Table

    table = Table(
        box=None, pad_edge=False, title=f"{plan['suite']} of {plan['version']}", title_justify="left"
    )
    for column in ("step", "model", "questions", "known", "calls", "tokens in", "tokens out", "USD"):
        table.add_column(column, justify="left" if column in {"step", "model"} else "right")
    for step in plan["steps"]:
        usd = "unknown" if step["usd"] is None else f"{step['usd']:.4f}"
        numbers = ("n_questions", "n_known", "n_calls", "input_tokens", "output_tokens")
        table.add_row(step["step"], step["model"], *(f"{step[n]:,}" for n in numbers), usd)
    to.print(table)
    items = ", ".join(f"{n:,} {group}" for group, n in plan["n_items"].items()) or "none"
    left = ", ".join(f"{n:,} {rule}" for rule, n in plan["n_left_out"].items()) or "none"
    price = "at an unknown price" if plan["usd"] is None else f"about {plan['usd']:.4f} USD"
    to.print(f"items: {items} · left out: {left}", markup=False, soft_wrap=True)
    to.print(
        f"{plan['calls']:,} calls to providers, {price}, about {plan['seconds']:.0f} s; "
        f"budget {plan['budget_usd']:g} USD",
        markup=False,
        soft_wrap=True,
    )


def _run(suite: str, version: str, store: str, config: str, options: Any, *, as_json: bool) -> dict[str, Any]:
    from flows.cli.progress import show_progress

    with show_progress("starting Prefect", as_json=as_json):
        from flows.evaluate import evaluate as evaluate_flow

        return cast("Any", evaluate_flow)(
            suite=suite, version=version, store=store, config_file=config, options=options.model_dump()
        )


def _look(private: str, suite: str, run: str, *, as_json: bool) -> None:
    from rich.table import Table

    from tasks.evaluate.folder import find_run, list_runs
    from tasks.storage.store import open_store

    if run:
        summary = find_run(open_store(private), run)
        if as_json:
            print_json(summary)
        else:
            _print_summary(summary)
        return
    runs = list_runs(open_store(private), suite)
    if as_json:
        keys = (
            "suite",
            "run",
            "version",
            "status",
            "method",
            "models",
            "judges",
            "evaluated_at",
            "counts",
            "cost",
        )
        print_json([{k: s[k] for k in keys} for s in runs])
        return
    table = Table(box=None, pad_edge=False)
    for column in ("suite", "run", "status", "items", "models", "judges", "USD", "at"):
        table.add_column(column, overflow="fold")
    for s in runs:
        table.add_row(
            s["suite"],
            s["run"],
            s["status"],
            f"{s['counts']['items']:,}",
            ", ".join(s["models"]),
            ", ".join(s["judges"]),
            f"{s['cost']['usd']:.4f}",
            s["evaluated_at"],
        )
    stdout_console().print(table)


def _print_summary(summary: dict[str, Any]) -> None:
    from rich.table import Table

    out = stdout_console()
    out.print(f"{summary['suite']} of {summary['version']}: {summary['status']}", markup=False, style="bold")
    for note in summary["notes"]:
        out.print(f"note: {note}", markup=False)
    table = Table(box=None, pad_edge=False)
    for column in ("what", "n", "of", "value", "95 % interval", "paper"):
        table.add_column(column, justify="left" if column == "what" else "right", overflow="fold")
    for row in summary["results"]:
        name = [row[k] for k in ("metric", "group", "condition", "model", "judge")]
        interval = "–" if row["low"] is None else f"{row['low']:.4g} – {row['high']:.4g}"
        table.add_row(
            " · ".join(part for part in name if part),
            f"{row['n']:,}",
            f"{row['n_of']:,}",
            "–" if row["value"] is None else f"{row['value']:.4g}",
            interval,
            "–" if row["published"] is None else f"{row['published']:g}",
        )
    out.print(table)
    for name, found in summary["checks"].items():
        for entry in found if isinstance(found, list) else [found]:
            told = entry if isinstance(entry, dict) else {"": entry}
            out.print(f"{name}: " + ", ".join(f"{k} {v}".strip() for k, v in told.items()), markup=False)
    for title, counts in (("left out", "left_out"), ("failed", "failures")):
        for step, errors in summary["counts"][counts].items():
            for error, n in errors.items():
                out.print(f"{title}: {n:,} × {error} ({step})", markup=False)
    out.print(
        f"{summary['cost']['calls']:,} calls, {summary['cost']['memo_hits']:,} answers from the memo, "
        f"{summary['cost']['usd']:.4f} USD",
        markup=False,
    )
    if "folder" in summary:
        out.print(f"results: {summary['folder']}", markup=False, soft_wrap=True)


def register(app: typer.Typer) -> None:
    """Attach the command."""
    app.command("evaluate")(evaluate)
