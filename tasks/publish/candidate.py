"""Candidates: complete releases in the private store that wait for approval.

Nothing under `shards/` or `releases/` changes. The same content has the same id and the same bytes, so
staging twice is staging once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from schemas.errors import NotFoundError, UsageError
from schemas.manifest import Candidate
from tasks.publish import layout
from tasks.storage.store import Store
from tasks.storage.tables import canonical_json

_ID_LENGTH = 16


def write_candidate(
    private: Store, described: Candidate, pending: Mapping[str, bytes | Path], now: datetime
) -> Candidate:
    """Write files and description under the id that follows from the content; returns the description.

    Args:
        private: where candidates lie.
        described: the candidate, without id and time.
        pending: digest to the content that the parent does not hold.
        now: time of staging; no part of the id.
    """
    content = described.model_dump(exclude={"candidate_id", "staged_at"})
    candidate_id = hashlib.sha256(canonical_json(content)).hexdigest()[:_ID_LENGTH]
    described = described.model_copy(
        update={"candidate_id": candidate_id, "staged_at": now.isoformat(timespec="seconds")}
    )
    if private.head(layout.candidate(candidate_id)) is not None:
        return read_candidate(private, candidate_id)
    for digest, data in pending.items():
        key = layout.candidate_file(candidate_id, digest)
        if isinstance(data, Path):
            private.put_file(key, data, sha256=digest)
        else:
            private.put(key, data, sha256=digest)
    private.put(layout.candidate(candidate_id), canonical_json(described.model_dump()))
    return described


def read_candidate(private: Store, candidate_id: str) -> Candidate:
    """Return the description of a staged candidate.

    Raises:
        NotFoundError: there is none with this id.
        UsageError: it was staged by another version of this tool.
    """
    try:
        return Candidate.model_validate_json(private.get(layout.candidate(candidate_id)))
    except NotFoundError:
        raise NotFoundError(
            f"no candidate {candidate_id}; `thoughttrace candidates` lists those that wait"
        ) from None
    except ValidationError:
        raise UsageError(
            f"candidate {candidate_id} cannot be read by this version of thoughttrace; stage it again"
        ) from None


def list_candidates(private: Store) -> list[Candidate]:
    """Return every complete candidate that waits for approval, oldest first."""
    ids = [o.key.split("/")[1] for o in private.list(layout.CANDIDATES) if o.key.endswith("/candidate.json")]
    return sorted((read_candidate(private, i) for i in ids), key=lambda c: (c.staged_at, c.candidate_id))


def delete_candidate(private: Store, candidate_id: str) -> int:
    """Delete a candidate, description first, and return the number of files; safe to repeat."""
    private.delete(layout.candidate(candidate_id))
    files = private.list(f"{layout.CANDIDATES}{candidate_id}/")
    for file in files:
        private.delete(file.key)
    return len(files)
