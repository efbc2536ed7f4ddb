"""Yanking: a release keeps its files but should not be used any more."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from schemas.errors import ConflictError, UsageError
from schemas.manifest import Latest
from tasks.publish import layout
from tasks.publish.changelog import write_changelog
from tasks.publish.releases import move_latest, resolve_version
from tasks.storage.conditions import probe_conditions
from tasks.storage.store import Store
from tasks.storage.tables import canonical_json


def yank_release(
    store: Store, version: str, *, why: str, now: datetime, replaced_by: str | None = None
) -> Latest:
    """Mark a release as not to be used and point `latest` to the newest other one; safe to repeat.

    Args:
        store: where releases live.
        version: which one.
        why: shown to readers; must not name anybody.
        now: time of the note.
        replaced_by: version to use instead.

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
    }
    conditions = probe_conditions(store)
    with suppress(ConflictError):  # the first reason stays
        store.create(layout.yanked(version), canonical_json(note))
    latest = move_latest(store, has_swap=conditions.swap)
    write_changelog(store)
    return latest
