"""Differences between releases: counts that add up, reasons, label flows."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import DataError
from schemas.fields import CHANGES
from tasks.publish.diff import Removals, diff_tables, has_changes, removed_share
from tests.release_tables import make_tables

people = st.sets(st.integers(0, 15), max_size=8)


def count(changes: pl.DataFrame, scope: str, change: str, reason: str | None = None) -> int:
    rows = changes.filter(pl.col("scope") == scope, pl.col("change") == change)
    return int(rows.filter(pl.col("reason") == reason if reason is not None else True)["n_rows"].sum())


@given(people)
@settings(max_examples=10, deadline=None)
def test_nothing_differs_from_itself(persons: set[int]) -> None:
    tables = make_tables(sorted(persons))
    assert not has_changes(diff_tables(tables, tables))


@given(people, people)
@settings(max_examples=15, deadline=None)
def test_counts_add_up_and_mirror(left: set[int], right: set[int]) -> None:
    old, new = make_tables(sorted(left)), make_tables(sorted(right))
    forward, back = diff_tables(old, new), diff_tables(new, old)
    assert forward.schema == CHANGES.polars_schema()
    assert count(forward, "participants", "added") == len(right - left)
    for scope in ("participants", "conversations", "messages", "thoughts", "labels.topic"):
        assert count(forward, scope, "added") == count(back, scope, "removed")
        assert count(forward, scope, "unchanged") == count(back, scope, "unchanged")


def test_a_first_release_adds_every_row() -> None:
    tables = make_tables(range(3))
    changes = diff_tables(None, tables)
    assert count(changes, "messages", "added") == tables["messages"].height
    assert set(changes["change"]) == {"added"}


def test_reasons_of_a_changed_row() -> None:
    old = make_tables(range(4))
    first = pl.int_range(pl.len()) == 0
    text = old["messages"].with_columns(content=pl.when(first).then(pl.lit("changed")).otherwise("content"))
    masked = text.with_columns(n_redactions=pl.when(first).then(1).otherwise("n_redactions").cast(pl.Int32))
    moved = old["messages"].with_columns(offset_s=pl.when(first).then(9.5).otherwise("offset_s"))
    for frame, reason in ((text, "text"), (masked, "privacy"), (moved, "metadata")):
        changes = diff_tables(old, {**old, "messages": frame})
        assert count(changes, "messages", "changed", reason) == 1
        assert count(changes, "messages", "changed") == 1


def test_label_flow_and_the_rows_it_touches() -> None:
    old = make_tables(range(4))
    is_first = (pl.col("facet") == "reason") & (pl.int_range(pl.len()).over("facet") == 0)
    was = old["labels"].filter(is_first)["value"].item()
    labels = old["labels"].with_columns(value=pl.when(is_first).then(pl.lit("other")).otherwise("value"))
    changes = diff_tables(old, {**old, "labels": labels})
    flow = changes.filter(pl.col("scope") == "labels.reason", pl.col("change") == "changed")
    assert flow.select("from_value", "to_value", "n_rows").rows() == [(was, "other", 1)]
    assert count(changes, "thoughts", "changed", "labels") == 1
    assert count(changes, "messages", "changed") == 0


def test_a_topic_more_is_added_not_moved() -> None:
    old = make_tables(range(2))
    topic = old["labels"].filter(pl.col("facet") == "topic").head(1)
    more = pl.concat([old["labels"], topic.with_columns(value=pl.lit("extra"))])
    changes = diff_tables(old, {**old, "labels": more})
    assert count(changes, "labels.topic", "added") == 1
    assert count(changes, "labels.topic", "changed") == 0


def test_withdrawals_and_privacy_have_a_reason() -> None:
    old, new = make_tables(range(4)), make_tables([0, 1])
    private = old["conversations"].filter(participant_id="user3")["conversation_id"].to_list()
    changes = diff_tables(old, new, Removals(withdrawn=["user2"], private=private))
    assert count(changes, "participants", "removed", "withdrawn") == 1
    for scope in ("conversations", "messages", "thoughts", "labels.topic", "labels.reason"):
        assert count(changes, scope, "removed", "withdrawn") > 0
        assert count(changes, scope, "removed", "privacy") > 0
        assert count(changes, scope, "removed", "") == 0
    text = str(changes.to_dicts())
    assert "user2" not in text
    total = old["conversations"].height
    gone = total - new["conversations"].height
    assert removed_share(changes, withdrawn_too=True) == pytest.approx(gone / total)
    assert removed_share(changes) == pytest.approx(len(private) / total)


def test_a_doubled_key_is_refused() -> None:
    tables = make_tables(range(2))
    doubled = {**tables, "messages": pl.concat([tables["messages"], tables["messages"].head(1)])}
    with pytest.raises(DataError, match="messages"):
        diff_tables(tables, doubled)
