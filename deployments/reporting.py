"""Prefect's process worker with two changes.

It reports the death of a flow process once. Prefect 3.8 reports it twice: as soon as the process is gone, and
again some seconds later, when it has looked for hooks of the flow. A maintainer who presses `Retry` in between has
the second report crash the new attempt, whose place in the queue is then taken away, upon which it ends itself.

It keeps its metrics to itself. A flow process would inherit the setting that switches them on, find the port
taken by the worker, and crash.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from prefect.client.schemas.objects import StateType
from prefect.workers.process import ProcessWorker, ProcessWorkerResult

if TYPE_CHECKING:
    from anyio.abc import TaskStatus
    from prefect.client.orchestration import PrefectClient
    from prefect.client.schemas.objects import FlowRun
    from prefect.workers.process import ProcessJobConfiguration

with warnings.catch_warnings():
    # it takes the place of Prefect's own in the list of worker types, on purpose
    warnings.simplefilter("ignore", UserWarning)

    class ReleaseWorker(ProcessWorker):
        """A process worker whose flow runs can be retried at once and do without metrics of their own."""

        async def run(
            self,
            flow_run: FlowRun,
            configuration: ProcessJobConfiguration,
            task_status: TaskStatus[int] | None = None,
        ) -> ProcessWorkerResult:
            """Run a flow in a process of its own and wait for its end."""
            configuration.env["PREFECT_CLIENT_METRICS_ENABLED"] = "false"
            n_before = await count_crashes(self.client, flow_run)
            result = await super().run(flow_run, configuration, task_status)
            if result.status_code and await count_crashes(self.client, flow_run) > n_before:
                # the death is known; the status of it would be reported to whatever attempt goes on now
                return ProcessWorkerResult(identifier=result.identifier, status_code=0)
            return result


async def count_crashes(client: PrefectClient, flow_run: FlowRun) -> int:
    """How often a run is known to have crashed."""
    states = await client.read_flow_run_states(flow_run.id)
    return sum(state.type is StateType.CRASHED for state in states)
