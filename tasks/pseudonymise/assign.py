"""Public ids for staged conversations.

Row law: every conversation in is either in the id map or among the withdrawn.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

import polars as pl

from schemas.errors import ConflictError, DataError
from schemas.fields import SPLITS
from tasks.pseudonymise.keys import Keys, keyed_digest
from tasks.pseudonymise.registry import Entry, Registry, public_number

SPLIT_SHARES = (0.8, 0.1, 0.1)
ID_MAP = pl.Schema(
    dict.fromkeys(
        ("conversation_key", "conversation_id", "participant_key", "participant_id", "split"), pl.String()
    )
)
_PUBLIC_CONVERSATION = re.compile(r"(user\d+)_task\d+_conversation\d+")


@dataclass(frozen=True, slots=True)
class Assignment:
    """Public ids of one run.

    Attributes:
        id_map: conversation_key, conversation_id, participant_key, participant_id, split (string); one row
            a conversation, sorted by conversation_id.
        withdrawn: conversation_key and participant_id (string) of conversations whose participant
            withdrew; they must not be released.
        registry: the new state, to be saved before anything uses the ids.
    """

    id_map: pl.DataFrame
    withdrawn: pl.DataFrame
    registry: Registry


def assign_ids(registry: Registry, conversations: pl.DataFrame, keys: Keys) -> Assignment:
    """Give every staged conversation its public id, and remember it.

    Who is new gets the next numbers in the order of keyed digests, so neither the order of the export nor
    the day of enrolment shows in a number. The rest of an id comes from task and conversation number.

    Args:
        registry: state of the registry.
        conversations: conversation_key, participant_key, dialect, source_id (string), task_no,
            conversation_no (integer) of all shards; further columns are ignored.
        keys: subkeys of the registry.

    Raises:
        ConflictError: an already public id belongs to somebody else here, or two conversations claim one id.
        DataError: a conversation key occurs twice.
    """
    rows = conversations.select(
        "conversation_key", "participant_key", "dialect", "source_id", "task_no", "conversation_no"
    ).sort("conversation_key")
    if rows["conversation_key"].is_duplicated().any():
        raise DataError(f"{rows['conversation_key'].is_duplicated().sum()} staged conversations share a key")
    people = rows.select("participant_key", "dialect").unique().sort("participant_key")
    registry = _register_participants(registry, dict(people.iter_rows()), keys)
    entries = {key: registry.participants[keyed_digest(keys.ids, key)] for key in people["participant_key"]}

    known = dict(registry.conversations)
    taken = {conversation_id: digest for digest, conversation_id in known.items()}
    ids: list[str] = []
    for key, participant_key, dialect, source_id, task_no, conversation_no in rows.iter_rows():
        owner = entries[participant_key].participant_id
        digest = keyed_digest(keys.ids, f"conversation:{key}")
        conversation_id = known.get(digest)
        if conversation_id is None:
            conversation_id = (
                source_id
                if dialect == "published"
                else f"{owner}_task{task_no}_conversation{conversation_no}"
            )
            if conversation_id in taken:
                raise ConflictError(
                    f"two conversations of {owner} claim the id {conversation_id}; task numbers must go on "
                    "counting when a participant comes back in another session"
                )
            known[digest] = conversation_id
            taken[conversation_id] = digest
        found = _PUBLIC_CONVERSATION.fullmatch(conversation_id)
        if found is None or found.group(1) != owner:
            raise ConflictError(
                f"the conversation {conversation_id} belongs to {owner} in this export, but not by its id"
            )
        ids.append(conversation_id)

    named = rows.with_columns(
        conversation_id=pl.Series(ids, dtype=pl.String),
        participant_id=_look_up(rows["participant_key"], {k: e.participant_id for k, e in entries.items()}),
        split=_look_up(rows["participant_key"], {k: e.split for k, e in entries.items()}),
        has_left=_look_up(rows["participant_key"], {k: e.withdrawn_at for k, e in entries.items()}) != "",
    )
    return Assignment(
        id_map=named.filter(~pl.col("has_left")).select(ID_MAP.names()).sort("conversation_id"),
        withdrawn=named.filter("has_left")
        .select("conversation_key", "participant_id")
        .sort("conversation_key"),
        registry=replace(registry, conversations=known),
    )


def _register_participants(registry: Registry, people: Mapping[str, str], keys: Keys) -> Registry:
    """Add who is new; `people` maps participant key to dialect."""
    entries = dict(registry.participants)
    owner_of = {e.number: digest for digest, e in entries.items()}
    next_number = registry.next_number
    new = {keyed_digest(keys.ids, key): key for key in people}
    new = {digest: key for digest, key in sorted(new.items()) if digest not in entries}

    # reserved ids first: a fresh number must not take one that this export brings along
    for digest, key in new.items():
        if people[key] != "published":
            continue
        source = key.split(":", 1)[1]
        number = public_number(source)
        if number is None:
            raise DataError(f"the published participant id {source!r} has not the form user<number>")
        if number in owner_of:
            raise ConflictError(
                f"{source} of the published export is already the public id of another participant in this "
                "store; release the published export into a store of its own, or before the others"
            )
        entries[digest] = Entry(number, draw_split(keys.splits, digest))
        owner_of[number] = digest
        next_number = max(next_number, number + 1)
    for digest in new:
        if digest not in entries:
            entries[digest] = Entry(next_number, draw_split(keys.splits, digest))
            next_number += 1
    return replace(registry, participants=entries, next_number=next_number)


def draw_split(key: bytes, digest: str) -> str:
    """Return the split of a participant: 80 % train, 10 % validation, 10 % test, by keyed hash."""
    place = int.from_bytes(hmac.digest(key, digest.encode(), "sha256")[:8], "big") / 2**64
    for split, share in zip(SPLITS, SPLIT_SHARES, strict=True):
        if place < share:
            return split
        place -= share
    return SPLITS[-1]


def _look_up(column: pl.Series, values: Mapping[str, str]) -> pl.Series:
    return column.replace_strict(values, return_dtype=pl.String) if values else column.cast(pl.String)
