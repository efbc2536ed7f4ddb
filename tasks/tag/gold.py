"""Gold and decisions of people on the private store: append-only, named by their digest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from schemas.fields import GOLD_LABELS
from schemas.taxonomies import Taxonomy, map_merged
from tasks.memo.parts import PartStore
from tasks.storage.parquet import decode_table, encode_table
from tasks.storage.store import Store
from tasks.tag.items import Gold, Item
from tasks.tag.review import DECISIONS_SCHEMA

GOLD = "gold"
DECISIONS = "review/labels"


@dataclass(frozen=True, slots=True)
class StoredGold:
    """What a store holds.

    Attributes:
        gold: labels that the taxonomies still know.
        digest: names all files; part of fingerprints of what was labelled with them.
        n_unknown: labels whose node is in no taxonomy in force.
    """

    gold: tuple[Gold, ...]
    digest: str
    n_unknown: int


def save_gold(store: PartStore, gold: Iterable[Gold], origin: str, *, has_ids: bool = False) -> int:
    """Add labels to the store; returns how many distinct ones there were. Repeating it changes nothing.

    Args:
        store: the private store.
        gold: labels with scrubbed texts.
        origin: `export`, or who decided.
        has_ids: whether items carry public ids, so that `drop_gold` finds them again.
    """
    rows = {(_identify(g.item), g.facet, g.value): g for g in gold if not g.item.is_empty}
    records: list[dict[str, Any]] = [
        {
            "gold_id": gold_id,
            "facet": facet,
            "value": value,
            "group_id": _digest(g.item.group),
            "text": g.item.text,
            "context": g.item.context,
            "position": g.item.position,
            "n_messages": g.item.n_messages,
            "origin": origin,
            "item_id": g.item.item_id if has_ids else None,
        }
        for (gold_id, facet, value), g in sorted(rows.items(), key=lambda r: r[0])
    ]
    if records:
        data = encode_table(pl.DataFrame(records, schema=GOLD_LABELS.polars_schema()), GOLD_LABELS)
        store.put(f"{GOLD}/{hashlib.sha256(data).hexdigest()}.parquet", data)
    return len(records)


def load_gold(store: PartStore, taxonomies: Mapping[str, Taxonomy]) -> StoredGold:
    """Return all gold of the store; where two files differ on an item, a reviewer's word beats an export's."""
    frames: list[pl.DataFrame] = []
    names: list[str] = []
    for info in store.list(f"{GOLD}/"):
        if info.key.endswith(".parquet"):
            frames.append(decode_table(store.get(info.key), GOLD_LABELS))
            names.append(info.key)
    if not frames:
        return StoredGold((), "", 0)
    rows = pl.concat(frames).sort(pl.col("origin") == "export", "gold_id", "facet", "value")
    gold: dict[tuple[str, str, str], Gold] = {}
    settled: dict[tuple[str, str], str] = {}
    n_unknown = 0
    for r in rows.iter_rows(named=True):
        taxonomy = taxonomies[r["facet"]]
        value = str(map_merged(taxonomy).get(r["value"], r["value"]))
        if value not in taxonomy:
            n_unknown += 1
            continue
        key = (r["gold_id"], r["facet"])
        if not taxonomy.multi_label and settled.setdefault(key, value) != value:
            continue
        item = Item(r["gold_id"], r["text"], r["context"], r["position"], r["n_messages"], r["group_id"])
        gold[*key, value] = Gold(item, r["facet"], value)
    return StoredGold(tuple(gold.values()), _digest("\n".join(sorted(names))), n_unknown)


def drop_gold(store: Store, item_ids: Iterable[str]) -> int:
    """Take out what people decided on these items; returns how many labels went."""
    wanted = list(item_ids)
    n_dropped = 0
    for info in store.list(f"{GOLD}/"):
        rows = decode_table(store.get(info.key), GOLD_LABELS) if info.key.endswith(".parquet") else None
        kept = None if rows is None else rows.filter(~pl.col("item_id").is_in(wanted).fill_null(value=False))
        if rows is None or kept is None or kept.height == rows.height:
            continue
        n_dropped += rows.height - kept.height
        if kept.height:
            data = encode_table(kept, GOLD_LABELS)
            store.put(f"{GOLD}/{hashlib.sha256(data).hexdigest()}.parquet", data)
        store.delete(info.key)
    return n_dropped


def save_decisions(store: PartStore, decisions: pl.DataFrame) -> int:
    """Add the decisions of people (item_id, facet, value, reviewer); returns how many.

    A null value takes a decision back.
    """
    rows = decisions.select(DECISIONS_SCHEMA.names()).unique().sort(DECISIONS_SCHEMA.names())
    if rows.height:
        number = 1 + sum(1 for _ in store.list(f"{DECISIONS}/"))
        digest = _digest(rows.write_csv())
        store.put(f"{DECISIONS}/{number:06d}-{digest}.csv", rows.write_csv().encode())
    return rows.height


def load_decisions(store: PartStore) -> tuple[pl.DataFrame, str]:
    """Return the decisions in force, the last one of an item and facet, and a digest of all files."""
    frames: list[pl.DataFrame] = []
    names: list[str] = []
    for info in store.list(f"{DECISIONS}/"):
        frame = pl.read_csv(store.get(info.key), schema=DECISIONS_SCHEMA)
        frames.append(frame.with_columns(file=pl.lit(len(frames))))
        names.append(info.key)
    if not frames:
        return DECISIONS_SCHEMA.to_frame(), ""
    rows = pl.concat(frames)
    # a later file settles an item anew, with all the values it names
    newest = rows.filter(pl.col("file") == pl.col("file").max().over("item_id", "facet"))
    in_force = newest.drop("file").filter(pl.col("value").is_not_null())
    return in_force.sort("item_id", "facet", "value"), _digest("\n".join(names))


def index_gold(gold: Sequence[Gold]) -> dict[tuple[str, str], frozenset[str]]:
    """Return facet and digest of text, context and position to the values that gold gives."""
    index: dict[tuple[str, str], frozenset[str]] = {}
    for g in gold:
        key = (g.facet, _identify(g.item))
        index[key] = index.get(key, frozenset()) | {g.value}
    return index


def find_gold(index: Mapping[tuple[str, str], frozenset[str]], facet: str, item: Item) -> frozenset[str]:
    """Return the values that gold gives an item, by its text and place; empty where it gives none."""
    return index.get((facet, _identify(item)), frozenset())


def _identify(item: Item) -> str:
    return _digest(f"{item.text}\x00{item.context}\x00{item.position}")


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
