"""Purging releases: what holds withdrawn participants is deleted, with every version the store kept.

A purged release keeps its manifest (which names no participant) and a note; its version is never used
again.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from schemas.errors import ConflictError
from tasks.publish import layout
from tasks.publish.releases import is_purged, list_versions, read_manifest
from tasks.storage.store import Store
from tasks.storage.tables import canonical_json

_KEPT_IN_RELEASE = frozenset({"manifest.json", "yanked.json", "purged.json"})


@dataclass(slots=True)
class PurgeReport:
    """What a purge deleted or rewrote.

    Attributes:
        versions: releases whose files are gone.
        deleted: digests of the shards deleted, for a deny list on mirrors.
        n_deleted: objects deleted, older versions included.
        n_rewritten: private files that lost rows.
    """

    versions: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    n_deleted: int = 0
    n_rewritten: int = 0


def purge_releases(
    store: Store,
    versions: Collection[str],
    *,
    now: datetime,
    report: PurgeReport | None = None,
    why: str = "withdrawal",
) -> PurgeReport:
    """Delete the files of yanked releases and the shards that no other release needs; safe to repeat.

    The note comes first: a purge that was cut short is seen, and finished by repeating it.
    """
    report = report or PurgeReport()
    report.versions = sorted(versions)
    for version in report.versions:
        with suppress(ConflictError):
            note = {"version": version, "at": now.isoformat(timespec="seconds"), "why": why}
            store.create(layout.purged(version), canonical_json(note))
        prefix = layout.release(version, "")
        for info in store.list(prefix):
            if info.key.removeprefix(prefix) not in _KEPT_IN_RELEASE:
                report.n_deleted += store.purge(info.key)
    needed: set[str] = set()
    doomed: set[str] = set()
    for version in list_versions(store):
        shards = {f.path for t in read_manifest(store, version)[0].tables.values() for f in t.files}
        (doomed if is_purged(store, version) else needed).update(shards)
    for key in sorted(doomed - needed):
        report.n_deleted += store.purge(key)
        report.deleted.append(key.rpartition("/")[2].removesuffix(".parquet"))
    # shards and views that were deleted earlier, say by `gc`, may still be there as old versions
    for prefix in (layout.SHARDS, layout.RELEASES):
        report.n_deleted += store.purge_history(prefix)
    return report
