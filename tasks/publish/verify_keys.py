"""Whether the keys of a release are unique and lead somewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl

from schemas.fields import TABLES
from schemas.manifest import Manifest
from tasks.publish import layout
from tasks.publish.verify_report import Problem

KEYED = ("participants", "conversations", "messages", "thoughts", "labels")
"""Tables whose keys are looked at."""


def check_keys(manifest: Manifest, keys: Mapping[str, pl.DataFrame]) -> Iterator[Problem]:
    """Yield what is wrong with primary and foreign keys; `keys` holds the key columns of each table."""
    for name, frame in keys.items():
        where = layout.manifest(manifest.version)
        n_doubled = int(frame.select(manifest.tables[name].primary_key).is_duplicated().sum())
        if n_doubled:
            yield Problem(where, f"{name}: {n_doubled} rows share their key with another")
        for column, target in TABLES[name].foreign_keys:
            other, other_column = target.split(".")
            known = keys[other].get_column(other_column)
            n_lost = int((~frame.get_column(column).is_in(known.implode())).sum())
            if n_lost:
                yield Problem(where, f"{name}: {n_lost} rows name a {column} that {other} does not hold")
    items = pl.concat(
        [
            keys[t].get_column(c)
            for t, c in (
                ("conversations", "conversation_id"),
                ("messages", "message_id"),
                ("thoughts", "thought_id"),
            )
        ]
    )
    n_lost = int((~keys["labels"].get_column("item_id").is_in(items.implode())).sum())
    if n_lost:
        yield Problem(layout.manifest(manifest.version), f"labels: {n_lost} rows name no item of the release")
