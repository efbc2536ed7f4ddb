"""Whether a store really honours conditional writes: several servers accept the condition and ignore it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from schemas.errors import ConflictError
from tasks.storage.store import Store

PROBES = ".probe/"


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a probe has seen."""

    create: bool
    swap: bool


def probe_conditions(store: Store) -> Conditions:
    """Try both conditional writes against an object of our own; six small requests on S3.

    Raises:
        StoreUnavailableError: the store fails, or these credentials may not write.
    """
    if store.is_local:
        return Conditions(create=True, swap=True)
    key = f"{PROBES}{uuid.uuid4().hex}"
    try:
        etag = store.create(key, b"1")
        creates = _refuses(lambda: store.create(key, b"2"))
        store.put(key, b"3")
        swaps = _refuses(lambda: store.swap(key, b"4", etag))
    finally:
        store.delete(key)
    return Conditions(creates, swaps)


def _refuses(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except ConflictError:
        return True
    return False
