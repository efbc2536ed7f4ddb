"""A person lets a release out: the form that the Prefect UI shows while the run is suspended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

from prefect.client.schemas.objects import State
from prefect.flow_runs import suspend_flow_run
from prefect.input import RunInput
from prefect.states import Completed
from pydantic import ConfigDict, Field

from flows.waiting import find_answer, forget_question, name_question
from tasks.report.markdown import markdown_code, markdown_text

WAIT = timedelta(days=7)
"""How long a candidate waits for its approval before the run fails; the candidate itself stays."""


_SHOWN = ("participants", "conversations", "messages", "thoughts", "labels")


class PublishDecision(RunInput):
    """The form. The default is the safe answer; the server refuses a rejection without a reason."""

    # said in the schema and not in a validator: the server checks the answer before it wakes the run
    model_config = ConfigDict(
        json_schema_extra={
            "if": {"properties": {"decision": {"const": "reject"}}},
            "then": {"properties": {"reason": {"minLength": 1, "pattern": r"\S"}}, "required": ["reason"]},
        }
    )

    decision: Literal["reject", "publish"] = Field(default="reject", title="Decision")
    reviewer: str = Field(title="Your name", min_length=2, description="Kept in the manifest of the release.")
    reason: str = Field(
        default="", title="Reason", description="Required when you reject; shown on the run's page."
    )
    set_version: str = Field(
        default="",
        title="Another version",
        description="Such as v2.0.0, to publish it under; empty keeps the proposed one.",
        pattern=r"^(v\d+\.\d+\.\d+)?$",
    )


def find_decision(candidate_id: str) -> PublishDecision | None:
    """What a person has decided about a candidate in this run, in this attempt or in one before it.

    The question is tied to the candidate: if another release was published meanwhile, the repeated run builds
    another candidate and asks again. A run that died after the answer and is retried goes on with it: the same
    candidate is the same content.
    """
    answer = find_answer(name_question(candidate_id))
    return None if answer is None else PublishDecision(**answer)


def ask_maintainer(outcome: Mapping[str, Any]) -> PublishDecision:
    """Suspend the run until a person has decided.

    The process ends meanwhile; on resume the flow runs again from the top, every finished step is found by its
    fingerprint, and `find_decision` finds the answer.

    Args:
        outcome: the staged candidate as `flows.outcome` describes it; without `report_url` a path is shown.
    """
    question = name_question(outcome["candidate_id"])
    forget_question(question)
    return suspend_flow_run(
        wait_for_input=PublishDecision.with_initial_data(description=describe_candidate(outcome)),
        timeout=int(WAIT.total_seconds()),
        key=question,
    )


def rejected(decision: PublishDecision) -> State[Any]:
    """The state of a run whose candidate was turned down: finished, and visibly without a release."""
    return rejected_by(decision.reviewer, decision.reason)


def rejected_by(reviewer: str, reason: str) -> State[Any]:
    """The same for a rejection that came from a terminal."""
    why = f": {reason}" if reason else ""
    return Completed(name="Rejected", message=f"Rejected by {reviewer}{why}")


def published_by(reviewer: str, version: str) -> State[Any]:
    """The state of a run that waited for a form while its candidate was approved at a terminal."""
    return Completed(name="Published", message=f"{version} was approved at a terminal by {reviewer}")


def describe_candidate(outcome: Mapping[str, Any]) -> str:
    """Write what a maintainer needs to know before letting a candidate out, as Markdown: counts only.

    Args:
        outcome: the staged candidate as `flows.outcome` describes it; without `report_url` a path is shown.
    """
    candidate = outcome["candidate_id"]
    privacy, gate = outcome["privacy"], outcome["gate"]
    review = privacy.get("review_by_status", {})
    warnings = "".join(f"\n  - {markdown_text(why)}" for why in gate["warnings"])
    report = (
        f"**[Open the report]({outcome['report_url']})**"
        if outcome.get("report_url")
        else f"**Report** in {markdown_code(outcome['places'].get('candidate', ''))}"
    )
    return (
        f"## {outcome['version']} after {outcome['parent'] or 'nothing (first release)'}\n\n"
        f"- {report}\n"
        f"{_changes(outcome)}"
        f"- {_funnel(outcome)}\n"
        f"- **Gate** {'passed' if gate['passed'] else 'failed'}, {len(gate['warnings'])} warnings{warnings}\n"
        f"- **Privacy** policy {outcome['policy']}, {privacy.get('n_redactions', 0):,} spans masked, "
        f"uncertain: {', '.join(f'{n:,} {status}' for status, n in review.items()) or 'none'}, "
        f"k = {privacy.get('k', '-')}\n"
        f"- **Cost** {outcome['cost'].get('usd', 0):.2f} USD\n"
        f"- **Terminal** `thoughttrace approve {candidate[:12]}`\n"
    )


def _changes(outcome: Mapping[str, Any]) -> str:
    """A line a kind of change: the form's window is too narrow for a table of all, and too low for one below the other."""
    changes = {table: outcome["changes"][table] for table in _SHOWN if table in outcome["changes"]}
    lines = ""
    for kind in ("added", "changed", "removed", "unchanged"):
        counts = [f"{found[kind]:,} {table}" for table, found in changes.items() if found.get(kind)]
        if counts:
            lines += f"- **{kind.capitalize()}** {', '.join(counts)}\n"
    return lines


def _funnel(outcome: Mapping[str, Any]) -> str:
    steps = [row for row in outcome["funnel"] if row["table_name"] == "conversations"]
    if not steps:
        return ""
    lost = [
        f"{row['n_quarantined']:,} quarantined and {row['n_removed']:,} removed in {row['stage']}"
        for row in steps
        if row["n_quarantined"] or row["n_removed"]
    ]
    told = f": {'; '.join(lost)}" if lost else ", none lost"
    return f"**Conversations** {steps[0]['n_in']:,} read, {steps[-1]['n_out']:,} kept{told}"
