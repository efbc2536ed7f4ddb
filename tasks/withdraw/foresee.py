"""What a withdrawal would do, and whether one was done: questions that change nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import InputError
from tasks.pseudonymise.keys import load_master_key
from tasks.pseudonymise.registry import find_participants
from tasks.pseudonymise.registry_file import load_registry
from tasks.publish.releases import is_purged, list_releases, read_tables
from tasks.storage.store import Store
from tasks.withdraw.names import read_names
from tasks.withdraw.patch import known_ids, missing_ids
from tasks.withdraw.plan import Affected, count_rows_of


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a withdrawal would do.

    Attributes:
        n_participants: how many of the list are known.
        unknown_lines: lines of the list whose id is not known.
        releases: releases that hold them.
    """

    n_participants: int
    unknown_lines: list[int]
    releases: list[Affected]


def foresee_withdrawal(
    store: Store, private: Store, ids_file: Path, environment: Mapping[str, str]
) -> Outlook:
    """Return what a withdrawal would do, without filing it.

    Raises:
        InputError: the list cannot be read, or names nobody who is known.
        KeyMissingError: the id key is missing or not the registry's.
    """
    lines = read_names(ids_file)
    found = _look_up(private, lines, environment)
    ids = known_ids(found)
    if not ids:
        raise InputError(f"none of the {len(lines)} ids in {ids_file} is known in this store")
    releases: list[Affected] = []
    for item in list_releases(store):
        if not is_purged(store, item.version):
            counts = count_rows_of(read_tables(store, item.manifest), ids)
            if any(counts.values()):
                releases.append(Affected(item.version, item.is_yanked, counts))
    return Outlook(len(ids), missing_ids(found, lines), releases)


def names_to_search(private: Store, ids_file: Path, environment: Mapping[str, str]) -> Collection[str]:
    """Return every id that would betray the people on a list: as listed, and their public ids.

    Raises:
        InputError: the list cannot be read.
        KeyMissingError: the id key is missing or not the registry's.
    """
    lines = read_names(ids_file)
    return {*lines, *known_ids(_look_up(private, lines, environment))}


def _look_up(
    private: Store, lines: Mapping[str, int], environment: Mapping[str, str]
) -> dict[str, str | None]:
    loaded = load_registry(private, load_master_key(environment))
    return find_participants(loaded.registry, loaded.keys, lines)
