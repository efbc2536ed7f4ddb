"""Redaction: a leak found after publication is masked in a patch, and what holds it is yanked or deleted.

Every step is decided by the state of the store, so a run that was killed is completed by repeating it.
The flow takes the path of the list, never what leaked: parameters are shown in the UI.
"""

from __future__ import annotations

from typing import Any, Literal, cast

from prefect import flow

from flows.patch import publish_patch
from flows.progress import advance
from flows.run import open_run
from schemas.params import PublishingOptions
from tasks.publish.task import finish_publications
from tasks.redact.task import (
    build_redaction,
    file_redaction,
    finish_redaction,
    plan_redaction,
    yank_leaking,
)


@flow(name="redact", flow_run_name="redact a leak")
def redact(
    spans_file: str,
    store: str = "",
    config_file: str = "",
    purge_files: bool = False,
    single_writer: bool = False,
) -> dict[str, Any]:
    """Mask what leaked in a patch of the latest release and yank every release that holds it.

    Args:
        spans_file: Path on the worker of a JSONL of places or texts, see docs/redaction.md.
        store: Where releases live; empty means as the settings say.
        config_file: Settings file on the worker; empty means as the environment says.
        purge_files: Also delete every file that holds it, public and private, with all versions.
        single_writer: Publish to a store without conditional writes.
    """
    run = open_run(store, config_file, publishing=PublishingOptions(single_writer=single_writer))
    finish_publications(run)
    advance("reading the list", 0)
    request = file_redaction(run, spans_file)
    request_id = request["request_id"]
    found = plan_redaction(run, request_id)
    if found["is_patch_needed"]:
        run = run.with_policy(cast("Literal['strict', 'as-published']", found["policy"] or "strict"))
        advance("building the patch", 0)
        publish_patch(run, build_redaction(run, request_id), "redaction")
    advance("yanking older releases", 0)
    yanked = yank_leaking(run, request_id)
    advance("deleting files" if purge_files else "writing the receipt", 0)
    done = finish_redaction(run, request_id, purge_files=purge_files)
    return {
        "status": "redacted",
        "store": run.store,
        "n_values": request["n_values"],
        "types": request["types"],
        "releases": done["releases"],
        "yanked": yanked,
        "latest": done["replaced_by"],
        "receipt": done,
    }
