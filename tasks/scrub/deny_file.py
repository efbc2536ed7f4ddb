"""The deny-list on the private store: keyed digests, written by compare-and-swap."""

from __future__ import annotations

from contextlib import suppress

import polars as pl

from schemas.errors import ConflictError, NotFoundError
from schemas.fields import SCRUB_DENY
from tasks.scrub.deny import merge_rules
from tasks.storage.parquet import decode_table, encode_table
from tasks.storage.store import Store

DENY = "review/pii/deny.parquet"
_ATTEMPTS = 8


def read_rules(private: Store) -> pl.DataFrame:
    """Return all rules: schema `scrub_deny`."""
    return _read(private)[0]


def add_rules(private: Store, rules: pl.DataFrame) -> int:
    """Add rules; returns how many were new.

    Raises:
        ConflictError: others kept writing.
    """
    for _ in range(_ATTEMPTS):
        known, etag = _read(private)
        merged = merge_rules(known, rules)
        if merged.height == known.height:
            return 0
        with suppress(ConflictError):
            private.swap(DENY, encode_table(merged, SCRUB_DENY), etag)
            return merged.height - known.height
    raise ConflictError(f"the deny-list was changed by others {_ATTEMPTS} times in a row; run again")


def clear_rules(private: Store, source: str) -> int:
    """Drop all rules of a source; returns how many there were.

    Raises:
        ConflictError: others kept writing.
    """
    for _ in range(_ATTEMPTS):
        known, etag = _read(private)
        rest = known.filter(pl.col("source") != source)
        if rest.height == known.height:
            return 0
        with suppress(ConflictError):
            private.swap(DENY, encode_table(rest, SCRUB_DENY), etag)
            return known.height - rest.height
    raise ConflictError(f"the deny-list was changed by others {_ATTEMPTS} times in a row; run again")


def _read(private: Store) -> tuple[pl.DataFrame, str | None]:
    try:
        data, etag = private.get_with_etag(DENY)
    except NotFoundError:
        return SCRUB_DENY.empty(), None
    return decode_table(data, SCRUB_DENY), etag
