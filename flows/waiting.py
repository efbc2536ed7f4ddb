"""Runs that wait for an answer: what was answered before, and what to do with the wait once it is settled elsewhere."""

from __future__ import annotations

import os
from typing import Any

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateType
from prefect.client.schemas.objects import State, StateType
from prefect.input import delete_flow_run_input, read_flow_run_input
from prefect.input.run_input import keyset_from_base_key


def name_question(candidate_id: str) -> str:
    """Key of the question about a candidate; Prefect allows lower case, digits and dashes."""
    return f"approve-{candidate_id[:12]}"


def find_answer(question: str) -> dict[str, Any] | None:
    """What this run was answered already, in this attempt or in one before it was retried."""
    keys = keyset_from_base_key(f"suspended-{question}")
    answer: Any = read_flow_run_input(keys["response"])
    return dict(answer) if answer else None


def forget_question(question: str) -> None:
    """Remove the form of an earlier attempt that nobody answered: a retried run may not post it twice."""
    keys = keyset_from_base_key(f"suspended-{question}")
    for key in (keys["schema"], keys["description"]):
        if read_flow_run_input(key) is not None:
            delete_flow_run_input(key)


def end_waiting_runs(candidate_id: str, state: State[Any]) -> int:
    """End the runs that are suspended over a candidate which was settled elsewhere; returns how many.

    Without a server (`PREFECT_API_URL`) there is nothing to end. A run that still waits does no harm: when it
    is resumed, it finds that everything of it is published.
    """
    if not os.environ.get("PREFECT_API_URL"):
        return 0
    question, ended = name_question(candidate_id), 0
    paused = FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.PAUSED]))
    with get_client(sync_client=True) as client:
        for run in client.read_flow_runs(flow_run_filter=FlowRunFilter(state=paused)):
            keys = (run.state.state_details.run_input_keyset if run.state else None) or {}
            if keys.get("response", "").startswith(f"suspended-{question}"):
                client.set_flow_run_state(run.id, state, force=True)
                ended += 1
    return ended
