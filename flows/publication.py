"""The end of every run that makes a version: leave the candidate, ask a person, or publish."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from prefect.client.schemas.objects import State

from flows.approval import ask_maintainer, find_decision, rejected
from flows.outcome import conclude
from flows.progress import advance
from flows.telling import tell
from schemas.run import RunContext
from tasks.publish.task import publish, reject

Approval = Literal["ask", "stage", "none"]
"""`ask` waits for a person in the UI, `stage` leaves the candidate for `approve`, `none` publishes at once."""

Again = Callable[[str, str], Any]


def publish_when_approved(
    run: RunContext,
    staged: dict[str, Any],
    approval: Approval,
    approved_by: str,
    build_again: Again,
) -> dict[str, Any] | State[Any]:
    """Publish a staged candidate as soon as it may go out.

    Args:
        run: the run that staged it.
        staged: its outcome, see `flows.outcome`.
        approval: who decides.
        approved_by: who answers for it where nobody is asked.
        build_again: called with another version and the reviewer; publishes the same data under that name.

    Returns:
        The outcome, or the state of a run whose candidate was rejected.
    """
    candidate = staged["candidate_id"]
    decision = find_decision(candidate) if approval == "ask" else None
    # a run that goes on after the answer has told of the candidate already
    outcome = tell(staged) if decision is None else staged
    if approval == "stage":
        return outcome
    if approval == "ask":
        decision = decision or ask_maintainer(outcome)
        if decision.decision == "reject":
            reject(run, candidate)
            tell(conclude(run, outcome, "rejected", candidate, why=decision.reason))
            return rejected(decision)
        approved_by = decision.reviewer
        if decision.set_version not in {"", outcome["version"]}:
            # the version stands in tables, card and report: all over again, from the finished steps
            published = build_again(decision.set_version, approved_by)
            reject(run, candidate)
            return published
    advance("publishing", 0)
    publish(run, candidate, approved_by or "command line")
    return tell(conclude(run, outcome, "published", candidate))
