"""Run a research suite on a published release; its results lie in the private store."""

from __future__ import annotations

from typing import Any

from prefect import flow

from flows.progress import advance
from flows.run import open_run
from flows.telling import write_summary
from schemas.params import EvaluationOptions, SuiteName
from tasks.evaluate.plan import describe_evaluation
from tasks.evaluate.progress import listener
from tasks.evaluate.task import evaluate_suite
from tasks.report.markdown import markdown_code, markdown_text


@flow(name="plan-evaluation", flow_run_name="plan {suite} of {version}")
def plan_evaluation(
    suite: SuiteName,
    version: str = "latest",
    store: str = "",
    config_file: str = "",
    options: EvaluationOptions = EvaluationOptions(),
) -> dict[str, Any]:
    """Say what an evaluation would ask and cost; nothing is asked of any provider.

    Args:
        suite: Which research suite.
        version: Release to evaluate: a version or `latest`.
        store: Where releases live; empty means as the settings say.
        config_file: Settings file; empty means as the environment says.
        options: Which models answer and judge.
    """
    run = open_run(store, config_file, evaluation=options)
    return describe_evaluation(run, version, suite, options.method)


@flow(name="evaluate", flow_run_name="{suite} of {version}")
def evaluate(
    suite: SuiteName,
    version: str = "latest",
    store: str = "",
    config_file: str = "",
    options: EvaluationOptions = EvaluationOptions(),
) -> dict[str, Any]:
    """Run a research suite within its budget and write its result folder; repeat it to go on where it stopped.

    Args:
        suite: Which research suite.
        version: Release to evaluate: a version or `latest`.
        store: Where releases live; empty means as the settings say.
        config_file: Settings file; empty means as the environment says.
        options: Which models answer and judge, and what it may cost.
    """
    run = open_run(store, config_file, evaluation=options)
    advance("evaluating", 0)
    token = listener.set(advance)
    try:
        summary = evaluate_suite(run, version, suite, options.method)
    finally:
        listener.reset(token)
    write_summary(f"evaluation-{suite}-{summary['version']}", summarise(summary))
    return summary


def summarise(summary: dict[str, Any]) -> str:
    """Say in a screen what an evaluation found: figures with denominators, the paper's beside them."""
    counts = summary["counts"]
    lines = [
        f"## {summary['suite']} of {summary['version']}: {summary['status']}\n",
        summary["question"] + "\n",
        "".join(f"> {markdown_text(note)}\n>\n" for note in summary["notes"]),
        "| what | items | of | value | 95 % interval | paper |",
        "|---|---|---|---|---|---|",
    ]
    for row in summary["results"]:
        name = " · ".join(
            p for p in (row["metric"], row["group"], row["condition"], row["model"], row["judge"]) if p
        )
        lines.append(
            f"| {markdown_text(name)} | {row['n']:,} | {row['n_of']:,} | {show(row['value'])} "
            f"| {show(row['low'])} – {show(row['high'])} | {show(row['published'])} |"
        )
    lines += [
        "",
        f"{counts['items']:,} items of {counts['participants']:,} participants. Left out: {markdown_text(list_errors(counts['left_out']))}. "
        f"Failed: {markdown_text(list_errors(counts['failures']))}. Cost: {summary['cost']['usd']:.4f} USD, "
        f"{summary['cost']['calls']:,} calls, {summary['cost']['memo_hits']:,} answers from the memo.",
        "",
        f"Results: {markdown_code(summary.get('folder', ''))}",
    ]
    return "\n".join(lines) + "\n"


def show(value: float | None) -> str:
    """Return a figure in four digits, a dash where there is none."""
    return "–" if value is None else f"{value:.4g}"


def list_errors(counts: dict[str, dict[str, int]]) -> str:
    """Return the counts of errors in one line."""
    found = [f"{n:,} {step}/{error}" for step, errors in counts.items() for error, n in errors.items()]
    return ", ".join(found) or "none"
