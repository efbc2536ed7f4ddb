"""What the Prefect server says of recent runs; nothing where there is no server."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import Any

SINCE = timedelta(days=7)


def read_runs() -> list[dict[str, Any]] | None:
    """Return the runs of the last week, newest first; None without `PREFECT_API_URL`.

    Raises:
        ServiceError: the server cannot be reached or refuses.
    """
    if not os.environ.get("PREFECT_API_URL"):
        return None
    import httpx
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterExpectedStartTime
    from prefect.client.schemas.sorting import FlowRunSort
    from prefect.exceptions import PrefectException

    from schemas.errors import ServiceError

    now = datetime.now(UTC)
    recent = FlowRunFilterExpectedStartTime.model_validate(
        {"after_": now - SINCE, "before_": now + timedelta(minutes=1)}
    )
    try:
        with get_client(sync_client=True) as client:
            runs = client.read_flow_runs(
                flow_run_filter=FlowRunFilter(expected_start_time=recent),
                sort=FlowRunSort.EXPECTED_START_TIME_DESC,
                limit=50,
            )
    except (httpx.HTTPError, PrefectException, RuntimeError) as error:
        raise ServiceError(
            f"the Prefect server at {os.environ['PREFECT_API_URL']} does not answer ({type(error).__name__}); "
            "unset PREFECT_API_URL to see the store alone"
        ) from None
    return [
        {
            "name": run.name,
            "state": run.state.name if run.state else "",
            "started_at": run.start_time.isoformat(timespec="seconds") if run.start_time else None,
            # the total alone does not count what is running now
            "seconds": round(run.estimated_run_time.total_seconds()),
        }
        for run in runs
    ]
