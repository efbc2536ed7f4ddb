"""`thoughttrace verify --audit-pii`: the privacy proof of a published release, made again."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from flows.cli.output import console
from schemas.errors import VerificationError

if TYPE_CHECKING:
    from schemas.config import Settings
    from tasks.scrub.audit_release import PiiAudit
    from tasks.storage.store import Store

_SHOWN = 20


def run_audit(store: Store, version: str, settings: Settings) -> PiiAudit:
    """Scan and measure a release; see `tasks.scrub.audit_release`."""
    from tasks.scrub.audit_release import audit_release

    return audit_release(store, version, settings.privacy, policy_file=settings.gate.policy_file)


def describe_audit(audit: PiiAudit) -> dict[str, Any]:
    """The audit for `--json`: counts, places and measures, no text."""
    return {
        "ok": audit.is_clean,
        "engine": audit.engine,
        "n_files": audit.n_files,
        "n_texts": audit.n_texts,
        "counts": audit.counts,
        "findings": [asdict(f) for f in audit.findings],
        "measures": audit.measures,
        "failed": audit.failed,
    }


def show_audit(audit: PiiAudit) -> None:
    """Print counts, measures and the first places to stderr."""
    canary = audit.measures["canary"]
    counts = ", ".join(f"{n:,} {kind}" for kind, n in audit.counts.items()) or "nothing"
    console.print(
        f"second scan of {audit.n_files:,} files, {audit.n_texts:,} texts: {counts}\n"
        f"smallest group k = {audit.measures['k']} of {audit.measures['k_required']} asked; planted numbers found "
        f"{canary['structured_recall']:.1%} of {canary['structured_n']:,}, names {canary['names_recall']:.1%} of "
        f"{canary['names_n']:,} (95 % interval from {canary['names_recall_low']:.1%})",
        markup=False,
        soft_wrap=True,
    )
    for item in audit.findings[:_SHOWN]:
        mark = "" if item.is_critical else " (warning)"
        console.print(
            f"  {item.kind}{mark}  {item.file}  {item.item_id} {item.field}", markup=False, soft_wrap=True
        )
    if len(audit.findings) > _SHOWN:
        console.print(f"  and {len(audit.findings) - _SHOWN:,} more; --json lists them", markup=False)


def require_clean(audit: PiiAudit) -> None:
    """Fail where the audit found something.

    Raises:
        VerificationError: personal data, or a measure outside its limit; says how much, where first and what to do.
    """
    critical = [f for f in audit.findings if f.is_critical]
    if critical:
        first = critical[0]
        raise VerificationError(
            f"{audit.version} holds personal data: {len(critical):,} findings, first {first.kind} in {first.file}, "
            f"{first.item_id} {first.field}; look at them and mask them with `thoughttrace redact --spans FILE`"
        )
    if audit.failed:
        raise VerificationError(f"{audit.version}: {audit.failed[0]}")
