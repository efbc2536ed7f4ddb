"""The worker reports the death of a flow process once: Prefect's second report would hit a retried run."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from prefect.client.schemas.objects import State, StateType
from prefect.utilities.dispatch import lookup_type
from prefect.workers.base import BaseWorker
from prefect.workers.process import ProcessWorker, ProcessWorkerResult

from deployments.reporting import ReleaseWorker

S = StateType


def test_it_takes_the_place_of_prefects_own() -> None:
    assert lookup_type(BaseWorker, "process") is ReleaseWorker


@pytest.mark.parametrize(
    ("before", "during", "status", "reported"),
    [
        ([S.PENDING], [S.RUNNING], -9, -9),
        ([S.PENDING], [S.RUNNING, S.CRASHED], -9, 0),
        ([S.PENDING], [S.RUNNING, S.CRASHED, S.SCHEDULED, S.PENDING], -9, 0),
        ([S.CRASHED, S.PENDING], [S.RUNNING], -9, -9),
        ([S.CRASHED, S.PENDING], [S.RUNNING, S.COMPLETED], 0, 0),
    ],
)
def test_a_death_that_is_known_is_not_reported_again(monkeypatch, before, during, status, reported) -> None:
    history = [State(type=kind) for kind in before]

    async def read_flow_run_states(flow_run_id: str) -> list[State]:
        return history

    async def run(self, *_: object) -> ProcessWorkerResult:
        history.extend(State(type=kind) for kind in during)
        return ProcessWorkerResult(identifier="1", status_code=status)

    monkeypatch.setattr(ProcessWorker, "run", run)
    monkeypatch.setattr(ReleaseWorker, "client", SimpleNamespace(read_flow_run_states=read_flow_run_states))
    worker = object.__new__(ReleaseWorker)
    configuration = SimpleNamespace(env={"PREFECT_CLIENT_METRICS_ENABLED": "true"})
    result = asyncio.run(worker.run(SimpleNamespace(id="a"), configuration))
    assert result.status_code == reported
    assert configuration.env == {"PREFECT_CLIENT_METRICS_ENABLED": "false"}
