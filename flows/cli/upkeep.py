"""Commands that keep a store: yank, gc, pull."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.config import ConfigOption
from flows.cli.output import JsonOption, StoreOption, YesOption, print_json, print_rows
from flows.cli.store import VersionArgument, open_existing


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

    opened, _, _ = open_existing(store, config)
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

    opened, private, settings = open_existing(store, config)
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
    print_rows(["file", "MB", "what"], [[g.info.key, f"{g.info.size / 1e6:.2f}", g.why] for g in found])
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

    opened, _, _ = open_existing(store, config)
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
    for command in (yank, gc, pull):
        app.command()(command)
