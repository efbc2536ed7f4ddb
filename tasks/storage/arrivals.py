"""What arrived since the last look: new exports, changed taxonomy files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping

from schemas.errors import InputError, NotFoundError
from tasks.storage.inputs import InputFile, list_inputs, open_input
from tasks.storage.store import Store
from tasks.storage.tables import canonical_json

SEEN = "watch/seen.json"
"""In the private store: what the last look found."""

Marks = Mapping[str, str]
"""Address to what tells one content from another."""


def look_at_exports(patterns: Iterable[str]) -> Marks:
    """Find the exports under these addresses and mark each by its size: they are too large to read for this."""
    return {file.uri: str(file.size) for file in _list(patterns)}


def look_at_taxonomies(patterns: Iterable[str]) -> Marks:
    """Find the taxonomy files at these addresses and mark each by its digest."""
    return {file.uri: _digest(file) for file in _list(patterns)}


def find_arrivals(before: Marks, now: Marks) -> list[str]:
    """Addresses that are new or whose mark changed, sorted; what vanished is no arrival."""
    return sorted(uri for uri, mark in now.items() if before.get(uri) != mark)


def swap_seen(private: Store, now: Mapping[str, Marks]) -> Mapping[str, Marks]:
    """Remember this look and return the one before; the first look returns itself, so that all is known.

    Raises:
        ConflictError: somebody else looked at the same moment, and announces what arrived.
    """
    before: Mapping[str, Marks] = now
    etag: str | None = None
    try:
        data, etag = private.get_with_etag(SEEN)
        before = json.loads(data)
    except NotFoundError:
        pass
    private.swap(SEEN, canonical_json(now), etag)
    return before


def _list(patterns: Iterable[str]) -> list[InputFile]:
    found: dict[str, InputFile] = {}
    for pattern in patterns:
        if not pattern:
            continue
        try:
            found.update((file.uri, file) for file in list_inputs([pattern]))
        except InputError:
            # nothing there yet
            continue
    return list(found.values())


def _digest(file: InputFile) -> str:
    with open_input(file) as stream:
        return hashlib.sha256(stream.read()).hexdigest()
