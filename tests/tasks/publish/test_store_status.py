"""The status of an empty store, and what its counts see."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from schemas.fields import SCRUB_REVIEW
from tasks.memo.steps import WORK
from tasks.publish.status import describe_store
from tasks.storage.store import open_store
from tasks.storage.tables import write_table

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def test_empty_store(tmp_path) -> None:
    store = open_store(str(tmp_path))
    found = describe_store(store, store.child("private"), NOW)
    assert (found.latest, found.n_releases, found.n_candidates, found.spent_usd) == ("", 0, 0, 0)


def test_undecided_spans_are_counted_over_all_shards(tmp_path) -> None:
    store = open_store(str(tmp_path))
    private = store.child("private")
    row = {
        field.name: "undecided"
        if field.name == "status"
        else 1
        if field.dtype.startswith(("int", "float"))
        else "x"
        for field in SCRUB_REVIEW.fields
    }
    frame = pl.DataFrame([row, row | {"status": "accepted"}]).select(
        pl.col(name).cast(dtype, strict=False) for name, dtype in SCRUB_REVIEW.polars_schema().items()
    )
    for number in (1, 2):
        write_table(private, f"{WORK}/scrub/{number}/review.parquet", frame, SCRUB_REVIEW)
    assert describe_store(store, private, NOW).n_undecided_spans == 2
