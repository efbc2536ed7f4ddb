"""The registry on the private store, and its backup in a file.

Writes are compare-and-swap: of two runs that register participants at the same time one wins, and the
other reads again and repeats its change.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from schemas.errors import ConflictError, DataError, InputError, NotFoundError
from tasks.pseudonymise.keys import Keys
from tasks.pseudonymise.registry import (
    Registry,
    from_document,
    mark_released,
    merge_backup,
    new_registry,
    open_keys,
    rotate_key,
    to_document,
)
from tasks.storage.store import Store
from tasks.storage.tables import canonical_json

REGISTRY_KEY = "registry/registry.json"
_ATTEMPTS = 8
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class LoadedRegistry:
    """A registry as read.

    Attributes:
        registry: its state; a new one where the store holds none.
        keys: its subkeys.
        etag: what a save compares; None where the store holds none.
    """

    registry: Registry
    keys: Keys
    etag: str | None


def load_registry(private: Store, master: bytes) -> LoadedRegistry:
    """Read the registry of a private store, or start one.

    Raises:
        KeyMissingError: the master key is not the registry's.
        DataError: the file is damaged.
        StoreUnavailableError: the store fails.
    """
    found = _read(private)
    if found is None:
        registry = new_registry(master)
        return LoadedRegistry(registry, open_keys(registry, master), None)
    registry, etag = found
    return LoadedRegistry(registry, open_keys(registry, master), etag)


def save_registry(private: Store, registry: Registry, etag: str | None) -> str:
    """Write the registry if nobody did since it was read; return the new etag.

    Raises:
        ConflictError: somebody else wrote it meanwhile.
    """
    return private.swap(REGISTRY_KEY, canonical_json(to_document(registry)), etag)


def update_registry(
    private: Store, master: bytes, change: Callable[[Registry, Keys], tuple[Registry, Result]]
) -> Result:
    """Read, change and write the registry; where somebody else was faster, do it again on their state.

    Args:
        private: the private store.
        master: the master key.
        change: returns the new state and whatever the caller wants back; it may be called several times.

    Raises:
        ConflictError: the change contradicts the registry, or others kept writing.
        KeyMissingError: the master key is not the registry's.
    """
    for _ in range(_ATTEMPTS):
        loaded = load_registry(private, master)
        changed, result = change(loaded.registry, loaded.keys)
        if loaded.etag is not None and changed == loaded.registry:
            return result
        try:
            save_registry(private, changed, loaded.etag)
        except ConflictError:
            continue
        return result
    raise ConflictError(f"the registry was changed by others {_ATTEMPTS} times in a row; run again")


def read_first_releases(private: Store) -> dict[str, str]:
    """Return in which release each participant first appeared, by public id; needs no key."""
    found = _read(private)
    entries = found[0].participants.values() if found else ()
    return {e.participant_id: e.first_release for e in entries if e.first_release}


def note_release(private: Store, participant_ids: Collection[str], version: str) -> None:
    """Note the first release of participants that had none; needs no key and may be repeated.

    Raises:
        ConflictError: others kept writing.
    """
    for _ in range(_ATTEMPTS):
        found = _read(private)
        if found is None:
            return
        registry, etag = found
        noted = mark_released(registry, participant_ids, version)
        if noted == registry:
            return
        with suppress(ConflictError):
            save_registry(private, noted, etag)
            return
    raise ConflictError(f"the registry was changed by others {_ATTEMPTS} times in a row; run again")


def back_up_registry(private: Store, path: Path) -> Registry:
    """Write the registry to a new file that only its owner can read; return what was written.

    The file holds no names, only keyed digests and public ids; it needs the same key as the store.

    Raises:
        ConflictError: the file exists.
        NotFoundError: the store has no registry.
    """
    found = _read(private)
    if found is None:
        raise NotFoundError(f"no registry in {private.uri}; the first release makes it")
    registry, _ = found
    body = to_document(registry)
    data = canonical_json({"registry": body, "sha256": _digest(body)})
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise ConflictError(f"{path} exists; a backup never overwrites a file") from error
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return registry


def restore_registry(private: Store, path: Path, master: bytes, *, force: bool = False) -> Registry:
    """Write a backup back to the store; return the state that the store holds now.

    Raises:
        ConflictError: the store knows ids that the backup does not, or it changed meanwhile.
        InputError: the file cannot be read.
        DataError: the file is not a backup, or was altered.
        KeyMissingError: the backup belongs to another key.
    """
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise DataError(f"{path} is not a registry backup") from error
    if not isinstance(document, dict) or document.get("sha256") != _digest(document.get("registry")):
        raise DataError(f"{path} is not a registry backup, or was altered")
    backup = from_document(document["registry"])
    open_keys(backup, master)
    found = _read(private)
    merged = merge_backup(found[0] if found else None, backup, force=force)
    save_registry(private, merged, found[1] if found else None)
    return merged


def rotate_registry_key(private: Store, old: bytes, new: bytes) -> Registry:
    """Put the registry under a new master key; safe to repeat.

    Raises:
        NotFoundError: the store has no registry.
        KeyMissingError: the old key is not the registry's.
    """
    found = _read(private)
    if found is None:
        raise NotFoundError(f"no registry in {private.uri}; a new store simply starts with the new key")
    registry, etag = found
    if registry.fingerprint == new_registry(new).fingerprint:
        open_keys(registry, new)
        return registry
    rotated = rotate_key(registry, old, new)
    save_registry(private, rotated, etag)
    return rotated


def _read(private: Store) -> tuple[Registry, str] | None:
    try:
        data, etag = private.get_with_etag(REGISTRY_KEY)
    except NotFoundError:
        return None
    try:
        return from_document(json.loads(data)), etag
    except ValueError as error:
        raise DataError(f"{REGISTRY_KEY} in {private.uri} is damaged; restore a backup") from error


def _digest(document: object) -> str:
    return hashlib.sha256(canonical_json(document)).hexdigest()
