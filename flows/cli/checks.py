"""What is wrong with a call, told at once: a flow would tell it too, but only after Prefect's start."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from typing import Any, get_args

from schemas.errors import UsageError


def one_of(flag: str, choices: Any) -> Callable[[str | None], str | None]:
    """Make the check of an option that takes few values.

    Args:
        flag: its name.
        choices: the `Literal` of the values that it takes.
    """

    def check(value: str | None) -> str | None:
        # empty means the same as not given
        if value and value not in get_args(choices):
            raise UsageError(f"{flag} {value}: give one of {', '.join(get_args(choices))}")
        return value

    return check


def check_budget(value: float | None) -> float | None:
    """Return what `--budget` gives.

    Raises:
        UsageError: it is no amount of money.
    """
    # NaN lies in no range, and a limit without end is none
    if value is not None and not 0 <= value < math.inf:
        raise UsageError(f"--budget {value:g}: give an amount in USD, 0 or more")
    return value


def check_set_version(value: str) -> str:
    """Return what `--set-version` gives; empty means the next version.

    Raises:
        UsageError: it is no version.
    """
    if value:
        from tasks.publish.versions import is_version

        if not is_version(value):
            raise UsageError(f"--set-version {value}: not a version; use the form v1.4.0")
    return value


def check_release(exports: Sequence[str], store: str, config_file: str) -> None:
    """Refuse a release that cannot start: settings, id key, store and exports, as far as this machine holds them.

    Args:
        exports: as the flow will get them; a bucket is listed once, by the flow.
        store: as the flow will get it.
        config_file: as the flow will get it.

    Raises:
        UsageError: whatever the flow would raise; of its kinds `ConfigError`, `KeyMissingError`, `InputError`.
    """
    from flows.settings import resolve_settings
    from tasks.pseudonymise.keys import load_master_key
    from tasks.storage.inputs import list_inputs, refuse_store_inside
    from tasks.storage.store import local_path, open_store

    place = resolve_settings(config_file or None, {"store": store or None}).settings.store
    # a bucket's library takes a while to import
    if local_path(place) is not None:
        open_store(place)
    load_master_key(os.environ)
    refuse_store_inside(exports, place)
    here = [export for export in exports if not export.startswith("s3://")]
    if here:
        list_inputs(here)
