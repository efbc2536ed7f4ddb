"""The summary of a release at the terminal: counts, funnel, labels, privacy, and how to load it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from flows.cli.output import stdout_console
from flows.cli.spending import render_plan

_STATUS = {
    "published": "published",
    "staged": "staged, waiting for approval",
    "unchanged": "nothing changed since the last release; no new version",
    "dry-run": "dry run; nothing was staged or published",
}


def render_summary(outcome: Mapping[str, Any]) -> None:
    """Print the outcome of a release flow to stdout."""
    console = stdout_console()
    parts: list[Any] = [_headline(outcome)]
    if outcome["status"] != "unchanged":
        parts += [_counts(outcome), _funnel(outcome), _labels(outcome), _quality(outcome)]
        parts += [_privacy(outcome), _gate(outcome)]
    if outcome["status"] == "dry-run" and outcome.get("tagging_plan", {}).get("calls"):
        parts += [Text(), render_plan(outcome["tagging_plan"], "tagging plan; nothing was asked")]
    console.print(Group(*(p for p in parts if p is not None)))
    # commands to copy must not be cut
    console.print(_places(outcome), soft_wrap=True)


def _headline(outcome: Mapping[str, Any]) -> Text:
    text = Text()
    text.append(f"\n{outcome['version']} ", style="bold")
    text.append(
        _STATUS[outcome["status"]], style="bold green" if outcome["status"] == "published" else "bold"
    )
    parent = outcome.get("parent")
    if outcome["status"] != "unchanged":
        text.append(f"  (after {parent})" if parent else "  (first release)")
    text.append(f" · policy {outcome['policy']}\n")
    return text


def _counts(outcome: Mapping[str, Any]) -> Table:
    counts = outcome["counts"]
    table = Table(box=None, pad_edge=False, show_header=True, header_style="dim")
    for name in counts:
        table.add_column(name.replace("_", " "), justify="right")
    table.add_row(*(f"{value:,}" for value in counts.values()))
    return table


def _funnel(outcome: Mapping[str, Any]) -> Table:
    table = Table(title="\nconversations", title_justify="left", box=None, pad_edge=False, header_style="dim")
    for name in ("stage", "in", "out", "quarantined", "removed"):
        table.add_column(name, justify="left" if name == "stage" else "right")
    for row in outcome["funnel"]:
        if row["table_name"] == "conversations":
            table.add_row(
                row["stage"],
                *(f"{row[key]:,}" for key in ("n_in", "n_out", "n_quarantined", "n_removed")),
            )
    for row in outcome["quarantine"]:
        table.add_row(f"  {row['rule']}", "", "", f"{row['n_conversations']:,}", "", style="yellow")
    if outcome["quarantine"]:
        table.caption, table.caption_justify = "thoughttrace quarantine lists every fault", "left"
    return table


def _labels(outcome: Mapping[str, Any]) -> Table:
    table = Table(title="\nlabels", title_justify="left", box=None, pad_edge=False, header_style="dim")
    for name in ("facet", "label", "n", "share"):
        table.add_column(name, justify="right" if name in {"n", "share"} else "left")
    for facet, values in outcome["labels"].items():
        # a count below the smallest published cell is held back; then the whole is unknown, and so are shares
        total = 0 if None in values.values() else sum(values.values())
        for index, (value, n) in enumerate(values.items()):
            shown = ("held back", "") if n is None else (f"{n:,}", f"{n / total:.1%}" if total else "")
            table.add_row(facet if index == 0 else "", value, *shown)
    if outcome["held_labels"]:
        table.caption = (
            f"{', '.join(outcome['held_labels'])}: as released before, for too little has changed since"
        )
        table.caption_justify = "left"
    return table


def _quality(outcome: Mapping[str, Any]) -> Text | None:
    from tasks.report.agreement import list_scores

    text = Text()
    for facet, name, score in list_scores(outcome["quality"]):
        kappa = score.get("kappa") or {}
        if kappa.get("value") is not None:
            interval = f"[{kappa['low']:.2f}, {kappa['high']:.2f}]"
            text.append(f"\n{facet:13}κ {kappa['value']:.2f} {interval}  {name}, {score['n_items']:,} items")
    return Text("\nagreement").append(text) if text.plain else None


def _privacy(outcome: Mapping[str, Any]) -> Text:
    privacy = outcome["privacy"]
    text = Text("\nprivacy  ")
    text.append(f"{privacy['n_redactions']:,} spans masked")
    if privacy.get("n_review"):
        text.append(f" · {privacy['n_review']:,} uncertain spans listed for review")
    if privacy.get("k") is not None:
        text.append(f" · smallest group of participants k = {privacy['k']}")
    return text


def _gate(outcome: Mapping[str, Any]) -> Text:
    gate = outcome["gate"]
    text = Text("gate     ")
    text.append("passed" if gate["passed"] else "FAILED", style="green" if gate["passed"] else "bold red")
    for warning in gate["warnings"]:
        text.append(f"\n         warning: {warning}", style="yellow")
    return text


def _places(outcome: Mapping[str, Any]) -> Text:
    text = Text("\n")
    if outcome["status"] == "staged":
        text.append(f"candidate  {outcome['candidate_id']}\n")
        text.append(f"files      {outcome['places']['candidate']}\n")
        text.append(f"publish    thoughttrace approve {outcome['candidate_id']} --store {outcome['store']}\n")
    if outcome["status"] in {"published", "unchanged"}:
        folder = outcome["places"]["release"]
        text.append(f"files      {folder}\n")
        text.append(f"report     {outcome['places']['report']}\n\n")
        text.append(f'polars     pl.read_parquet("{folder}/messages/*.parquet")\n')
        text.append(f"DuckDB     SELECT * FROM '{folder}/messages/*.parquet'\n")  # noqa: S608 - shown, never run
        text.append(f'datasets   load_dataset("{folder}", "messages", split="train")\n')
    return text
