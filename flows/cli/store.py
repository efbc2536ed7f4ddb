"""Commands about what is published: list, show, diff, verify, yank, gc, pull."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.config import ConfigOption
from flows.cli.output import JsonOption, StoreOption, YesOption, console, print_json

if TYPE_CHECKING:
    from schemas.config import Settings
    from tasks.storage.store import Store

VersionArgument = Annotated[str, typer.Argument(help="A version such as v1.4.0, or `latest`.")]


def list_command(store: StoreOption = "", config: ConfigOption = None, json: JsonOption = False) -> None:
    """List the releases of a store."""
    from tasks.publish.layout import release
    from tasks.publish.releases import is_purged, latest_version, list_releases, read_latest
    from tasks.publish.versions import parse_version

    opened, _, _ = _open(store, config)
    releases, newest = list_releases(opened), latest_version(opened)
    pointer, _ = read_latest(opened)
    announced = pointer.announced if pointer else None
    rows: list[dict[str, Any]] = []
    for item in releases:
        is_done = announced is not None and parse_version(item.version) <= parse_version(announced)
        is_latest = item.version == newest
        state = "yanked" if item.is_yanked else "latest" if is_latest else ""
        state = "purged" if is_purged(opened, item.version) else state
        rows.append(
            {
                "version": item.version,
                "state": state if is_done else "unfinished",
                "is_latest": is_latest,
                "is_yanked": item.is_yanked,
                "created_at": item.manifest.created_at,
                "parent": item.manifest.parent.version if item.manifest.parent else None,
                "n_rows": {name: t.n_rows for name, t in item.manifest.tables.items()},
                "manifest_sha256": item.sha256,
                "path": release(item.version, ""),
            }
        )
    if json:
        print_json({"store": opened.uri, "latest": newest, "releases": rows})
        return
    if not rows:
        console.print(f"no release in {opened.uri} yet", markup=False)
    _print_rows(
        ["version", "state", "created", "participants", "conversations", "messages", "thoughts"],
        [
            [r["version"], r["state"], r["created_at"][:16]]
            + [
                f"{r['n_rows'].get(t, 0):,}"
                for t in ("participants", "conversations", "messages", "thoughts")
            ]
            for r in rows
        ],
    )


def show(
    version: VersionArgument, store: StoreOption = "", config: ConfigOption = None, json: JsonOption = False
) -> None:
    """Show what a release consists of and where it came from."""
    from tasks.publish.layout import yanked
    from tasks.publish.releases import latest_version, read_manifest, resolve_version

    opened, _, _ = _open(store, config)
    version = resolve_version(opened, version)
    manifest, digest = read_manifest(opened, version)
    is_yanked = opened.head(yanked(version)) is not None
    if json:
        extra = {
            "manifest_sha256": digest,
            "is_yanked": is_yanked,
            "is_latest": latest_version(opened) == version,
        }
        print_json(manifest.model_dump() | extra)
        return
    info = manifest.info
    facts = [
        ("version", version + (" (yanked)" if is_yanked else "")),
        ("manifest sha256", digest),
        ("created", f"{manifest.created_at}, approved by {manifest.approved_by or 'nobody named'}"),
        ("follows", manifest.parent.version if manifest.parent else "nothing, first release"),
        ("licence", info.license),
        ("policy", info.policy),
        ("schema", info.schema_version),
        ("taxonomies", ", ".join(f"{k} {v.version}" for k, v in sorted(info.taxonomies.items()))),
        ("inputs", ", ".join(f"{i.name} ({i.sha256[:12]})" for i in info.inputs)),
        ("models", ", ".join(f"{m.facet}: {m.snapshot or m.name}" for m in info.models)),
        ("cost", f"{info.cost_usd:.2f} USD"),
        ("code", f"{info.code.version} {info.code.commit or ''}".strip()),
    ]
    _print_rows(["", ""], [[a, b] for a, b in facts if b])
    _print_rows(
        ["table", "rows", "files", "MB"],
        [
            [name, f"{t.n_rows:,}", str(len(t.files)), f"{sum(f.n_bytes for f in t.files) / 1e6:.2f}"]
            for name, t in manifest.views.items()
        ],
    )
    _print_rows(["file", "MB"], [[f.path, f"{f.n_bytes / 1e6:.2f}"] for f in manifest.side_files])


def diff(
    before: VersionArgument,
    after: VersionArgument,
    store: StoreOption = "",
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Show what differs between two releases: columns, rows, labels, statistics."""
    from tasks.publish.compare import compare_releases
    from tasks.publish.releases import resolve_version

    opened, _, _ = _open(store, config)
    found = compare_releases(opened, resolve_version(opened, before), resolve_version(opened, after))
    tables: dict[str, dict[str, Any]] = {}
    labels: dict[str, list[dict[str, Any]]] = {}
    for row in found.changes.iter_rows(named=True):
        scope, _, facet = row["scope"].partition(".")
        if facet:
            flow = {k: row[v] for k, v in (("from", "from_value"), ("to", "to_value"))}
            flow |= {k: row[k] for k in ("change", "reason", "n_rows")}
            labels.setdefault(facet, []).append(flow)
            continue
        counts = tables.setdefault(
            scope, {"added": 0, "removed": 0, "changed": 0, "unchanged": 0, "reasons": {}}
        )
        counts[row["change"]] += row["n_rows"]
        if row["reason"]:
            key = f"{row['change']}: {row['reason']}"
            counts["reasons"][key] = counts["reasons"].get(key, 0) + row["n_rows"]
    schema = [{"table": c.table, "column": c.column, "change": c.change} for c in found.schema]
    if json:
        print_json(
            {
                "before": found.before,
                "after": found.after,
                "schema": schema,
                "tables": tables,
                "labels": labels,
                "stats": [{"name": s.name, "before": s.before, "after": s.after} for s in found.stats],
                "taxonomies": {k: {"before": a, "after": b} for k, (a, b) in found.taxonomies.items()},
            }
        )
        return
    kinds = ("added", "removed", "changed", "unchanged")
    _print_rows(
        [f"{found.before} to {found.after}", *kinds, "why"],
        [
            [
                name,
                *(f"{c[k]:,}" for k in kinds),
                ", ".join(f"{n:,} {why}" for why, n in c["reasons"].items()),
            ]
            for name, c in tables.items()
        ],
    )
    moved = [
        [facet, f["from"] or "(none)", f["to"] or "(none)", f"{f['n_rows']:,}"]
        for facet, flows in labels.items()
        for f in flows
        if f["change"] != "unchanged"
    ]
    _print_rows(["facet", "from", "to", "labels"], moved)
    _print_rows(["table", "column", "change"], [[c["table"], c["column"], c["change"]] for c in schema])
    _print_rows(
        ["taxonomy", "before", "after"], [[k, a or "-", b or "-"] for k, (a, b) in found.taxonomies.items()]
    )
    if found.stats:
        shown = found.stats[:40]
        _print_rows(
            [
                f"statistic ({len(shown)} of {len(found.stats)} that differ; --json shows all)",
                "before",
                "after",
            ],
            [[s.name, _number(s.before), _number(s.after)] for s in shown],
        )


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

    opened, private, settings = _open(store, config)
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


def yank(
    version: VersionArgument,
    why: Annotated[str, typer.Option("--why", help="The reason; readers will see it.")] = "",
    undo: Annotated[
        bool, typer.Option("--undo", help="Take a yank back; not after a withdrawal or a redaction.")
    ] = False,
    store: StoreOption = "",
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Mark a release as not to be used, or take that back; its files stay."""
    from datetime import UTC, datetime

    from tasks.publish.releases import resolve_version
    from tasks.publish.yank import restore_release, yank_release

    opened, _, _ = _open(store, config)
    version = resolve_version(opened, version)
    if undo:
        latest = restore_release(opened, version)
    else:
        latest = yank_release(opened, version, why=why, now=datetime.now(UTC))
    if json:
        print_json({"version": version, "is_yanked": not undo, "latest": latest.version, "seq": latest.seq})
    else:
        state = "can be used again" if undo else "is yanked"
        typer.echo(f"{version} {state}; latest is {latest.version or 'nothing now'}")


def gc(
    store: StoreOption = "",
    grace_days: Annotated[
        float | None,
        typer.Option("--grace-days", min=0, help="Leave younger files alone; the setting says how many."),
    ] = None,
    yes: YesOption = False,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Show what nobody refers to any more; with --yes, delete it."""
    from datetime import UTC, datetime, timedelta

    from tasks.publish.gc import collect_garbage, find_garbage

    opened, private, settings = _open(store, config)
    days = settings.publish.gc_grace_days if grace_days is None else grace_days
    work = collect_garbage if yes else find_garbage
    found = work(opened, private, grace=timedelta(days=days), now=datetime.now(UTC))
    n_bytes = sum(g.info.size for g in found)
    if json:
        files = [
            {"key": g.info.key, "is_private": g.is_private, "n_bytes": g.info.size, "why": g.why}
            for g in found
        ]
        print_json({"dry_run": not yes, "n_files": len(found), "n_bytes": n_bytes, "files": files})
        return
    _print_rows(["file", "MB", "what"], [[g.info.key, f"{g.info.size / 1e6:.2f}", g.why] for g in found])
    done = "deleted" if yes else "could be deleted; --yes deletes them"
    typer.echo(f"{len(found)} files, {n_bytes / 1e6:.1f} MB {done}")


def pull(
    version: VersionArgument,
    folder: Annotated[Path, typer.Argument(help="Where the files go; what is there already is kept.")],
    since: Annotated[
        str | None,
        typer.Option("--since", help="Write only rows that are new or changed since this version."),
    ] = None,
    store: StoreOption = "",
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Fetch a release as a folder of plain files, checked against its manifest."""
    from tasks.publish.pull import pull_difference, pull_release
    from tasks.publish.releases import resolve_version

    opened, _, _ = _open(store, config)
    version = resolve_version(opened, version)
    if since is None:
        report = pull_release(opened, version, folder)
    else:
        report = pull_difference(opened, version, resolve_version(opened, since), folder)
    if json:
        counts = {"n_files": report.n_files, "n_fetched": report.n_fetched, "n_bytes": report.n_bytes}
        print_json({"version": version, "folder": str(folder), "n_rows": report.n_rows, **counts})
    elif since is None:
        size = f"{report.n_bytes / 1e6:.1f} MB"
        typer.echo(f"{version} is in {folder}: {report.n_files} files, {report.n_fetched} fetched ({size})")
    else:
        typer.echo(f"{version} since {since}: " + ", ".join(f"{n:,} {t}" for t, n in report.n_rows.items()))


def register(app: typer.Typer) -> None:
    """Attach the commands."""
    app.command("list")(list_command)
    for command in (show, diff, verify, yank, gc, pull):
        app.command()(command)


def _open(store: str, config: str | None) -> tuple[Store, Store, Settings]:
    """Open store and private store; a folder that is not there is an error, not an empty store."""
    from flows.settings import resolve_settings
    from schemas.errors import NotFoundError
    from tasks.storage.store import local_path, open_private, open_store

    settings = resolve_settings(config, {"store": store or None}).settings
    opened = open_store(settings.store)
    path = local_path(settings.store)
    if path is not None and not path.exists():
        raise NotFoundError(f"no store at {path}")
    return opened, open_private(opened, settings.private_store), settings


def _find_mentions(store: Store, private: Store, ids_file: Path) -> tuple[dict[str, int], int]:
    """Return the files of visible releases that speak of them, and how many of yanked ones do."""
    import os

    from tasks.withdraw.foresee import names_to_search
    from tasks.withdraw.plan import find_mentions

    names = names_to_search(private, ids_file, os.environ)
    found = find_mentions(store, names)
    return found, len(find_mentions(store, names, yanked_too=True).keys() - found.keys())


def _print_rows(columns: list[str], rows: list[list[str]]) -> None:
    from rich.console import Console
    from rich.table import Table

    if not rows:
        return
    table = Table(box=None, pad_edge=False, show_header=any(columns))
    for i, column in enumerate(columns):
        is_number = all(r[i].replace(",", "").replace(".", "").isdigit() for r in rows)
        table.add_column(column, overflow="fold", justify="right" if is_number else "left")
    for row in rows:
        table.add_row(*(cell.replace("[", r"\[") for cell in row))
    Console().print(table)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"
