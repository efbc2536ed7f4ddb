"""Purging: what holds withdrawn participants is deleted, with every version that the store kept.

A purged release keeps its manifest (which names no participant) and a note; its version is never used
again. Private files lose their rows or go as a whole; the registry stays, because it is what later
exports are filtered by.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from schemas.errors import ConflictError, NotFoundError
from tasks.publish import layout
from tasks.publish.releases import is_purged, list_versions, read_manifest
from tasks.storage.store import Store
from tasks.storage.tables import canonical_json
from tasks.withdraw.mentions import compile_mentions, count_mentions, drop_mentions

_KEPT_IN_RELEASE = frozenset({"manifest.json", "yanked.json", "purged.json"})
_KEPT_PRIVATE = ("registry/", layout.WITHDRAWALS, "locks/", layout.INTENTS)
_WHOLE = (layout.CANDIDATES, "work/", "memo/")
"""What a later run can make again, and the memo, whose entries do not say whose text they belong to."""
_DIGEST = re.compile(r"[0-9a-f]{64}")


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


def purge_releases(store: Store, versions: Collection[str], *, now: datetime) -> PurgeReport:
    """Delete the files of yanked releases and the shards that no other release needs; safe to repeat.

    The note comes first: a purge that was cut short is seen, and finished by repeating it.
    """
    report = PurgeReport(versions=sorted(versions))
    for version in report.versions:
        with suppress(ConflictError):
            note = {"version": version, "at": now.isoformat(timespec="seconds"), "why": "withdrawal"}
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
    return report


def purge_private(private: Store, names: Collection[str], report: PurgeReport) -> PurgeReport:
    """Delete or rewrite every private file that speaks of these ids; safe to repeat.

    Args:
        private: the private store.
        names: public ids and, where they are known, raw ones.
        report: is added to and returned.
    """
    pattern = compile_mentions(names)
    for info in private.list():
        if info.key.startswith(_KEPT_PRIVATE):
            continue
        if info.key.startswith(_WHOLE):
            report.n_deleted += private.purge(info.key)
            continue
        with suppress(NotFoundError):
            data = private.get(info.key)
            if not count_mentions(data, info.key, pattern):
                continue
            rest = drop_mentions(data, info.key, pattern)
            if rest is not None:
                private.put(_key_of(info.key, rest), rest)
                report.n_rewritten += 1
            if rest is None or _key_of(info.key, rest) != info.key:
                report.n_deleted += private.purge(info.key)
    return report


def _key_of(key: str, data: bytes) -> str:
    """Where rewritten bytes go: a file that is named by its digest gets its new name."""
    folder, _, name = key.rpartition("/")
    stem, dot, ending = name.partition(".")
    if not _DIGEST.fullmatch(stem):
        return key
    digest = hashlib.sha256(data).hexdigest()
    above, _, shelf = folder.rpartition("/")
    folder = f"{above}/{digest[:2]}" if shelf == stem[:2] else folder
    return f"{folder}/{digest}{dot}{ending}"
