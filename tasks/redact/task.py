"""Prefect tasks: a redaction from the list to the receipt. Only the request's id crosses between them."""

from __future__ import annotations

import os
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
from prefect import task

from schemas.errors import DataError, NotFoundError
from schemas.fields import BASE_TABLES
from schemas.run import RunContext
from tasks.assemble.records import RECORDS, read_records
from tasks.memo.steps import StepFolder, run_step
from tasks.pseudonymise.keys import load_master_key
from tasks.pseudonymise.registry_file import load_registry
from tasks.publish import layout
from tasks.publish.diff import diff_tables
from tasks.publish.patch import Patch, as_patch, read_side_document, write_patch
from tasks.publish.releases import latest_version, list_versions, load_release, read_manifest, resolve_version
from tasks.publish.versions import bump_version, parse_version
from tasks.publish.yank import yank_release
from tasks.redact.leaks import load_leaks
from tasks.redact.requests import (
    Request,
    deny_of,
    file_request,
    find_affected,
    name_request,
    read_request,
    write_receipt,
)
from tasks.redact.rewrite import RECOGNIZER, redact_texts, rewrite_records, rewrite_tables, update_privacy
from tasks.redact.search import ValueFinder
from tasks.redact.texts import count_hits, list_texts, read_texts, resolve_leaks
from tasks.scrub.audit_scan import scan_lines, scan_texts
from tasks.scrub.deny import DenyList, make_rules
from tasks.scrub.deny_file import add_rules
from tasks.scrub.proof import summarise_scans
from tasks.storage.store import Store, open_store
from tasks.withdraw.purge import PurgeReport, purge_releases
from tasks.withdraw.purge_private import purge_private

STEP_VERSION = 2
WHY = "personal data was found in it"


@task(name="file redaction", task_run_name="file redaction")
def file_redaction(run: RunContext, spans_file: str) -> dict[str, Any]:
    """Turn the list into rules that every later run obeys, and file the request.

    Returns:
        `request_id`, `n_values`, `types`.
    """
    private = open_store(run.private)
    key = _audit_key(private)
    path = Path(spans_file)
    data, leaks = load_leaks(path)
    request_id = name_request(key, data)
    request = read_request(private, request_id)
    if request is None:
        values = resolve_leaks(leaks, _texts_of(run), path.name)
        rules = make_rules(key, values, source=RECOGNIZER, now=run.started_at)
        add_rules(private, rules)
        file_request(private, request_id, rules, run.started_at)
        request = _request(private, request_id)
    return {"request_id": request_id, "n_values": len(request.rules), "types": list(request.types)}


@task(name="plan redaction", task_run_name="plan redaction")
def plan_redaction(run: RunContext, request_id: str) -> dict[str, Any]:
    """Return which releases hold the values, how often, and whether the latest is among them."""
    store, private = open_store(run.store), open_store(run.private)
    found = find_affected(store, private, request_id, _deny(private, request_id))
    latest = latest_version(store)
    return {
        "releases": [asdict(a) for a in found],
        "is_patch_needed": latest is not None and latest in {a.version for a in found},
        "policy": read_manifest(store, latest)[0].info.policy if latest else "",
    }


@task(name="build redacted patch", task_run_name="build redacted patch")
def build_redaction(run: RunContext, request_id: str) -> Patch:
    """Write the latest release's tables and records with the values masked, scanned again.

    Raises:
        DataError: a value is still there.
    """
    store, private = open_store(run.store), open_store(run.private)
    deny = _deny(private, request_id)
    parent, before = load_release(store)
    version = bump_version(max(list_versions(store), key=parse_version), "patch")
    affected = [a.version for a in find_affected(store, private, request_id, deny)]

    def build(folder: StepFolder) -> None:
        lines = list(read_records(store.get(layout.side_file(parent.version, RECORDS))))
        redaction = redact_texts(list_texts(before, lines, run.policy), deny)
        after = rewrite_tables(before, redaction)
        records = list(rewrite_records(lines, redaction))
        n_left, _ = count_hits(list_texts(after, records, run.policy), deny)
        if n_left:
            raise DataError(f"{n_left} of the values are still in the patch; nothing was published")
        after["changes"] = diff_tables(before, after)
        scans = {t.name: scan_texts(after[t.name]) for t in BASE_TABLES}
        scans[RECORDS] = scan_lines(RECORDS, (line.decode() for line in records))
        privacy = update_privacy(read_side_document(store, parent.version, "privacy.json"), redaction)
        write_patch(folder, store, parent, after, records, {**privacy, "second_scan": summarise_scans(scans)})
        advisory = {
            "version": version,
            "why": WHY,
            "types": sorted(redaction.by_type),
            "n_spans": sum(redaction.by_type.values()),
            "n_conversations": redaction.n_conversations,
            "affected": affected,
            "at": run.started_at.date().isoformat(),
        }
        folder.json("advisory", advisory)

    parts = {"parent": parent.sha256, "request": request_id, "version": version, "affected": affected}
    files = run_step(private, "redact", STEP_VERSION, parts, build)
    return as_patch(files, version, parent.version)


@task(name="yank releases with leaks", task_run_name="yank releases with leaks")
def yank_leaking(run: RunContext, request_id: str) -> list[str]:
    """Yank every release that holds the values; returns the versions."""
    store, private = open_store(run.store), open_store(run.private)
    affected = [a.version for a in find_affected(store, private, request_id, _deny(private, request_id))]
    usable = latest_version(store)
    replaced_by = None if usable in affected else usable
    why = f"{WHY}; delete your copies" + (f" and use {replaced_by}" if replaced_by else "")
    for version in affected:
        yank_release(store, version, why=why, now=datetime.now(UTC), replaced_by=replaced_by, is_final=True)
    return affected


@task(name="finish redaction", task_run_name="finish redaction")
def finish_redaction(run: RunContext, request_id: str, *, purge_files: bool) -> dict[str, Any]:
    """Write the receipt; on request first delete every file that holds the values, public and private."""
    store, private = open_store(run.store), open_store(run.private)
    deny = _deny(private, request_id)
    found = find_affected(store, private, request_id, deny)
    purged: dict[str, Any] | None = None
    if purge_files:
        report = PurgeReport(versions=[a.version for a in found])
        purge_private(private, (), report, request_id=request_id, finder=ValueFinder(deny))
        purge_releases(store, report.versions, now=datetime.now(UTC), report=report, why=RECOGNIZER)
        purged = {
            "releases": report.versions,
            "n_objects_deleted": report.n_deleted,
            "n_files_rewritten": report.n_rewritten,
            "shards_sha256": report.deleted,
        }
    receipt = {
        "request_id": request_id,
        "requested_at": _request(private, request_id).at,
        "completed_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "releases": [asdict(a) for a in found],
        "replaced_by": latest_version(store),
        "purged": purged,
    }
    write_receipt(private, request_id, receipt)
    return receipt


def foresee_redaction(run: RunContext, spans_file: Path) -> dict[str, Any]:
    """Return what a redaction would do; changes nothing.

    Raises:
        InputError: the list cannot be read, or names a place that no release has.
    """
    store, private = open_store(run.store), open_store(run.private)
    key = _audit_key(private)
    data, leaks = load_leaks(spans_file)
    request = read_request(private, name_request(key, data))
    if request is not None:
        deny, n_values = deny_of(private, key, request), len(request.rules)
    else:
        rules = make_rules(
            key, resolve_leaks(leaks, _texts_of(run), spans_file.name), source=RECOGNIZER, now=run.started_at
        )
        deny, n_values = DenyList(key, rules), rules.height
    releases = find_affected(store, private, "", deny)
    return {"n_lines": len(leaks), "n_values": n_values, "releases": [asdict(a) for a in releases]}


def _texts_of(run: RunContext) -> Any:
    store = open_store(run.store)

    @cache
    def texts_of(version: str) -> pl.DataFrame:
        manifest, _ = read_manifest(store, resolve_version(store, version or "latest"))
        return read_texts(store, manifest)

    return texts_of


def _audit_key(private: Store) -> bytes:
    return load_registry(private, load_master_key(os.environ)).keys.audit


def _request(private: Store, request_id: str) -> Request:
    request = read_request(private, request_id)
    if request is None:
        raise NotFoundError(f"no redaction {request_id} in {private.uri}")
    return request


def _deny(private: Store, request_id: str) -> DenyList:
    return deny_of(private, _audit_key(private), _request(private, request_id))
