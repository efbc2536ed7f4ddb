"""What a person leaves besides ids: texts in gold, and entries of memos that name a text by digest.

Digests do not say whose text they are of, so memos are settled from the other side: an entry stays only
if a release that may stay holds its text. What cannot be told to be somebody else's goes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from tasks.memo.parts import text_key
from tasks.publish.releases import is_purged, list_releases, read_tables
from tasks.storage.store import Store
from tasks.tag.chosen import choose_taxonomies
from tasks.tag.features import list_texts
from tasks.tag.items import collect_items
from tasks.tag.local import list_training_texts

_TEXTS = ("conversations", "messages", "thoughts")


@dataclass(frozen=True, slots=True)
class Traces:
    """How the private files of some people and of all others are told apart without an id.

    Attributes:
        groups: digests of their conversations' ids, as gold names groups.
        texts: keys of texts that only they wrote.
        kept: keys of the texts of everybody who stays, and of the taxonomies' own.
    """

    groups: frozenset[str]
    texts: frozenset[str]
    kept: frozenset[str]


def find_traces(store: Store, affected: Collection[str], participant_ids: Collection[str]) -> Traces:
    """Read from the releases what their texts are, and everybody else's.

    Args:
        store: where releases live; those that hold them must not be purged yet.
        affected: versions that hold them.
        participant_ids: public ids.
    """
    groups: set[str] = set()
    texts: set[str] = set()
    kept = {
        text_key(text)
        for taxonomy in choose_taxonomies(store).values()
        for text in list_training_texts(taxonomy, ())
    }
    for release in list_releases(store):
        if is_purged(store, release.version):
            continue
        tables = read_tables(store, release.manifest, _TEXTS)
        if release.version not in affected:
            kept.update(_keys(tables))
            continue
        theirs = tables["conversations"].filter(pl.col("participant_id").is_in(list(participant_ids)))
        groups.update(map(_digest, theirs["conversation_id"]))
        of_theirs = {
            n: tables[n].join(theirs, on="conversation_id", how="semi") for n in ("messages", "thoughts")
        }
        texts.update(_keys({"conversations": theirs, **of_theirs}))
    return Traces(frozenset(groups), frozenset(texts - kept), frozenset(kept))


def _keys(tables: Mapping[str, pl.DataFrame]) -> Iterable[str]:
    items = collect_items(tables["conversations"], tables["messages"], tables["thoughts"])
    for facet, of_facet in items.items():
        yield from map(text_key, list_texts(facet, of_facet))
        yield from (text_key(i.text) for i in of_facet)


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
