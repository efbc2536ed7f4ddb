"""Withdrawal: a release without the participants, the older ones yanked, and on demand everything deleted.

Every step is decided by the state of the store, so a run that was killed is completed by repeating it.
The flow takes the path of the list, never an id: parameters are shown in the UI.
"""

from __future__ import annotations

from typing import Any, Literal, cast

from prefect import flow

from flows.patch import publish_patch
from flows.progress import advance
from flows.run import open_run
from schemas.params import PublishingOptions
from tasks.publish.task import finish_publications
from tasks.withdraw.task import build_patch, file_withdrawal, plan, purge, receipt, yank_affected


@flow(name="withdraw", flow_run_name="withdraw participants")
def withdraw(
    ids_file: str,
    store: str = "",
    config_file: str = "",
    purge_files: bool = False,
    single_writer: bool = False,
) -> dict[str, Any]:
    """Withdraw participants from the latest release and yank every release that holds them.

    Args:
        ids_file: Path on the worker of a list of recruitment ids or public ids, one a line.
        store: Where releases live; empty means as the settings say.
        config_file: Settings file on the worker; empty means as the environment says.
        purge_files: Also delete every file that holds them, public and private, with all versions.
        single_writer: Publish to a store without conditional writes.
    """
    run = open_run(store, config_file, publishing=PublishingOptions(single_writer=single_writer))
    finish_publications(run)
    request = file_withdrawal(run, ids_file)
    request_id = request["request_id"]
    found = plan(run, request_id)
    if found["is_patch_needed"]:
        run = run.with_policy(cast("Literal['strict', 'as-published']", found["policy"] or "strict"))
        advance("building the patch", 0)
        patch = build_patch(run, request_id)
        publish_patch(run, patch, "withdrawal")
    advance("yanking older releases", 0)
    yanked = yank_affected(run, request_id)
    done = receipt(run, request_id)
    if purge_files:
        advance("deleting files", 0)
        done = purge(run, request_id, ids_file)
    return {
        "status": "withdrawn",
        "store": run.store,
        "n_participants": request["n_participants"],
        "unknown_lines": request["unknown_lines"],
        "yanked": yanked,
        "latest": done["replaced_by"],
        "receipt": done,
    }
