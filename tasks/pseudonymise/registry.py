"""The registry: who has which public id, for good.

It knows participants and conversations by keyed digests only, so without the key it names nobody.
Numbers only grow and are never given twice; an already public export keeps its ids, which the registry
reserves. All functions here return a new state; `registry_file` reads and writes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from schemas.errors import ConflictError, DataError, KeyMissingError
from tasks.pseudonymise.keys import Keys, derive_keys, keyed_digest, seal_root

FORMAT = 1
_PUBLIC_ID = re.compile(r"user(0|[1-9][0-9]{0,17})")


@dataclass(frozen=True, slots=True)
class Entry:
    """One participant.

    Attributes:
        number: public number; the id is `user<number>`.
        split: train, validation or test; drawn once.
        first_release: version in which the participant first appeared; empty before that.
        withdrawn_at: day of the withdrawal (ISO 8601); empty for the others.
    """

    number: int
    split: str
    first_release: str = ""
    withdrawn_at: str = ""

    @property
    def participant_id(self) -> str:
        """Public id."""
        return f"user{self.number}"


@dataclass(frozen=True, slots=True)
class Registry:
    """State of the registry.

    Attributes:
        fingerprint: of the master key that opens it.
        sealed_root: root of the subkeys, sealed; None until the key is rotated.
        next_number: smallest number that was never given nor reserved.
        participants: keyed digest of `<dialect>:<source id>` to entry.
        conversations: keyed digest of the conversation key to public conversation id.
    """

    fingerprint: str
    sealed_root: bytes | None = None
    next_number: int = 1
    participants: Mapping[str, Entry] = field(default_factory=dict[str, Entry])
    conversations: Mapping[str, str] = field(default_factory=dict[str, str])

    def entry_of(self, participant_id: str) -> Entry | None:
        """Return the participant with this public id."""
        return next((e for e in self.participants.values() if e.participant_id == participant_id), None)


def new_registry(master: bytes) -> Registry:
    """Return an empty registry under a master key."""
    return Registry(fingerprint=derive_keys(master).fingerprint)


def open_keys(registry: Registry, master: bytes) -> Keys:
    """Return the registry's subkeys.

    Raises:
        KeyMissingError: the registry was made with, or rotated to, another key.
    """
    found = derive_keys(master).fingerprint
    if found != registry.fingerprint:
        raise KeyMissingError(
            f"this store's registry belongs to the id key {registry.fingerprint}, the one given is {found}; "
            "use that key, or another store"
        )
    return derive_keys(master, registry.sealed_root)


def rotate_key(registry: Registry, old: bytes, new: bytes) -> Registry:
    """Return the registry under a new master key; ids, splits and hashes stay as they are.

    Raises:
        KeyMissingError: the old key is not the registry's.
    """
    keys = open_keys(registry, old)
    return replace(registry, fingerprint=derive_keys(new).fingerprint, sealed_root=seal_root(keys.root, new))


def public_number(participant_id: str) -> int | None:
    """Return the number of a public participant id, None if it has not that form."""
    found = _PUBLIC_ID.fullmatch(participant_id)
    return int(found.group(1)) if found else None


def find_participants(registry: Registry, keys: Keys, names: Iterable[str]) -> dict[str, str | None]:
    """Say which participant each name means.

    Args:
        registry: the state.
        keys: its subkeys.
        names: public participant ids, public conversation ids, recruitment ids, or
            `<dialect>:<source id>`.

    Returns:
        Name to public participant id; None where nobody is known by it.
    """
    public = {e.participant_id for e in registry.participants.values()}
    found: dict[str, str | None] = {}
    for name in names:
        owner = name.split("_task", 1)[0]
        if owner in public:
            found[name] = owner
            continue
        candidates = [name, f"session:{name}", f"session:{name.lower()}"]
        entries = [registry.participants.get(keyed_digest(keys.ids, c)) for c in candidates]
        found[name] = next((e.participant_id for e in entries if e), None)
    return found


def mark_withdrawn(registry: Registry, participant_ids: Iterable[str], day: str) -> Registry:
    """Mark participants as withdrawn: later exports are filtered by it. Repeating changes nothing.

    Raises:
        DataError: an id is not in the registry.
    """
    wanted = set(participant_ids)
    missing = wanted - {e.participant_id for e in registry.participants.values()}
    if missing:
        raise DataError(f"not in the registry: {', '.join(sorted(missing)[:5])} ({len(missing)} in all)")
    participants = {
        digest: replace(e, withdrawn_at=e.withdrawn_at or day) if e.participant_id in wanted else e
        for digest, e in registry.participants.items()
    }
    return replace(registry, participants=participants)


def mark_released(registry: Registry, participant_ids: Iterable[str], version: str) -> Registry:
    """Note the first release of participants that had none."""
    new = set(participant_ids)
    participants = {
        digest: replace(e, first_release=version) if not e.first_release and e.participant_id in new else e
        for digest, e in registry.participants.items()
    }
    return replace(registry, participants=participants)


def withdrawn_ids(registry: Registry) -> frozenset[str]:
    """Return the public ids of everybody who withdrew."""
    return frozenset(e.participant_id for e in registry.participants.values() if e.withdrawn_at)


def merge_backup(current: Registry | None, backup: Registry, *, force: bool) -> Registry:
    """Return what a restore should write.

    Args:
        current: what the store holds; None where it holds nothing.
        backup: what the backup holds.
        force: accept that ids given since the backup are forgotten; their numbers stay used.

    Raises:
        ConflictError: the store knows participants or conversations that the backup does not.
    """
    if current is None:
        return backup
    lost = len(current.participants.keys() - backup.participants.keys())
    lost_conversations = len(current.conversations.keys() - backup.conversations.keys())
    if (lost or lost_conversations) and not force:
        raise ConflictError(
            f"the store's registry knows {lost} participants and {lost_conversations} conversations that the "
            "backup does not; restoring would forget their ids (--force does it, their numbers stay used)"
        )
    return replace(backup, next_number=max(current.next_number, backup.next_number))


def to_document(registry: Registry) -> dict[str, Any]:
    """Return the registry as a JSON document."""
    return {
        "format": FORMAT,
        "key_fingerprint": registry.fingerprint,
        "sealed_root": registry.sealed_root.hex() if registry.sealed_root else None,
        "next_number": registry.next_number,
        "participants": {
            digest: [e.number, e.split, e.first_release, e.withdrawn_at]
            for digest, e in registry.participants.items()
        },
        "conversations": dict(registry.conversations),
    }


def from_document(document: Any) -> Registry:
    """Return the registry that a document holds.

    Raises:
        DataError: the document is not a registry, is of a newer format, or contradicts itself.
    """
    try:
        if document["format"] != FORMAT:
            raise DataError(
                f"the registry has format {document['format']}, this program reads {FORMAT}; update it"
            )
        registry = Registry(
            fingerprint=document["key_fingerprint"],
            sealed_root=bytes.fromhex(document["sealed_root"]) if document["sealed_root"] else None,
            next_number=int(document["next_number"]),
            participants={d: Entry(int(row[0]), *row[1:4]) for d, row in document["participants"].items()},
            conversations=dict(document["conversations"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"this is not a registry ({type(error).__name__} while reading it)") from error
    numbers = [e.number for e in registry.participants.values()]
    if len(set(numbers)) < len(numbers) or max(numbers, default=0) >= registry.next_number:
        raise DataError("the registry contradicts itself: a number is given twice or was not counted")
    return registry
