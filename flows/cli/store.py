"""What commands about published releases share: the version they mean and the store they open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from schemas.config import Settings
    from tasks.storage.store import Store

VersionArgument = Annotated[str, typer.Argument(help="A version such as v1.4.0, or `latest`.")]


def open_existing(store: str, config: str | None) -> tuple[Store, Store, Settings]:
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
