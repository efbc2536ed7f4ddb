"""Whether a candidate may still be published: the next version, the latest parent, no request since."""

from __future__ import annotations

from schemas.errors import StaleCandidateError
from schemas.manifest import Candidate
from tasks.publish import layout
from tasks.publish.releases import latest_version, list_versions
from tasks.publish.versions import check_next_version
from tasks.storage.store import Store


def check_fresh(store: Store, private: Store, candidate: Candidate) -> None:
    """Refuse a candidate that time has overtaken.

    Raises:
        UsageError: the version goes backwards.
        StaleCandidateError: the parent is not the latest release any more, or a withdrawal or redaction was
            requested since it was staged.
    """
    check_next_version(candidate.version, list_versions(store))
    latest = latest_version(store)
    parent = candidate.parent.version if candidate.parent else None
    if latest != parent:
        raise StaleCandidateError(
            f"candidate {candidate.candidate_id} follows {parent or 'no release'}, but the latest is now "
            f"{latest or 'none'}; run the release again"
        )
    missing = _requests(private) - set(candidate.info.withdrawals)
    if missing:
        raise StaleCandidateError(
            f"{len(missing)} withdrawals or redactions were requested after candidate {candidate.candidate_id} was "
            "staged; run the release again"
        )


def _requests(private: Store) -> set[str]:
    """Return the ids of all withdrawal and redaction requests, done or not."""
    found = [o.key for folder in (layout.WITHDRAWALS, layout.REDACTIONS) for o in private.list(folder)]
    return {key.split("/")[1] for key in found if key.endswith("/request.json")}
