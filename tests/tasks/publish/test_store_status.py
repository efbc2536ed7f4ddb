"""The status of an empty store, and what its counts see."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import polars as pl
import pytest

from schemas.fields import LABEL_MEMO, SCRUB_REVIEW
from tasks.memo.answers import AnswerMemo, AnswerRow
from tasks.memo.labels import LabelMemo, MemoRow
from tasks.memo.parts import Parts
from tasks.memo.steps import WORK
from tasks.publish.status import describe_store
from tasks.storage.store import open_store
from tasks.storage.tables import write_table

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def test_empty_store(tmp_path) -> None:
    store = open_store(str(tmp_path))
    found = describe_store(store, store.child("private"), NOW)
    assert (found.latest, found.n_releases, found.n_candidates, found.spent_usd) == ("", 0, 0, 0)


@pytest.mark.parametrize(
    ("at", "usd"),
    [
        (datetime(2026, 4, 30, 23, 59, 59, tzinfo=UTC), 0.0),
        (NOW, 0.75),
        (datetime(2026, 5, 31, 23, 59, 59, tzinfo=UTC), 0.75),
        (datetime(2026, 6, 1, tzinfo=UTC), 0.0),
    ],
)
def test_every_answer_of_the_month_was_paid_for_whatever_became_of_its_run(tmp_path, at, usd) -> None:
    store = open_store(str(tmp_path))
    private = store.child("private")
    label = MemoRow("k", "t", "topic", ("x",), None, None, "", "m", "m", "p", 1, 1, 0.25, at)
    LabelMemo(private).add([label])
    LabelMemo(private, "memo/canaries/m/s").add([replace(label, key="c", cost_usd=0.125)])
    # gathered parts lie beside the parts they were gathered from
    LabelMemo(private).add([replace(label, key="k2", cost_usd=0.25)])
    Parts(private, "memo/labels", LABEL_MEMO.polars_schema()).compact()
    answers = AnswerMemo(private)
    asyncio.run(answers.keep(AnswerRow("a", "{}", "m", "m", "p", 1, 1, 0.125, at), asyncio.Lock()))
    found = describe_store(store, private, NOW)
    assert (found.n_releases, found.n_candidates, found.spent_usd) == (0, 0, usd)


def test_the_same_question_paid_for_twice_counts_twice(tmp_path) -> None:
    store = open_store(str(tmp_path))
    label = MemoRow("k", "t", "topic", ("x",), None, None, "", "m", "m", "p", 1, 1, 0.25, NOW)
    for hour in (1, 2):
        LabelMemo(store.child("private")).add([replace(label, labelled_at=NOW.replace(hour=hour))])
    assert describe_store(store, store.child("private"), NOW).spent_usd == 0.5


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
