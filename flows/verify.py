"""Check a published release against its manifest, every night."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prefect import flow

from flows.run import open_run
from flows.telling import write_summary
from schemas.errors import VerificationError
from tasks.publish.task import verify
from tasks.report.markdown import markdown_text as text
from tasks.scrub.task import audit_pii


@flow(name="verify", flow_run_name="verify {version}")
def verify_release(
    version: str = "latest", store: str = "", config_file: str = "", audit: bool = False
) -> dict[str, Any]:
    """Read every file of a release and compare it with the manifest; the run fails if one differs.

    Args:
        version: A version such as v1.4.0, or `latest`.
        store: Where releases live; empty means as the settings say.
        config_file: Settings file on the worker; empty means as the environment says.
        audit: Also look for personal data in every file and measure the privacy again.

    Raises:
        VerificationError: a file is missing, altered or inconsistent, or holds personal data; names the first.
    """
    run = open_run(store, config_file)
    report = verify(run, version)
    pii = audit_pii(run, report["version"]) if audit and report["ok"] else None
    write_summary(f"verify-{report['version']}", summarise_check(report, pii))
    if not report["ok"]:
        first = report["problems"][0]
        raise VerificationError(f"{report['version']} is broken: {first['path']} {first['what']}")
    if pii and not pii["ok"]:
        raise VerificationError(pii["complaint"])
    return report | ({"pii": pii} if pii else {})


def summarise_check(report: Mapping[str, Any], pii: Mapping[str, Any] | None = None) -> str:
    """Say in a screen what a check found: files that are wrong, and findings of the second scan."""
    rows = "".join(f"| {text(p['path'])} | {text(p['what'])} |\n" for p in report["problems"][:50])
    return (
        f"## {report['version']} is {'sound' if report['ok'] else 'broken'}\n\n"
        f"{report['n_files']:,} files, {report['n_bytes'] / 1e6:,.1f} MB read.\n\n"
        + (f"| file | what is wrong |\n|---|---|\n{rows}" if rows else "")
        + (f"\n{_tell_audit(pii)}" if pii else "")
    )


def _tell_audit(pii: Mapping[str, Any]) -> str:
    places = "".join(
        f"| {text(f['file'])} | {text(f['item_id'])} {text(f['field'])} | {text(f['kind'])} |\n"
        for f in pii["findings"][:50]
    )
    return (
        f"Second scan of {pii['n_files']:,} files: {len(pii['findings']):,} findings. "
        f"Smallest group k = {pii['measures']['k']}.\n\n"
        + (f"| file | item | kind |\n|---|---|---|\n{places}" if places else "")
    )
