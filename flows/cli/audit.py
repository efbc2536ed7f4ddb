"""`thoughttrace verify --audit-pii`: the privacy proof of a published release, made again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flows.cli.output import console

if TYPE_CHECKING:
    from schemas.config import Settings
    from tasks.scrub.audit_release import PiiAudit
    from tasks.storage.store import Store

_SHOWN = 20


def run_audit(store: Store, version: str, settings: Settings) -> PiiAudit:
    """Scan and measure a release; see `tasks.scrub.audit_release`."""
    from tasks.scrub.audit_release import audit_release

    return audit_release(store, version, settings.privacy, policy_file=settings.gate.policy_file)


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
