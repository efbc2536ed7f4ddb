"""What arrived since the last look: new exports, changed taxonomy files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from schemas.errors import InputError, NotFoundError, ServiceError
from tasks.storage.inputs import InputFile, list_inputs, open_input
from tasks.storage.store import Store
from tasks.storage.tables import canonical_json

SEEN = "watch/looks.json"
"""In the private store: what the last look found."""

Marks = Mapping[str, str]
"""Address to what tells one content from another."""

Look = Mapping[str, Marks]
"""Place (a file, folder or pattern) to the marks of what lies there."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the last look found, and the state of the file that says so.

    Attributes:
        looks: kind of input to the look at its places; None before the first look.
        etag: what the store held, for the swap.
    """

    looks: Mapping[str, Look] | None
    etag: str | None


def look_at_exports(places: Iterable[str], before: Look) -> tuple[Look, list[str]]:
    """Find the exports at these places and mark each by its size: they are too large to read for this.

    Args:
        places: files, folders, patterns or s3:// addresses.
        before: the last look; a place that cannot be listed now, or is empty, keeps its marks, so that a mount
            that was away for an hour does not make everything on it new.

    Returns:
        The look, and the places where something was before and nothing can be seen now.
    """
    return _look(places, before, lambda file: str(file.size))


def look_at_taxonomies(places: Iterable[str], before: Look) -> tuple[Look, list[str]]:
    """Find the taxonomy files at these places and mark each by its digest; see `look_at_exports`."""
    return _look(places, before, _digest)


def find_arrivals(before: Look, now: Look) -> list[str]:
    """Addresses that are new or whose mark changed, sorted; what vanished is no arrival."""
    known = {mark for marks in before.values() for mark in marks.items()}
    return sorted({uri for marks in now.values() for uri, mark in marks.items() if (uri, mark) not in known})


def read_seen(private: Store) -> Seen:
    """Return what the last look found."""
    try:
        data, etag = private.get_with_etag(SEEN)
    except NotFoundError:
        return Seen(None, None)
    return Seen(json.loads(data), etag)


def keep_seen(private: Store, seen: Seen, looks: Mapping[str, Look]) -> None:
    """Remember this look; to be called once what it found is announced.

    Raises:
        ConflictError: somebody else looked at the same moment, and remembered theirs.
    """
    private.swap(SEEN, canonical_json(looks), seen.etag)


def _look(places: Iterable[str], before: Look, mark: Callable[[InputFile], str]) -> tuple[Look, list[str]]:
    look: dict[str, Marks] = {}
    unseen: list[str] = []
    for place in filter(None, places):
        try:
            look[place] = {file.uri: mark(file) for file in list_inputs([place])}
        except InputError:
            look[place] = before.get(place, {})
            # a place where nothing was yet is no fault
            if look[place]:
                unseen.append(place)
        except (ServiceError, OSError):
            look[place] = before.get(place, {})
            unseen.append(place)
    return look, unseen


def _digest(file: InputFile) -> str:
    with open_input(file) as stream:
        return hashlib.sha256(stream.read()).hexdigest()
