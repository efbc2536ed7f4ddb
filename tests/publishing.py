"""Staging and publishing of invented releases, for tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl

from schemas.manifest import Candidate, InputInfo, ReleaseInfo
from tasks.publish.diff import diff_tables
from tasks.publish.publish import publish_candidate
from tasks.publish.releases import Release, latest_version, load_release
from tasks.publish.staged import WriteSettings
from tasks.publish.staging import stage_candidate
from tasks.storage.store import Store
from tests.release_tables import NOW, make_tables, make_views

SIDE_FILES = {"README.md": b"# card\n", "stats.json": b"{}\n", "figures/a.svg": b"<svg/>\n"}


def stage(
    store: Store,
    version: str,
    persons: Iterable[int] = range(8),
    *,
    tables: Mapping[str, pl.DataFrame] | None = None,
    side_files: Mapping[str, bytes] = SIDE_FILES,
    settings: WriteSettings = WriteSettings(zstd_level=1),
    withdrawals: Iterable[str] = (),
    parent: str | None = "latest",
) -> Candidate:
    made = dict(tables if tables is not None else make_tables(persons))
    parent = latest_version(store) if parent == "latest" else parent
    if parent is not None:
        made["changes"] = diff_tables(load_release(store, parent)[1], made)
    return stage_candidate(
        store,
        store.child("private"),
        version=version,
        parent=parent,
        tables=made,
        build_views=make_views,
        side_files=side_files,
        info=ReleaseInfo(
            inputs=[InputInfo(name="export.jsonl", sha256="ab" * 32)], withdrawals=list(withdrawals)
        ),
        now=NOW,
        settings=settings,
    )


def publish(store: Store, candidate: Candidate, publish_id: str = "run-1", **options) -> Release:
    return publish_candidate(
        store,
        store.child("private"),
        candidate.candidate_id,
        publish_id=publish_id,
        approved_by="tester",
        now=NOW,
        **options,
    )


def release(store: Store, version: str, persons: Iterable[int] = range(8), **options) -> Release:
    return publish(store, stage(store, version, persons, **options), f"run-{version}")
