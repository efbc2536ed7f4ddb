"""Tell the Prefect server that something arrived; its rules decide what follows (deployments/automations.yaml)."""

from __future__ import annotations

from collections.abc import Sequence

from prefect.events import emit_event
from prefect.events.worker import EventsWorker

ARRIVALS = ("export.arrived", "taxonomy.changed")
"""Events that the rules know; `thoughttrace.` stands before them."""


def announce_arrival(event: str, addresses: Sequence[str]) -> None:
    """Emit one event for all addresses and wait until it is sent; only addresses leave.

    Args:
        event: one of `ARRIVALS`.
        addresses: the exports or taxonomy files.
    """
    emit_event(
        f"thoughttrace.{event}",
        resource={"prefect.resource.id": f"thoughttrace.{event.split('.')[0]}.{addresses[0]}"},
        payload={"addresses": list(addresses)},
    )
    EventsWorker.drain_all(timeout=30)
