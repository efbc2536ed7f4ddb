"""Publish a staged candidate from outside the run that staged it."""

from __future__ import annotations

from typing import Any

from prefect import flow

from flows.approval import published_by
from flows.outcome import published_places
from flows.run import open_run
from flows.waiting import end_waiting_runs
from schemas.params import PublishingOptions
from tasks.publish.task import publish


@flow(name="approve", flow_run_name="approve {candidate_id}")
def approve(
    candidate_id: str,
    store: str = "",
    config_file: str = "",
    approved_by: str = "",
    single_writer: bool = False,
) -> dict[str, Any]:
    """Publish a staged candidate. Its parent must still be the latest release.

    Args:
        candidate_id: Id that `release` printed, or its start.
        store: Where releases live; empty means as the settings say.
        config_file: Settings file; empty means as the environment says.
        approved_by: Who approves; kept in the manifest.
        single_writer: Publish to a store without conditional writes.
    """
    run = open_run(store, config_file, publishing=PublishingOptions(single_writer=single_writer))
    version = publish(run, candidate_id, approved_by)
    end_waiting_runs(candidate_id, published_by(approved_by, version))
    return {
        "status": "published",
        "version": version,
        "candidate_id": candidate_id,
        "store": run.store,
        "places": published_places(run.store, version),
    }
