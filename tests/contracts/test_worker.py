"""The worker reports the death of a flow process once: Prefect's second report would hit a retried run."""

from __future__ import annotations

import asyncio
import inspect
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from prefect.client.schemas.objects import State, StateType
from prefect.utilities.dispatch import lookup_type
from prefect.workers.base import BaseWorker
from prefect.workers.process import ProcessWorker

from deployments.reporting import ReleaseWorker, has_crashed_since_submission

SUBMITTED = datetime(2026, 1, 1, tzinfo=UTC)
S = StateType


def test_it_takes_the_place_of_prefects_own() -> None:
    assert lookup_type(BaseWorker, "process") is ReleaseWorker
    # the method is Prefect's own affair: an update that renames it must be noticed
    theirs, ours = (
        list(inspect.signature(kind._propose_crashed_state).parameters)
        for kind in (ProcessWorker, ReleaseWorker)
    )
    assert theirs == ours == ["self", "flow_run", "message", "client"]


@pytest.mark.parametrize(
    ("later", "reported"),
    [
        ([S.PENDING, S.RUNNING], False),
        ([S.PENDING, S.RUNNING, S.CRASHED], True),
        ([S.PENDING, S.RUNNING, S.CRASHED, S.SCHEDULED, S.RUNNING], True),
    ],
)
def test_a_crash_of_an_earlier_attempt_does_not_count(later, reported) -> None:
    def at(kind: StateType, seconds: int) -> State:
        return State(type=kind, timestamp=SUBMITTED + timedelta(seconds=seconds))

    history = [at(S.CRASHED, -5), *(at(kind, n) for n, kind in enumerate(later, 1))]

    async def read_flow_run_states(flow_run_id: str) -> list[State]:
        return history

    run = SimpleNamespace(id="a", state=at(S.SCHEDULED, 0))
    client = SimpleNamespace(read_flow_run_states=read_flow_run_states)
    assert asyncio.run(has_crashed_since_submission(client, run)) is reported
