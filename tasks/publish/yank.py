"""Yanking: a release keeps its files but should not be used any more."""

from __future__ import annotations

from datetime import datetime

from schemas.errors import ConflictError, NotFoundError, UsageError
from schemas.manifest import Latest
from tasks.publish import layout
from tasks.publish.changelog import write_changelog
from tasks.publish.latest import move_latest
from tasks.publish.releases import is_purged, resolve_version
from tasks.storage.conditions import probe_conditions
from tasks.storage.store import Store
from tasks.storage.tables import canonical_json, read_json


def yank_release(
    store: Store,
    version: str,
    *,
    why: str,
    now: datetime,
    replaced_by: str | None = None,
    is_final: bool = False,
) -> Latest:
    """Mark a release as not to be used and point `latest` to the newest other one; safe to repeat.

    Args:
        store: where releases live.
        version: which one.
        why: shown to readers; must not name anybody.
        now: time of the note.
        replaced_by: version to use instead.
        is_final: it cannot be undone, as after a withdrawal or a redaction.

    Raises:
        NotFoundError: no such release.
        UsageError: no reason given.
    """
    if not why.strip():
        raise UsageError("say why with --why; readers will see it")
    version = resolve_version(store, version)
    note = {
        "version": version,
        "why": why.strip(),
        "at": now.isoformat(timespec="seconds"),
        "replaced_by": replaced_by,
        "is_final": is_final,
    }
    conditions = probe_conditions(store)
    try:
        store.create(layout.yanked(version), canonical_json(note))
    except ConflictError:  # the first reason stays
        earlier = read_json(store, layout.yanked(version))
        if is_final and not earlier.get("is_final"):
            store.put(layout.yanked(version), canonical_json({**earlier, "is_final": True}))
    latest = move_latest(store, has_swap=conditions.swap)
    write_changelog(store)
    return latest


def restore_release(store: Store, version: str) -> Latest:
    """Take a yank back, as if it had never been; safe to repeat.

    Raises:
        NotFoundError: no such release.
        UsageError: it was yanked for a withdrawal or a redaction, so it must stay yanked.
    """
    version = resolve_version(store, version)
    try:
        note = read_json(store, layout.yanked(version))
    except NotFoundError:
        note = {}
    if note.get("is_final") or is_purged(store, version):
        raise UsageError(f"{version} was yanked for a withdrawal or a redaction; that cannot be undone")
    conditions = probe_conditions(store)
    store.delete(layout.yanked(version))
    latest = move_latest(store, has_swap=conditions.swap)
    write_changelog(store)
    return latest
