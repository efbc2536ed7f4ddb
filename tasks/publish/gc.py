"""Garbage: what died runs, died publications and rejected candidates have left, and nobody refers to.

Old files are listed first and references read afterwards, so that a release which lands in between still
protects its shards; intents protect those of a release that is being published.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from schemas.errors import NotFoundError
from tasks.memo.steps import WORK
from tasks.publish import layout
from tasks.publish.candidate import read_candidate
from tasks.publish.releases import is_purged, latest_version, list_versions, read_manifest
from tasks.storage.conditions import PROBES, probe_conditions
from tasks.storage.lock import hold_lock
from tasks.storage.store import ObjectInfo, Store
from tasks.storage.tables import read_json


@dataclass(frozen=True, slots=True)
class Garbage:
    """One file that may go.

    Attributes:
        info: what the store knows about it.
        is_private: whether it lies in the private store.
        why: what it is.
    """

    info: ObjectInfo
    is_private: bool
    why: str


def find_garbage(store: Store, private: Store, *, grace: timedelta, now: datetime) -> list[Garbage]:
    """Return what may be deleted.

    Args:
        store: where releases live.
        private: where candidates and intents live.
        grace: files younger than this are left alone; longer than any publication takes.
        now: time by which age is measured.
    """
    before = now - grace
    old_shards = [o for o in store.list(layout.SHARDS) if o.modified <= before]
    probes = [Garbage(o, False, "probe") for o in store.list(PROBES) if o.modified <= before]
    intents = [Garbage(o, True, "dead intent") for o in _dead_intents(store, private, before)]
    referred = _referred_shards(store, private, {g.info.key for g in intents})
    shards = [Garbage(o, False, "unreferenced shard") for o in old_shards if o.key not in referred]
    return [
        *shards,
        *_orphaned_signatures(store, before),
        *probes,
        *intents,
        *_candidates(store, private, before),
        *_steps(private, before),
    ]


def collect_garbage(
    store: Store,
    private: Store,
    *,
    grace: timedelta,
    now: datetime,
    publish_id: str = "gc",
    private_only: bool = False,
) -> list[Garbage]:
    """Delete garbage while no publication is under way and return what went.

    Args:
        store: where releases live.
        private: where candidates and intents live.
        grace: files younger than this are left alone.
        now: time by which age is measured.
        publish_id: who holds the lock meanwhile.
        private_only: leave alone what readers could see, which a publisher has no right to delete.
    """
    conditions = probe_conditions(store)
    with hold_lock(private, layout.LOCK, publish_id, has_swap=conditions.swap) as lock:
        garbage = find_garbage(store, private, grace=grace, now=now)
        garbage = [item for item in garbage if item.is_private or not private_only]
        for item in garbage:
            lock.check()
            (private if item.is_private else store).delete(item.info.key)
        store.sweep(now - grace)
        private.sweep(now - grace)
    return garbage


def _referred_shards(store: Store, private: Store, dead: set[str]) -> set[str]:
    # the lists are read after the shards were listed, see above
    referred: set[str] = set()
    for version in list_versions(store):
        if is_purged(store, version):
            continue
        manifest, _ = read_manifest(store, version)
        referred.update(f.path for t in manifest.tables.values() for f in t.files)
    for info in private.list(layout.INTENTS):
        if info.key not in dead:
            referred.update(layout.shard(sha256) for sha256 in read_json(private, info.key)["shards"])
    return referred


def _dead_intents(store: Store, private: Store, before: datetime) -> Iterator[ObjectInfo]:
    versions = set(list_versions(store))
    for info in private.list(layout.INTENTS):
        # a committed one still says what is left to do
        if info.modified <= before and read_json(private, info.key)["version"] not in versions:
            yield info


def _orphaned_signatures(store: Store, before: datetime) -> Iterator[Garbage]:
    old = [o for o in store.list(layout.SIGNATURES) if o.modified <= before]
    digests = {read_manifest(store, v)[1] for v in list_versions(store)}
    for info in old:
        if info.key.removeprefix(layout.SIGNATURES).split(".")[0] not in digests:
            yield Garbage(info, False, "signature of nothing published")


def _candidates(store: Store, private: Store, before: datetime) -> Iterator[Garbage]:
    latest = latest_version(store)
    by_id: dict[str, list[ObjectInfo]] = {}
    for info in private.list(layout.CANDIDATES):
        by_id.setdefault(info.key.split("/")[1], []).append(info)
    for candidate_id, files in by_id.items():
        if max(f.modified for f in files) > before:
            continue
        try:
            parent = read_candidate(private, candidate_id).parent
        except NotFoundError:
            why = "incomplete candidate"
        else:
            if (parent.version if parent else None) == latest:
                continue  # it may still be approved
            why = "candidate that follows an older release"
        # description first: a candidate without files must not look complete
        files.sort(key=lambda f: not f.key.endswith("/candidate.json"))
        yield from (Garbage(f, True, why) for f in files)


def _steps(private: Store, before: datetime) -> Iterator[Garbage]:
    """A run deletes its intermediate files when it publishes; a run that ended otherwise leaves them."""
    by_step: dict[str, list[ObjectInfo]] = {}
    for info in private.list(f"{WORK}/"):
        by_step.setdefault("/".join(info.key.split("/")[:3]), []).append(info)
    for files in by_step.values():
        if max(f.modified for f in files) <= before:
            # record first: a step that lost a file must not look done
            files.sort(key=lambda f: not f.key.endswith("/done.json"))
            yield from (Garbage(f, True, "intermediate file of a run that published nothing") for f in files)
