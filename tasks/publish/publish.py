"""Publication in nine steps, of which one counts: creating the manifest.

| step | what it does | a crash right after leaves |
|---|---|---|
| S0 | probe the store, take the lock, finish what others left, check version and parent | nothing |
| S1 | note the intent | a note |
| S2 | upload the shards that are missing | unreferenced shards |
| S3 | look at every shard again; check withdrawals again | the same |
| S4 | write provenance and signature, named by digest | orphans |
| S5 | **create the manifest, if absent** | a release whose shards are complete |
| S6 | look at the shards once more; put views and side files in place and check them | the same |
| S7 | move `latest.json`, write the changelog | a release that readers see |
| S8 | drop the run's intermediate files, the candidate and the intent | nothing to do |

Before S5 nothing is visible, at S5 everything the manifest names as shards exists, and `latest` moves
only when the views are in place too. Every step may be repeated; a later run finishes an earlier one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from schemas.errors import (
    NotFoundError,
    StoreConditionsError,
)
from schemas.manifest import Candidate, Manifest
from tasks.publish import layout
from tasks.publish.candidate import delete_candidate, read_candidate
from tasks.publish.changelog import write_changelog
from tasks.publish.commit import commit_manifest, describe_release, lost_to, sign_manifest
from tasks.publish.fresh import check_fresh
from tasks.publish.latest import move_latest
from tasks.publish.parameters import clear_steps_of
from tasks.publish.place import check_shards, list_carried, list_shards, place_release, upload_shards
from tasks.publish.provenance import Signer
from tasks.publish.releases import Release, list_versions, read_manifest
from tasks.storage.conditions import Conditions, probe_conditions
from tasks.storage.lock import WAIT_S, Lock, hold_lock
from tasks.storage.store import Store
from tasks.storage.tables import canonical_json, read_json

STEPS = ("S0", "S1", "S2", "S3", "S4", "S5", "S6", "S7", "S8")


def _no_checkpoint(step: str) -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class _Run:
    """What all steps of one publication need."""

    store: Store
    private: Store
    conditions: Conditions
    now: datetime
    signer: Signer | None
    checkpoint: Callable[[str], None]


def publish_candidate(
    store: Store,
    private: Store,
    candidate_id: str,
    *,
    publish_id: str,
    approved_by: str,
    now: datetime,
    single_writer: bool = False,
    signer: Signer | None = None,
    checkpoint: Callable[[str], None] = _no_checkpoint,
    wait_s: float = WAIT_S,
) -> Release:
    """Publish a staged candidate, or finish its publication.

    Args:
        store: where releases live.
        private: where the candidate lies.
        candidate_id: which one.
        publish_id: stays the same over the retries of one run and differs between runs.
        approved_by: who approved; kept in the manifest.
        now: time of publication.
        single_writer: the caller promises to be alone; allows a store without conditional writes.
        signer: signs the manifest, if given.
        checkpoint: called after each step; tests crash there.
        wait_s: how long to wait for another publication to end.

    Raises:
        ReleaseExistsError: the version was published by another run.
        StaleCandidateError: the parent is not the latest release any more, or a withdrawal came since.
        StoreConditionsError: the store ignores conditional writes.
        UsageError: the version goes backwards.
        StoreUnavailableError: the store fails; the same call resumes.
    """
    run = _Run(store, private, check_conditions(store, single_writer), now, signer, checkpoint)
    before = set(list_versions(store))
    with hold_lock(private, layout.LOCK, publish_id, has_swap=run.conditions.swap, wait_s=wait_s) as lock:
        checkpoint("S0")
        finished = _finish_interrupted(run)
        candidate = _read_or_find(run, candidate_id, publish_id, before)
        if isinstance(candidate, Release):
            return candidate
        existing = _existing_release(run, candidate, publish_id, finished)
        if existing is not None:
            return existing
        check_fresh(run.store, run.private, candidate)
        return _publish(run, lock, candidate, publish_id, approved_by)


def finish_interrupted(
    store: Store, private: Store, *, publish_id: str, now: datetime, single_writer: bool = False
) -> list[str]:
    """Finish every publication that was committed but cut short; returns the versions."""
    if not private.list(layout.INTENTS):
        return []
    run = _Run(store, private, check_conditions(store, single_writer), now, None, _no_checkpoint)
    with hold_lock(private, layout.LOCK, publish_id, has_swap=run.conditions.swap):
        return _finish_interrupted(run)


def check_conditions(store: Store, single_writer: bool) -> Conditions:
    """Probe the store's conditional writes and refuse it if they are not real.

    Raises:
        StoreConditionsError: create-if-absent is ignored and nobody promised to be alone.
    """
    conditions = probe_conditions(store)
    if not conditions.create and not single_writer:
        raise StoreConditionsError(
            f"{store.uri} ignores conditional writes, so two publishers could both win; use another store, "
            "or --single-writer if nobody else publishes there"
        )
    return conditions


def _read_or_find(
    run: _Run, candidate_id: str, publish_id: str, before: Collection[str]
) -> Candidate | Release:
    """Return the candidate, or the release that it has become; `before` existed when we were called."""
    try:
        return read_candidate(run.private, candidate_id)
    except NotFoundError:
        for version in reversed(list_versions(run.store)):
            manifest, digest = read_manifest(run.store, version)
            if manifest.candidate_id == candidate_id:
                if version not in before and manifest.publish_id != publish_id:
                    raise lost_to(manifest) from None
                return Release(manifest, digest, note="published already")
        raise


def _existing_release(
    run: _Run, candidate: Candidate, publish_id: str, finished: Iterable[str]
) -> Release | None:
    try:
        manifest, digest = read_manifest(run.store, candidate.version)
    except NotFoundError:
        return None
    is_own = manifest.publish_id == publish_id
    if is_own or (manifest.candidate_id == candidate.candidate_id and candidate.version in finished):
        _finish(run, manifest)
        return Release(manifest, digest, note="already committed; nothing was left to do")
    raise lost_to(manifest)


def _publish(run: _Run, lock: Lock, candidate: Candidate, publish_id: str, approved_by: str) -> Release:
    shards = list_shards(candidate.tables.values())
    intent = layout.intent(publish_id)
    # an earlier attempt of this run may have sent some already
    is_first = run.private.head(intent) is None
    note = {
        "version": candidate.version,
        "candidate_id": candidate.candidate_id,
        "publish_id": publish_id,
        "shards": sorted(f.sha256 for f in shards),
    }
    run.private.put(intent, canonical_json(note))
    run.checkpoint("S1")
    upload_shards(
        run.store,
        run.private,
        candidate.candidate_id,
        shards,
        unseen=list_carried(run.private, candidate.candidate_id) if is_first else (),
        then=lambda: run.checkpoint("S2"),
    )
    check_shards(run.store, shards)
    run.checkpoint("S3")
    manifest = describe_release(candidate, publish_id, approved_by, run.now)
    sign_manifest(run.store, manifest, run.signer)
    run.checkpoint("S4")
    check_fresh(run.store, run.private, candidate)
    lock.check()
    manifest, digest = commit_manifest(run.store, run.private, manifest, run.conditions)
    run.checkpoint("S5")
    _finish(run, manifest)
    return Release(manifest, digest)


def _finish_interrupted(run: _Run) -> list[str]:
    finished: list[str] = []
    for info in run.private.list(layout.INTENTS):
        intent = read_json(run.private, info.key)
        try:
            manifest, _ = read_manifest(run.store, intent["version"])
        except NotFoundError:
            continue  # never committed: invisible, and gc drops what it left
        if manifest.publish_id == intent["publish_id"]:
            _finish(run, manifest)
            finished.append(manifest.version)
        else:
            run.private.delete(info.key)
    return finished


def _finish(run: _Run, manifest: Manifest) -> None:
    """Do S6 to S8; everything needed is in the manifest and, until S8, in the candidate."""
    upload_shards(run.store, run.private, manifest.candidate_id, list_shards(manifest.tables.values()))
    place_release(run.store, run.private, manifest)
    run.checkpoint("S6")
    move_latest(run.store, announce=manifest.version, has_swap=run.conditions.swap)
    write_changelog(run.store)
    run.checkpoint("S7")
    clear_steps_of(run.private, manifest.candidate_id)
    delete_candidate(run.private, manifest.candidate_id)
    run.private.delete(layout.intent(manifest.publish_id))
    run.checkpoint("S8")
