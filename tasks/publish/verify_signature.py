"""Whether a release is signed, and by whom."""

from __future__ import annotations

from typing import Protocol

from schemas.errors import NotFoundError, VerificationError
from tasks.publish import layout
from tasks.publish.verify_report import Problem, VerifyReport
from tasks.storage.store import Store


class Verifier(Protocol):
    """Checks signatures; see `tasks.publish.signing`."""

    @property
    def key_id(self) -> str:
        """Id of the key, in the name of the signature file."""
        ...

    def verify(self, data: bytes, signature: bytes) -> str:
        """Return the trusted comment, or raise `VerificationError`."""
        ...


def check_signature(
    store: Store,
    version: str,
    digest: str,
    verifier: Verifier | None,
    require: bool,
    report: VerifyReport,
) -> None:
    """Check the signature of a manifest, or note that there is one; what is wrong goes to the report."""
    if verifier is None:
        signed = [o.key for o in store.list(f"{layout.SIGNATURES}{digest}.") if o.key.endswith(".minisig")]
        if signed:
            report.notes.append("signed; give --public-key to check by whom")
        elif require:
            report.problems.append(Problem(layout.manifest(version), "is not signed"))
        return
    key = layout.signature(digest, verifier.key_id)
    try:
        comment = verifier.verify(store.get(layout.manifest(version)), store.get(key))
        report.notes.append(f"signature is good: {comment}")
    except NotFoundError:
        report.problems.append(Problem(key, "is missing: not signed with this key"))
    except VerificationError as error:
        report.problems.append(Problem(key, str(error)))
