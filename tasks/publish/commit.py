"""The commit: a candidate becomes a manifest, is signed, and exists from one create-if-absent on."""

from __future__ import annotations

import hashlib
from datetime import datetime

from schemas.errors import ConflictError, ReleaseExistsError
from schemas.manifest import Candidate, Manifest
from tasks.publish import layout
from tasks.publish.claims import create_alone
from tasks.publish.provenance import Signer, write_provenance
from tasks.publish.releases import parse_manifest
from tasks.storage.conditions import Conditions
from tasks.storage.store import Store
from tasks.storage.tables import canonical_json

_SHARED = frozenset(Manifest.model_fields) - {"format", "candidate_id"}


def describe_release(candidate: Candidate, publish_id: str, approved_by: str, now: datetime) -> Manifest:
    """Return the manifest that a candidate becomes."""
    return Manifest(
        **{k: getattr(candidate, k) for k in type(candidate).model_fields if k in _SHARED},
        candidate_id=candidate.candidate_id,
        publish_id=publish_id,
        created_at=now.isoformat(timespec="seconds"),
        approved_by=approved_by,
    )


def sign_manifest(store: Store, manifest: Manifest, signer: Signer | None) -> None:
    """Write provenance and signature; named by digest, so that they may come before the manifest."""
    data = canonical_json(manifest.model_dump())
    digest = hashlib.sha256(data).hexdigest()
    write_provenance(store, manifest, digest, signer)
    if signer is not None:
        comment = f"{manifest.version} {manifest.created_at}"
        store.put(layout.signature(digest, signer.key_id), signer.sign(data, comment))


def commit_manifest(
    store: Store, private: Store, manifest: Manifest, conditions: Conditions
) -> tuple[Manifest, str]:
    """Create the manifest, which is the publication; returns the one that is there, and its digest.

    Raises:
        ReleaseExistsError: another run was first.
    """
    key, data = layout.manifest(manifest.version), canonical_json(manifest.model_dump())
    try:
        if conditions.create:
            store.create(key, data)
        else:
            create_alone(store, private, key, data, manifest.publish_id)
    except ConflictError:
        # it may be our own first attempt, whose answer was lost on the way
        data = store.get(key)
        there = parse_manifest(data, manifest.version)
        if there.publish_id != manifest.publish_id:
            raise lost_to(there) from None
        manifest = there
    return manifest, hashlib.sha256(data).hexdigest()


def lost_to(winner: Manifest) -> ReleaseExistsError:
    """Return the error that says who has published the version."""
    return ReleaseExistsError(
        f"{winner.version} was published at {winner.created_at} by another run ({winner.publish_id})"
    )
