"""Tell the Prefect server that something happened; its rules decide what follows (`automations.yaml`).

    python -m deployments.announce export.arrived --about s3://bucket/exports/new.jsonl.gz

A bucket notification, a cron line or the exporting program calls it. Only the address is sent.
"""

from __future__ import annotations

import argparse

from flows.prefect_env import prepare_prefect

EVENTS = ("export.arrived", "taxonomy.changed")


def main() -> None:
    """Emit one event to the server of `PREFECT_API_URL`."""
    parser = argparse.ArgumentParser(prog="python -m deployments.announce", description=__doc__)
    parser.add_argument("event", choices=EVENTS, help="what happened")
    parser.add_argument("--about", required=True, help="address of the export or taxonomy file")
    given = parser.parse_args()
    prepare_prefect()
    from prefect.events import emit_event
    from prefect.events.worker import EventsWorker

    emit_event(
        f"thoughttrace.{given.event}",
        resource={"prefect.resource.id": f"thoughttrace.{given.event.split('.')[0]}.{given.about}"},
        payload={"address": given.about},
    )
    EventsWorker.drain_all(timeout=30)
    print(f"announced {given.event}: {given.about}")


if __name__ == "__main__":
    main()
