"""The pointer to the newest release: a hint for readers, which the manifests can always correct."""

from __future__ import annotations

import hashlib
import random
import time

from pydantic import ValidationError

from schemas.errors import ConflictError, NotFoundError, VerificationError
from schemas.manifest import Latest
from tasks.publish import layout
from tasks.publish.releases import latest_version
from tasks.publish.versions import parse_version
from tasks.storage.store import Store
from tasks.storage.tables import canonical_json

_SWAPS = 50


def read_latest(store: Store) -> tuple[Latest | None, str | None]:
    """Return the pointer and its etag; both None where there is none.

    Raises:
        VerificationError: the pointer cannot be read.
    """
    try:
        data, etag = store.get_with_etag(layout.LATEST)
    except NotFoundError:
        return None, None
    try:
        return Latest.model_validate_json(data), etag
    except ValidationError:
        raise VerificationError(f"{store.uri}/{layout.LATEST} cannot be read; it was damaged") from None


def move_latest(store: Store, announce: str | None = None, *, has_swap: bool = True) -> Latest:
    """Point `latest.json` to the newest usable release, whoever else is doing the same.

    Args:
        store: where the releases are.
        announce: a version whose files are all in place now.
        has_swap: whether the store compares before it swaps; if not, the pointer is only a hint.

    Raises:
        ConflictError: others kept changing it.
    """
    for _ in range(_SWAPS):
        current, etag = read_latest(store)
        version = latest_version(store)
        digest = None
        if version is not None:
            digest = hashlib.sha256(store.get(layout.manifest(version))).hexdigest()
        known = [v for v in (announce, current.announced if current else None) if v is not None]
        wanted = Latest(
            version=version,
            manifest_sha256=digest,
            seq=current.seq + 1 if current else 1,
            announced=max(known, key=parse_version, default=None),
        )
        if current is not None and wanted.model_copy(update={"seq": current.seq}) == current:
            return current
        data = canonical_json(wanted.model_dump())
        try:
            if has_swap:
                store.swap(layout.LATEST, data, etag)
            else:
                store.put(layout.LATEST, data)
        except ConflictError:
            time.sleep(random.random() * 0.05)
        # and look again: a newer release may have landed between our listing and our swap
    raise ConflictError(f"{layout.LATEST} is being changed all the time; run again")
