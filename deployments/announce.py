"""Tell the Prefect server that something happened; its rules decide what follows (`automations.yaml`).

    python -m deployments.announce export.arrived --about s3://bucket/exports/new.jsonl.gz

A bucket notification, a cron line or the exporting program calls it; the deployment `watch` finds out by
itself within the hour. Only the address is sent.
"""

from __future__ import annotations

import argparse

from flows.prefect_env import prepare_prefect


def main() -> None:
    """Emit one event to the server of `PREFECT_API_URL`."""
    prepare_prefect()
    from flows.events import ARRIVALS, announce_arrival

    parser = argparse.ArgumentParser(prog="python -m deployments.announce", description=__doc__)
    parser.add_argument("event", choices=ARRIVALS, help="what happened")
    parser.add_argument(
        "--about", required=True, nargs="+", help="addresses of the exports or taxonomy files"
    )
    given = parser.parse_args()
    announce_arrival(given.event, given.about)
    print(f"announced {given.event}: {', '.join(given.about)}")


if __name__ == "__main__":
    main()
