"""The review queue and the decisions on the private store.

The queue says where the uncertain spans of the last run are, and in which staged files their texts lie
as long as that run is not published; it holds no text. Decisions are rules on keyed digests; of two
people who decide at the same time one wins, and the other's decisions are added to theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from schemas.errors import ConflictError, NotFoundError
from schemas.fields import ID_MAP, SCRUB_DECISIONS, SCRUB_REVIEW, STAGED_TABLES
from schemas.refs import ArtifactRef
from tasks.assemble.items import list_items
from tasks.storage.parquet import decode_table, encode_table
from tasks.storage.store import Store
from tasks.storage.tables import read_json, read_table, write_json

QUEUE = "review/pii/queue.parquet"
SOURCES = "review/pii/sources.json"
DECISIONS = "review/pii/decisions.parquet"
_ATTEMPTS = 8
ShardFiles = Mapping[str, ArtifactRef]
"""`id_map` and the staged tables of one shard, by table name."""


@dataclass(frozen=True, slots=True)
class ReviewQueue:
    """What the last run was unsure of.

    Attributes:
        rows: schema `scrub_review`.
        shards: where the texts are, one entry a shard.
    """

    rows: pl.DataFrame
    shards: tuple[ShardFiles, ...]


def write_queue(private: Store, rows: pl.DataFrame, shards: Sequence[ShardFiles]) -> None:
    """Replace the queue by that of this run.

    Args:
        private: the private store.
        rows: schema `scrub_review`.
        shards: where the texts are.
    """
    private.put(QUEUE, encode_table(rows, SCRUB_REVIEW))
    write_json(private, SOURCES, [{name: asdict(ref) for name, ref in shard.items()} for shard in shards])


def read_queue(private: Store) -> ReviewQueue:
    """Return the queue of the last run; an empty one where no run was unsure of anything."""
    try:
        rows = decode_table(private.get(QUEUE), SCRUB_REVIEW)
        sources: list[dict[str, Any]] = read_json(private, SOURCES)
    except NotFoundError:
        return ReviewQueue(SCRUB_REVIEW.empty(), ())
    return ReviewQueue(
        rows, tuple({name: ArtifactRef(**ref) for name, ref in shard.items()} for shard in sources)
    )


def read_texts(private: Store, queue: ReviewQueue, conversation_ids: Collection[str]) -> pl.DataFrame:
    """Return item_id and raw text of some conversations; empty once their staged files are deleted."""
    parts = [pl.DataFrame(schema={"item_id": pl.String, "text": pl.String})]
    for shard in queue.shards:
        with suppress(NotFoundError):
            id_map = read_table(private, shard[ID_MAP.name], ID_MAP).filter(
                pl.col("conversation_id").is_in(list(conversation_ids))
            )
            if id_map.height:
                conversations, messages, thoughts = (
                    read_table(private, shard[t.name], t).join(id_map, on="conversation_key", how="semi")
                    for t in STAGED_TABLES
                )
                items = list_items(conversations, messages, thoughts, id_map)
                parts.append(items.select("item_id", "text"))
    return pl.concat(parts)


def read_decisions(private: Store) -> pl.DataFrame:
    """Return all decisions: schema `scrub_decisions`."""
    return _read_decisions(private)[0]


def update_decisions(private: Store, change: Callable[[pl.DataFrame], pl.DataFrame]) -> pl.DataFrame:
    """Read, change and write the decisions; where somebody else was faster, do it again on theirs.

    Args:
        private: the private store.
        change: from decisions to decisions; may be called several times.

    Raises:
        ConflictError: others kept writing.
    """
    for _ in range(_ATTEMPTS):
        decisions, etag = _read_decisions(private)
        changed = change(decisions)
        if changed.equals(decisions):
            return decisions
        with suppress(ConflictError):
            private.swap(DECISIONS, encode_table(changed, SCRUB_DECISIONS), etag)
            return changed
    raise ConflictError(f"the review decisions were changed by others {_ATTEMPTS} times in a row; run again")


def _read_decisions(private: Store) -> tuple[pl.DataFrame, str | None]:
    try:
        data, etag = private.get_with_etag(DECISIONS)
    except NotFoundError:
        return SCRUB_DECISIONS.empty(), None
    return decode_table(data, SCRUB_DECISIONS), etag
