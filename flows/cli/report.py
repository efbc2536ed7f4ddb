"""Commands that show a release to people outside the pipeline: its report page, and the HF hub."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.config import ConfigOption
from flows.cli.output import JsonOption, StoreOption, YesOption, console, print_json

if TYPE_CHECKING:
    from tasks.storage.store import Store

VersionArgument = Annotated[str, typer.Argument(help="A version such as v1.4.0, or `latest`.")]


def report(
    version: VersionArgument,
    store: StoreOption = "",
    config: ConfigOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Copy the page to this file.", show_default=False)
    ] = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    json: JsonOption = False,
) -> None:
    """Say where the report page of a release is; with `--open`, show it.

    The page of a local store is shown in place; that of another store is first copied to a file.
    """
    from tasks.report.delivery import fetch_report

    opened = _open_store(store, config)
    page = fetch_report(opened, version, out)
    if json:
        print_json({"version": page.version, "path": str(page.path), "sha256": page.sha256})
    else:
        typer.echo(str(page.path))
    if open_page:
        import webbrowser

        if not webbrowser.open(page.path.resolve().as_uri()):
            console.print("no browser could be opened; open the file above by hand", markup=False)


push = typer.Typer(help="Publish a release elsewhere; never done automatically.", no_args_is_help=True)


@push.command("hf")
def push_hf(
    repo: Annotated[str, typer.Argument(help="Dataset repository on the hub: owner/name.")],
    version: VersionArgument,
    store: StoreOption = "",
    config: ConfigOption = None,
    private: Annotated[bool, typer.Option("--private", help="Create the repository as private.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List the files that would be uploaded; ask the hub nothing.")
    ] = False,
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Upload a release to a dataset repository of the Hugging Face hub, as one commit and one tag.

    The token comes from the hub's own environment variable or login, and is never printed.
    """
    from tasks.report.hub import plan_upload, upload_release

    opened = _open_store(store, config)
    plan = plan_upload(opened, version)
    size = f"{len(plan.files)} files, {plan.n_bytes / 1e6:.1f} MB"
    if dry_run:
        if json:
            print_json({"version": plan.version, "repo": repo, "files": plan.files, "n_bytes": plan.n_bytes})
            return
        typer.echo("\n".join(plan.files))
        console.print(f"would upload {plan.version} ({size}) to {repo}; nothing was sent", markup=False)
        return
    if not yes:
        visibility = "private" if private else "public"
        typer.confirm(
            f"Upload {plan.version} ({size}) to the {visibility} dataset {repo}?", abort=True, err=True
        )
    done = upload_release(opened, plan, repo, is_private=private)
    if json:
        print_json({"version": plan.version, "repo": repo, "commit": done.commit, "url": done.url})
        return
    console.print(f"uploaded {plan.version} ({size})", markup=False)
    typer.echo(done.url)


def register(app: typer.Typer) -> None:
    """Attach the commands."""
    app.command("report")(report)
    app.add_typer(push, name="push")


def _open_store(store: str, config: str | None) -> Store:
    """Open the store; a folder that is not there is an error, not an empty store."""
    from flows.settings import resolve_settings
    from schemas.errors import NotFoundError
    from tasks.storage.store import local_path, open_store

    uri = resolve_settings(config, {"store": store or None}).settings.store
    path = local_path(uri)
    if path is not None and not path.exists():
        raise NotFoundError(f"no store at {path}")
    return open_store(uri)
