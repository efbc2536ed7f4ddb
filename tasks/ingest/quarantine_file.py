"""The quarantine of past runs, in the private store: places and rules for whoever mends an export."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from schemas.errors import NotFoundError
from schemas.fields import QUARANTINE
from tasks.storage.parquet import decode_table
from tasks.storage.store import Store
from tasks.storage.tables import write_table

FOLDER = "quarantine/"


def keep_quarantine(private: Store, quarantine: pl.DataFrame, started_at: datetime) -> str:
    """Write the faults of a run where they outlive it; a run without faults leaves no file.

    Args:
        private: the private store.
        quarantine: `QUARANTINE`.
        started_at: start of the run, UTC; names the file, so that the newest is the last.

    Returns:
        The key of the file, or an empty string.
    """
    if quarantine.is_empty():
        return ""
    key = f"{FOLDER}{started_at:%Y%m%dT%H%M%SZ}.parquet"
    write_table(private, key, quarantine, QUARANTINE)
    return key


def read_last_quarantine(private: Store) -> tuple[str, pl.DataFrame]:
    """Return key and rows (`QUARANTINE`) of the last run that had faults.

    Raises:
        NotFoundError: no run had any.
    """
    keys = sorted(info.key for info in private.list(FOLDER))
    if not keys:
        raise NotFoundError("no run on this store has quarantined anything")
    return keys[-1], decode_table(private.get(keys[-1]), QUARANTINE)
