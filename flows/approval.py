"""A person lets a release out: the form that the Prefect UI shows while the run is suspended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

from prefect.flow_runs import suspend_flow_run
from prefect.input import RunInput
from pydantic import Field

WAIT = timedelta(days=7)
"""How long a candidate waits for its approval before the run fails; the candidate itself stays."""


class PublishDecision(RunInput):
    """The form. The default is the safe answer."""

    decision: Literal["reject", "publish"] = Field(default="reject", title="Decision")
    reviewer: str = Field(title="Your name", min_length=2)
    reason: str = Field(default="", title="Reason", description="Needed for a rejection.")


def ask_maintainer(outcome: Mapping[str, Any]) -> PublishDecision:
    """Suspend the run until a person has decided.

    The process ends meanwhile; on resume the flow runs again from the top and every finished step is
    found by its fingerprint.

    Args:
        outcome: the staged candidate as `flows.outcome` describes it.
    """
    return suspend_flow_run(
        wait_for_input=PublishDecision.with_initial_data(description=describe_candidate(outcome)),
        timeout=int(WAIT.total_seconds()),
        key=f"approve-{outcome['candidate_id'][:12]}",
    )


def describe_candidate(outcome: Mapping[str, Any]) -> str:
    """Write what a maintainer needs to know before letting a candidate out, as Markdown: counts only."""
    counts = "".join(f"| {name} | {value:,} |\n" for name, value in outcome["counts"].items())
    funnel = "".join(
        f"| {row['stage']} | {row['n_in']:,} | {row['n_out']:,} | {row['n_quarantined']:,} "
        f"| {row['n_removed']:,} |\n"
        for row in outcome["funnel"]
        if row["table_name"] == "conversations"
    )
    warnings = "".join(f"- {why}\n" for why in outcome["gate"]["warnings"]) or "none\n"
    return (
        f"## {outcome['version']} after {outcome['parent'] or 'nothing (first release)'}\n\n"
        f"Candidate `{outcome['candidate_id']}`, policy {outcome['policy']}.\n\n"
        f"| what | count |\n|---|---|\n{counts}\n"
        f"| conversations | in | out | quarantined | removed |\n|---|---|---|---|---|\n{funnel}\n"
        f"**Gate warnings:** {warnings}\n"
        f"**Spans masked:** {outcome['privacy'].get('n_redactions', 0):,} · "
        f"**cost:** {outcome['cost'].get('usd', 0):.2f} USD\n\n"
        f"Files and report: `{outcome['places'].get('candidate', '')}`\n"
    )
