"""Prefect tasks: a release with other labels and the same text."""

from __future__ import annotations

import json
from typing import Any, cast

from prefect import task

from schemas.errors import StaleCandidateError
from schemas.fields import BASE_TABLES, LABELS
from schemas.params import PublishingOptions
from schemas.run import AppliedPolicy, BuiltRelease, RunContext, StagedExports, TableSet
from tasks.assemble.records import RECORDS, compress_records, read_records
from tasks.assemble.relabel import relabel_records
from tasks.memo.steps import StepFolder, run_step
from tasks.publish.diff import diff_tables, has_changes
from tasks.publish.layout import side_file
from tasks.publish.releases import latest_version, list_versions, load_release
from tasks.publish.versions import check_next_version, propose_version
from tasks.storage.store import open_store
from tasks.storage.tables import read_json, read_table
from tasks.validate.release import validate_release

STEP_VERSION = 2


@task(name="relabel release", task_run_name="relabel release")
def relabel_release(
    run: RunContext, version: str, labelled: TableSet, publishing: PublishingOptions
) -> tuple[RunContext, StagedExports, BuiltRelease]:
    """Put new labels on the latest release; base tables and their shards stay as they are.

    Returns:
        The run under the release's policy, its inputs, and the tables of the new version.

    Raises:
        StaleCandidateError: the release is not the latest one.
    """
    private, store = open_store(run.private), open_store(run.store)
    parent, old = load_release(store, version)
    latest = latest_version(store)
    if parent.version != latest:
        raise StaleCandidateError(f"{parent.version} is not the latest release any more; re-tag {latest}")
    published = list_versions(store)
    if publishing.set_version:
        check_next_version(publishing.set_version, published)

    def build(folder: StepFolder) -> None:
        tables = {**old, "labels": read_table(private, labelled["labels"], LABELS)}
        tables["changes"] = diff_tables(old, tables)
        is_unchanged = not has_changes(tables["changes"])
        proposed = propose_version(
            published, tables["changes"], bump=publishing.bump, is_taxonomy_changed=not is_unchanged
        )
        validate_release(tables)
        for table in BASE_TABLES:
            folder.table(table.name, tables[table.name], table)
        lines = read_records(store.get(side_file(parent.version, RECORDS)))
        folder.bytes(RECORDS, compress_records(relabel_records(lines, tables["labels"])))
        folder.json("privacy", json.loads(store.get(side_file(parent.version, "privacy.json"))))
        folder.json("report", {"inputs": [i.model_dump() for i in parent.manifest.info.inputs]})
        outcome = {"version": publishing.set_version or proposed or parent.version}
        folder.json("outcome", {**outcome, "is_unchanged": is_unchanged})

    parts = {
        "parent": parent.sha256,
        "labelled": labelled.fingerprint,
        "published": published,
        "bump": publishing.bump,
        "set_version": publishing.set_version,
    }
    files = run_step(private, "relabel", STEP_VERSION, parts, build)
    outcome: dict[str, Any] = read_json(private, files["outcome"].uri)
    built = BuiltRelease(files, outcome["version"], parent.version, outcome["is_unchanged"])
    policy = cast("AppliedPolicy", parent.manifest.info.policy or "strict")
    # the proof of the parent holds: no text has changed
    return run.with_policy(policy), StagedExports((), files, ()), built
