"""The receipt of a withdrawal: what was done, when, as counts and digests; names nobody."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Any, Protocol

from schemas.errors import ConflictError
from tasks.publish import layout
from tasks.storage.store import Store
from tasks.storage.tables import canonical_json, read_json
from tasks.withdraw.plan import Request, WithdrawalPlan
from tasks.withdraw.purge import PurgeReport


class Signer(Protocol):
    """Signs receipts; see `tasks.publish.signing`."""

    def sign(self, data: bytes, comment: str) -> bytes:
        """Return the signature file for these bytes."""
        ...


def write_receipt(
    private: Store,
    request: Request,
    plan: WithdrawalPlan,
    *,
    patch: str | None,
    purged: PurgeReport | None,
    now: datetime,
    signer: Signer | None = None,
) -> dict[str, Any]:
    """Write the receipt once and return it; a purge that follows later writes a second one.

    Args:
        private: the private store.
        request: what was asked; only how many it names is told.
        plan: which releases held them.
        patch: release without them; None where none was needed.
        purged: what was deleted; None if nothing was.
        now: time of completion.
        signer: signs it, if given.
    """
    rows: dict[str, int] = {}
    if plan.releases:
        rows = dict(plan.releases[-1].n_rows)
    receipt = {
        "request_id": request.request_id,
        "requested_at": request.at,
        "completed_at": now.isoformat(timespec="seconds"),
        "n_participants": len(request.participant_ids),
        "n_rows_removed": rows,
        "releases_yanked": [a.version for a in plan.releases],
        "replaced_by": patch,
        "purged": None
        if purged is None
        else {
            "releases": purged.versions,
            "n_objects_deleted": purged.n_deleted,
            "n_files_rewritten": purged.n_rewritten,
            "shards_sha256": purged.deleted,
        },
    }
    name = "receipt-purge" if purged is not None else "receipt"
    key = f"{layout.WITHDRAWALS}{request.request_id}/{name}.json"
    data = canonical_json(receipt)
    with suppress(ConflictError):
        private.create(key, data)
        if signer is not None:
            private.put(f"{key}.minisig", signer.sign(data, f"withdrawal {request.request_id}"))
    written: dict[str, Any] = read_json(private, key)
    return written
