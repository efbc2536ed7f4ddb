"""The command that checks a release: bytes, signature, personal data, absence of people who left."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.config import ConfigOption
from flows.cli.output import JsonOption, StoreOption, console, print_json
from flows.cli.store import VersionArgument, open_existing

if TYPE_CHECKING:
    from tasks.storage.store import Store


def verify(
    version: VersionArgument = "latest",
    store: StoreOption = "",
    public_key: Annotated[
        Path | None, typer.Option("--public-key", help="Check the signature with this minisign public key.")
    ] = None,
    require_signature: Annotated[
        bool, typer.Option("--require-signature", help="Fail if the release is not signed.")
    ] = False,
    audit_pii: Annotated[
        bool,
        typer.Option(
            "--audit-pii", help="Also look for personal data in every file and measure the privacy again."
        ),
    ] = False,
    absent: Annotated[
        Path | None,
        typer.Option(
            "--absent", help="Also prove that no visible release speaks of the people on this list of ids."
        ),
    ] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Check every file of a release against its manifest; exit 1 and name the first that is wrong."""
    from flows.cli.audit import run_audit, show_audit
    from schemas.errors import VerificationError
    from tasks.publish.releases import resolve_version
    from tasks.publish.signing import load_verifier
    from tasks.publish.verify import verify_release

    opened, private, settings = open_existing(store, config)
    mentions, n_yanked = _find_mentions(opened, private, absent) if absent else ({}, 0)
    report = verify_release(
        opened,
        resolve_version(opened, version),
        verifier=load_verifier(public_key) if public_key else None,
        require_signature=require_signature,
    )
    if n_yanked:
        report.notes.append(
            f"{n_yanked} files of yanked releases still speak of somebody on the list; "
            "`thoughttrace withdraw --purge` deletes them"
        )
    # a damaged release is not read any further
    audit = run_audit(opened, report.version, settings) if audit_pii and report.is_sound else None
    if json:
        print_json(
            {
                "version": report.version,
                "ok": report.is_sound and not mentions and (audit is None or audit.is_clean),
                **({"pii": audit.describe()} if audit else {}),
                "mentions": mentions,
                "n_files": report.n_files,
                "n_bytes": report.n_bytes,
                "problems": [{"path": p.path, "what": p.what} for p in report.problems],
                "notes": report.notes,
            }
        )
    for note in report.notes:
        console.print(note, markup=False)
    if mentions:
        first = next(iter(mentions))
        raise VerificationError(f"{len(mentions)} files still speak of somebody on the list, first {first}")
    if not report.is_sound:
        first, others = report.problems[0], len(report.problems) - 1
        more = f" (and {others} more problems; --json lists them)" if others else ""
        raise VerificationError(f"{report.version} is broken: {first.path} {first.what}{more}")
    if audit is not None:
        if not json:
            show_audit(audit)
        if not audit.is_clean:
            raise VerificationError(audit.complain())
    if not json:
        if absent:
            typer.echo("nobody on the list is in any visible release")
        typer.echo(f"{report.version} is sound: {report.n_files} files, {report.n_bytes / 1e6:.1f} MB read")


def register(app: typer.Typer) -> None:
    """Attach the command."""
    app.command()(verify)


def _find_mentions(store: Store, private: Store, ids_file: Path) -> tuple[dict[str, int], int]:
    """Return the files of visible releases that speak of them, and how many of yanked ones do."""
    import os

    from tasks.withdraw.foresee import names_to_search
    from tasks.withdraw.plan import find_mentions

    names = names_to_search(private, ids_file, os.environ)
    found = find_mentions(store, names)
    return found, len(find_mentions(store, names, yanked_too=True).keys() - found.keys())
