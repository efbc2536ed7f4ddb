"""Schedules that a person switched on or off in the UI stay so when the flows are deployed again.

`prefect deploy` sets the schedules of a deployment anew from the file, `active` included.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

Switches = Mapping[tuple[str, str, str], bool]
"""Entrypoint, name of the deployment and slug of the schedule, to whether it is on."""

PAGE = 200


def read_switches() -> Switches:
    """Ask the server of `PREFECT_API_URL` which schedules are on; a new server knows none."""
    from prefect.client.orchestration import get_client

    found: dict[tuple[str, str, str], bool] = {}
    with get_client(sync_client=True) as client:
        offset = 0
        while page := client.read_deployments(limit=PAGE, offset=offset):
            offset += len(page)
            for deployment in page:
                for schedule in deployment.schedules:
                    key = (deployment.entrypoint or "", deployment.name, schedule.slug or "")
                    found[key] = schedule.active
    return found


def keep_switches(document: Mapping[str, Any], switches: Switches) -> dict[str, Any]:
    """Return the description of the deployments with every known schedule as it is on the server.

    Args:
        document: content of `prefect.yaml`.
        switches: what the server knows; a schedule that is not there keeps the value of the file.
    """
    # YAML anchors are one object in several places
    kept = copy.deepcopy(dict(document))
    for deployment in kept["deployments"]:
        for schedule in deployment.get("schedules", []):
            key = (deployment["entrypoint"], deployment["name"], schedule["slug"])
            schedule["active"] = switches.get(key, schedule["active"])
    return kept
