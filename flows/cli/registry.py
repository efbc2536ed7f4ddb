"""`thoughttrace registry`: back up, restore and re-key who has which public id."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.config import ConfigOption
from flows.cli.output import JsonOption, StoreOption, YesOption, console, print_json

if TYPE_CHECKING:
    from tasks.pseudonymise.registry import Registry
    from tasks.storage.store import Store

registry_app = typer.Typer(help="The private registry of public ids.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Attach `registry`."""
    app.add_typer(registry_app, name="registry")


@registry_app.command("backup")
def backup(
    file: Annotated[Path, typer.Argument(help="New file to write; it must not exist yet.")],
    store: StoreOption = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the registry to a file. It holds keyed digests and public ids, and opens only with the same key."""
    from tasks.pseudonymise.registry_file import back_up_registry

    _tell(back_up_registry(_private_store(store, config), file), f"backed up to {file}", as_json)


@registry_app.command("restore")
def restore(
    file: Annotated[Path, typer.Argument(help="File that `registry backup` wrote.")],
    store: StoreOption = "",
    config: ConfigOption = None,
    force: Annotated[
        bool, typer.Option("--force", help="Also if the store knows ids that the backup does not.")
    ] = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write a backup back to the store. Ids given since then are forgotten only with --force."""
    import os

    from tasks.pseudonymise.keys import load_master_key
    from tasks.pseudonymise.registry_file import restore_registry

    private = _private_store(store, config)
    if not yes:
        typer.confirm(f"Replace the registry in {private.uri} by {file}?", abort=True, err=True)
    restored = restore_registry(private, file, load_master_key(os.environ), force=force)
    _tell(restored, f"restored from {file}", as_json)


@registry_app.command("rotate-key")
def rotate_key(
    new_key_file: Annotated[Path, typer.Argument(help="File with the new key, at least 32 bytes.")],
    store: StoreOption = "",
    config: ConfigOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Put the registry under a new key; every id, split and review decision stays. Back it up first."""
    import os

    from tasks.pseudonymise.keys import KEY_FILE_VARIABLE, load_master_key
    from tasks.pseudonymise.registry_file import rotate_registry_key

    private = _private_store(store, config)
    old = load_master_key(os.environ)
    new = load_master_key({KEY_FILE_VARIABLE: str(new_key_file)})
    if not yes:
        typer.confirm(f"Put the registry in {private.uri} under the new key?", abort=True, err=True)
    rotated = rotate_registry_key(private, old, new)
    _tell(rotated, "the new key is in force; set it for every later run", as_json)


def _private_store(store: str, config: str | None) -> Store:
    from flows.settings import resolve_settings
    from tasks.storage.store import open_private, open_store

    settings = resolve_settings(config, {"store": store or None}).settings
    return open_private(open_store(settings.store), settings.private_store)


def _tell(registry: Registry, what: str, as_json: bool) -> None:
    withdrawn = sum(1 for e in registry.participants.values() if e.withdrawn_at)
    if as_json:
        print_json(
            {
                "key_fingerprint": registry.fingerprint,
                "n_participants": len(registry.participants),
                "n_withdrawn": withdrawn,
                "n_conversations": len(registry.conversations),
                "next_number": registry.next_number,
            }
        )
        return
    console.print(
        f"{what}: {len(registry.participants):,} participants ({withdrawn:,} withdrawn), "
        f"{len(registry.conversations):,} conversations, key {registry.fingerprint}",
        markup=False,
        soft_wrap=True,
    )
