"""Prefect tasks: a withdrawal from the request to the receipt. Only the request's id crosses between them."""

from __future__ import annotations

import os
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prefect import task

from schemas.errors import InputError
from schemas.run import RunContext
from tasks.assemble.records import RECORDS, read_records
from tasks.memo.steps import StepFolder, run_step
from tasks.pseudonymise.keys import Keys, load_master_key
from tasks.pseudonymise.registry import Registry, find_participants, mark_withdrawn
from tasks.pseudonymise.registry_file import update_registry
from tasks.publish import layout
from tasks.publish.diff import Removals, diff_tables
from tasks.publish.patch import Patch, as_patch, read_side_document, write_patch
from tasks.publish.releases import latest_version, list_versions, load_release
from tasks.publish.signing import open_signer
from tasks.publish.versions import bump_version, parse_version
from tasks.publish.yank import yank_release
from tasks.storage.store import Store, open_store
from tasks.withdraw.names import read_names
from tasks.withdraw.patch import keep_records, known_ids, missing_ids, suppress_small_groups, update_privacy
from tasks.withdraw.plan import (
    Request,
    WithdrawalPlan,
    extend_funnel,
    file_request,
    make_request,
    plan_withdrawal,
    read_requests,
    remove_participants,
)
from tasks.withdraw.purge import PurgeReport, purge_releases
from tasks.withdraw.purge_private import purge_private
from tasks.withdraw.receipt import write_receipt
from tasks.withdraw.traces import find_traces

STEP_VERSION = 2
_WHY = "participants withdrew their data"


@task(name="file request", task_run_name="file request")
def file_withdrawal(run: RunContext, ids_file: str) -> dict[str, Any]:
    """Find who withdrew, note it in the registry and file the request; from now on it binds.

    Returns:
        `request_id`, `n_participants`, and `unknown_lines` of the file.
    """
    private = open_store(run.private)
    master = load_master_key(os.environ)
    lines = read_names(Path(ids_file))
    today = run.started_at.date().isoformat()

    def change(registry: Registry, keys: Keys) -> tuple[Registry, dict[str, str | None]]:
        found = find_participants(registry, keys, lines)
        return mark_withdrawn(registry, known_ids(found), today), found

    found = update_registry(private, master, change)
    ids = known_ids(found)
    if not ids:
        raise InputError(f"none of the {len(lines)} ids in {ids_file} is known in this store")
    request = make_request(ids, run.started_at)
    file_request(private, request)
    return {
        "request_id": request.request_id,
        "n_participants": len(ids),
        "unknown_lines": missing_ids(found, lines),
    }


@task(name="plan withdrawal", task_run_name="plan withdrawal")
def plan(run: RunContext, request_id: str) -> dict[str, Any]:
    """Return which releases hold them, with rows by table, and whether the latest is among them."""
    store, private = open_store(run.store), open_store(run.private)
    found = plan_withdrawal(store, private, _request(private, request_id))
    latest = latest_version(store)
    policy = load_release(store, latest, ())[0].manifest.info.policy if latest else ""
    is_patch_needed = latest is not None and latest in {a.version for a in found.releases}
    return {
        "releases": [asdict(a) for a in found.releases],
        "is_patch_needed": is_patch_needed,
        "policy": policy,
    }


@task(name="build patch", task_run_name="build patch")
def build_patch(run: RunContext, request_id: str) -> Patch:
    """Write the latest release's tables and records without them, and what else a release is made from."""
    store, private = open_store(run.store), open_store(run.private)
    request = _request(private, request_id)
    parent, before = load_release(store)
    version = bump_version(max(list_versions(store), key=parse_version), "patch")

    def build(folder: StepFolder) -> None:
        after = remove_participants(before, request.participant_ids)
        if run.policy == "strict":
            after["participants"] = suppress_small_groups(
                after["participants"], after["conversations"], run.settings.privacy.k
            )
        after["changes"] = diff_tables(before, after, Removals(withdrawn=request.participant_ids))
        after["funnel"] = extend_funnel(before, after, before["funnel"])
        lines = read_records(store.get(layout.side_file(parent.version, RECORDS)))
        kept = keep_records(
            lines, after["participants"], after["conversations"], is_strict=run.policy == "strict"
        )
        privacy = read_side_document(store, parent.version, "privacy.json")
        figures = update_privacy(privacy, after["participants"], after["conversations"])
        write_patch(folder, store, parent, after, kept, figures)

    parts = {"parent": parent.sha256, "request": request_id, "version": version, "policy": run.policy}
    files = run_step(private, "withdraw", STEP_VERSION, parts, build)
    return as_patch(files, version, parent.version)


@task(name="yank releases", task_run_name="yank releases")
def yank_affected(run: RunContext, request_id: str) -> list[str]:
    """Yank every release that holds them; returns the versions."""
    store, private = open_store(run.store), open_store(run.private)
    found = plan_withdrawal(store, private, _request(private, request_id))
    affected = {a.version for a in found.releases}
    usable = latest_version(store)
    replaced_by = None if usable in affected else usable
    for item in found.releases:
        yank_release(
            store,
            item.version,
            why=_WHY,
            now=datetime.now(UTC),
            replaced_by=replaced_by,
            is_final=True,
        )
    return sorted(affected, key=parse_version)


@task(name="purge", task_run_name="purge")
def purge(run: RunContext, request_id: str, ids_file: str) -> dict[str, Any]:
    """Delete everything that holds them, public and private, and write the receipt of it."""
    store, private = open_store(run.store), open_store(run.private)
    request, found = _both(store, private, request_id)
    report = PurgeReport(versions=[a.version for a in found.releases])
    # the private files first: what betrays them there is read from the releases that go
    traces = find_traces(store, report.versions, request.participant_ids)
    names = {*request.participant_ids, *read_names(Path(ids_file))}
    purge_private(private, names, report, traces=traces, request_id=request_id)
    purge_releases(store, report.versions, now=datetime.now(UTC), report=report)
    return write_receipt(
        private,
        request,
        found,
        patch=latest_version(store),
        purged=report,
        now=datetime.now(UTC),
        signer=open_signer(run.settings.publish.signing_key_file, os.environ),
    )


@task(name="write receipt", task_run_name="write receipt")
def receipt(run: RunContext, request_id: str) -> dict[str, Any]:
    """Write what was done: counts and digests, nobody's id."""
    store, private = open_store(run.store), open_store(run.private)
    request, found = _both(store, private, request_id)
    return write_receipt(
        private,
        request,
        found,
        patch=latest_version(store),
        purged=None,
        now=datetime.now(UTC),
        signer=open_signer(run.settings.publish.signing_key_file, os.environ),
    )


def _request(private: Store, request_id: str) -> Request:
    return next(r for r in read_requests(private) if r.request_id == request_id)


def _both(store: Store, private: Store, request_id: str) -> tuple[Request, WithdrawalPlan]:
    request = _request(private, request_id)
    return request, plan_withdrawal(store, private, request)
