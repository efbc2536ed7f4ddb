"""The second scan of what a run has built. Knows nothing of Prefect, so that a worker process starts quickly."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import polars as pl

from schemas.fields import BASE_TABLES
from schemas.run import BuiltRelease, RunContext
from tasks.assemble.records import RECORDS, read_records
from tasks.scrub.audit_scan import count_known_ids, scan_lines, scan_texts
from tasks.storage.store import open_store
from tasks.storage.tables import read_table


def scan_built(
    run: RunContext, built: BuiltRelease, raw_ids: Collection[str], of_records: bool
) -> tuple[dict[str, dict[str, Any]], int]:
    """Scan the base tables, or the records.

    Args:
        run: the run.
        built: what it has built.
        raw_ids: ids that must not be released.
        of_records: the records instead of the tables.

    Returns:
        Table or file to the result of `audit_scan`, and how often an id stands in them.
    """
    private = open_store(run.private)
    scans: dict[str, dict[str, Any]] = {}
    n_ids = 0
    if of_records:
        packed = private.get(built.tables[RECORDS].uri)
        scans[RECORDS] = scan_lines(RECORDS, (line.decode() for line in read_records(packed)))
        return scans, count_known_ids((line.decode() for line in read_records(packed)), raw_ids)
    # one table at a time: together, and as Python strings, they are several times the release
    for table in BASE_TABLES:
        frame = read_table(private, built.tables[table.name], table)
        scans[table.name] = scan_texts(frame)
        n_ids += count_known_ids(_strings(frame), raw_ids)
    return scans, n_ids


def _strings(frame: pl.DataFrame) -> Iterator[str]:
    for column in frame.select(pl.col(pl.String)).iter_columns():
        yield from column.drop_nulls().unique()
