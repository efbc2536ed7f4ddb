from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stats_corpus import as_table

from schemas.config import StatsSettings
from tasks.stats.cells import choose_hidden, hide_confusions
from tasks.stats.compute import compute_stats
from tasks.stats.export import FLAGS
from tasks.stats.people import count_demographics
from tasks.stats.suppress import suppress_privacy

LIMIT = 10
# totals of rows, which the funnel shows anyway; the class of a bin; thoughts per message hold their own rule
ROW_COUNTS = {
    "n_conversations_labelled", "n_labelled", "n_unlabelled", "n_thoughts", "n_user_messages", "n_texts",
    "n_rows", "n_domain_assignments", "n_subtopic_assignments",
}  # fmt: skip


def small_counts(value: Any, path: str = "") -> Iterator[str]:
    """Paths of counts from 1 to 9 outside of row accounting."""
    if isinstance(value, dict):
        for key, item in value.items():
            if path == "" and key in {"method", "counts", "funnel", "quarantine", "privacy", "cost"}:
                continue
            if "histogram" in path and key == "n_messages":
                continue
            is_total = key in ROW_COUNTS or (key == "n_conversations" and path == ".topics")
            is_total |= key == "n_participants" and path == ".demographics"
            is_total |= key == "n_messages" and "thoughts_per_message" in path
            is_count = key in {"n", "base"} or key.startswith("n_")
            if is_count and not is_total and isinstance(item, int) and 0 < item < LIMIT:
                yield f"{path}.{key}={item}"
            yield from small_counts(item, f"{path}.{key}")
    elif isinstance(value, list):
        for i, item in enumerate(value):
            if path.endswith("per_message") and isinstance(item, int) and 0 < item < LIMIT:
                yield f"{path}[{i}]={item}"
            yield from small_counts(item, f"{path}[{i}]")


def run(tables, taxonomies, policy="strict", **more) -> dict[str, Any]:
    return compute_stats(
        tables,
        taxonomies=taxonomies,
        settings=StatsSettings(resamples=100),
        min_cell=LIMIT,
        policy=policy,
        **more,
    ).document


@pytest.mark.parametrize(("n", "seed"), [(1, 1), (3, 2), (12, 3), (40, 4), (90, 5), (300, 6)])
def test_strict_shows_no_small_count_anywhere(invent, taxonomies, n, seed) -> None:
    document = run(invent(n, seed), taxonomies)
    assert list(small_counts(document)) == []


def test_as_published_suppresses_nothing(invent, taxonomies) -> None:
    document = run(invent(12, 3), taxonomies, "as-published")
    assert list(small_counts(document)) != []
    assert '"is_suppressed": true' not in str(document).replace("'", '"').replace("True", "true")


def test_what_is_shown_under_strict_is_what_was_counted(invent, taxonomies) -> None:
    tables = invent(90, 5)
    strict, plain = run(tables, taxonomies), run(tables, taxonomies, "as-published")
    assert strict["counts"] == plain["counts"]
    n_shown = 0
    for key in ("reasons", "reactions"):
        for table in ("labels", "by_stage", "by_domain", "by_length"):
            for a, b in zip(strict[key][table], plain[key][table], strict=True):
                if not a["is_suppressed"]:
                    assert a == b
                    n_shown += 1
                else:
                    assert a["n"] is None
                    assert a["share"] is a["low"] is a["high"] is None
    assert n_shown > 20


def test_tables_hold_back_what_the_document_holds_back(invent, taxonomies) -> None:
    stats = compute_stats(
        invent(40, 4),
        taxonomies=taxonomies,
        settings=StatsSettings(resamples=100),
        min_cell=LIMIT,
        policy="strict",
    )
    for name, frame in stats.tables.items():
        for column in frame.columns:
            is_count = column in {"n", "base"} or (column.startswith("n_") and name == "models")
            if is_count and frame[column].dtype == pl.Int64:
                shown = frame[column].drop_nulls()
                assert ((shown == 0) | (shown >= LIMIT)).all(), (name, column)


@given(st.data())
def test_no_small_cell_follows_from_a_total(data) -> None:
    rows, columns = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 5))
    cells = data.draw(st.lists(st.integers(0, 40), min_size=rows * columns, max_size=rows * columns))
    counts = np.array(cells, dtype=np.int64).reshape(rows, columns)
    hidden = choose_hidden(counts, LIMIT)
    assert not (hidden & (counts == 0)).any()
    assert hidden[(counts > 0) & (counts < LIMIT)].all()
    for line, mask in (*zip(counts, hidden, strict=True), *zip(counts.T, hidden.T, strict=True)):
        left_over = (~mask & (line > 0)).any()
        if mask.any() and left_over:
            assert mask.sum() >= 2
            assert line[mask].sum() >= LIMIT


def people(**columns: list[Any]) -> pl.DataFrame:
    n = len(next(iter(columns.values())))
    rows = [{"participant_id": f"user{i}", **{k: v[i] for k, v in columns.items()}} for i in range(n)]
    return as_table("participants", rows)


def test_small_answers_merge_with_the_missing_and_counts_are_rounded() -> None:
    gender = ["female"] * 33 + ["male"] * 22 + ["another"] * 3 + [None] * 9
    found = count_demographics(people(gender=gender), LIMIT)
    cells = {c.value: c.n for c in found.cells if c.attribute == "gender"}
    assert cells == {"female": 35, "male": 20, "(other or missing)": 10}
    assert found.n_participants == 67
    few = count_demographics(people(gender=["female"] * 33 + ["another"] * 3), LIMIT)
    rest = [c for c in few.cells if c.attribute == "gender" and c.is_missing]
    assert [(c.n, c.share, c.is_suppressed) for c in rest] == [(None, None, True)]


def test_several_purposes_count_once_each() -> None:
    found = count_demographics(people(purposes=[["work", "home"], ["work", "work"], [], []]), 0)
    cells = {c.value: (c.n, c.share) for c in found.cells if c.attribute == "purposes"}
    assert cells == {"work": (2, 0.5), "home": (1, 0.25), "(missing)": (2, 0.5)}
    assert found.n_without_answers == 2


def counts_of(value: Any, path: str = "") -> Iterator[tuple[str, int]]:
    """Every count outside of row accounting, by the path and the names that identify its row."""
    if isinstance(value, dict):
        identity = "/".join(str(v) for k, v in value.items() if isinstance(v, str | bool) and k not in FLAGS)
        for key, item in value.items():
            if path == "" and key in {"method", "counts", "funnel", "quarantine", "privacy", "cost"}:
                continue
            is_total = key in ROW_COUNTS or (key == "n_conversations" and path == ".topics")
            is_total |= key == "n_participants" and path == ".demographics"
            is_total |= key == "n_messages" and "thoughts_per_message" in path
            is_total |= key == "n" and path.endswith("spread")
            is_total |= key in {"n_in_messages", "n_in_thoughts"}
            if isinstance(item, int) and not isinstance(item, bool) and not is_total:
                yield f"{path}.{key}|{identity}", item
            yield from counts_of(item, f"{path}.{key}")
    elif isinstance(value, list):
        for i, item in enumerate(value):
            if isinstance(item, int):
                yield f"{path}[{i}]", item
            yield from counts_of(item, path)


def without(tables, participant: str):
    """The same release after one participant withdrew."""
    gone = f"^{participant}_"
    kept = dict(tables)
    kept["participants"] = tables["participants"].filter(pl.col("participant_id") != participant)
    for name in ("conversations", "messages", "thoughts"):
        kept[name] = tables[name].filter(~pl.col("conversation_id").str.contains(gone))
    kept["labels"] = tables["labels"].filter(~pl.col("item_id").str.contains(gone))
    return kept


@pytest.mark.parametrize("participant", ["user3", "user17", "user40"])
def test_a_withdrawal_cannot_be_read_from_two_releases(invent, taxonomies, participant) -> None:
    tables = invent(300, 6)
    first = run(tables, taxonomies)
    smaller = without(tables, participant)
    exact, held = run(smaller, taxonomies), run(smaller, taxonomies, previous=first)
    before = dict(counts_of(first))

    def small_moves(document):
        after = dict(counts_of(document))
        return [k for k, n in after.items() if k in before and 0 < abs(n - before[k]) < LIMIT]

    assert small_moves(exact), "without the rule the withdrawal shows"
    assert small_moves(held) == []
    assert held["counts"]["participants"] == first["counts"]["participants"] - 1
    assert list(small_counts(held)) == []
    flags = [row["is_held"] for row in held["reasons"]["labels"] if not row["is_suppressed"]]
    assert all(flags), "unchanged cells carry the mark too"


def test_counts_that_moved_far_enough_are_new(invent, taxonomies) -> None:
    first, second = run(invent(90, 5), taxonomies), invent(300, 6)
    held, exact = run(second, taxonomies, previous=first), run(second, taxonomies)
    moved = [
        (h, e)
        for h, e in zip(held["reasons"]["labels"], exact["reasons"]["labels"], strict=True)
        if not h["is_held"]
    ]
    assert moved
    assert all(h == e for h, e in moved)


def test_nothing_is_held_without_a_last_release_or_as_published(invent, taxonomies) -> None:
    tables = invent(90, 5)
    first = run(tables, taxonomies)
    assert run(tables, taxonomies, previous={"stats_version": "0.1"}) == first
    plain = run(tables, taxonomies, "as-published")
    smaller = without(tables, "user3")
    assert run(smaller, taxonomies, "as-published", previous=plain) == run(
        smaller, taxonomies, "as-published"
    )


def test_small_counts_of_the_privacy_stage_are_held_back_too(invent, taxonomies) -> None:
    privacy = {
        "redactions_by_type": {"PERSON": 500, "EMAIL": 40, "IBAN": 3},
        "sensitive": {"health": 4},
        "class_sizes": {"5": 3},
        "k": 5,
    }
    strict = run(invent(90, 5), taxonomies, privacy=privacy)
    assert strict["privacy"]["redactions_by_type"] == {"PERSON": 500, "EMAIL": None, "IBAN": None}
    assert [(r["type"], r["n"]) for r in strict["redactions"]["by_type"]] == [
        ("PERSON", 500),
        ("EMAIL", None),
        ("IBAN", None),
    ]
    assert strict["privacy"]["sensitive"] == {"health": None}
    assert (strict["privacy"]["class_sizes"], strict["privacy"]["k"]) == ({"5": 3}, 5)
    plain = run(invent(90, 5), taxonomies, "as-published", privacy=privacy)
    assert plain["privacy"] == privacy


def test_counts_that_the_parent_of_a_patch_held_back_stay_so() -> None:
    privacy = {"sensitive": {"health": 40, "minors": None}, "redactions_by_type": {"PERSON": None}, "k": 5}
    assert suppress_privacy(privacy, 10) == privacy


def test_counts_of_the_privacy_stage_hold_still_between_releases(invent, taxonomies) -> None:
    corpus = invent(90, 5)
    before = run(corpus, taxonomies, privacy={"sensitive": {"health": 40, "minors": 30}, "n_redactions": 7})
    now = {"sensitive": {"health": 41, "minors": 55}, "n_redactions": 9}
    after = run(corpus, taxonomies, privacy=now, previous=before)
    assert after["privacy"] == {"sensitive": {"health": 40, "minors": 55}, "n_redactions": 9}


def test_small_cells_of_confusions_are_held_back_with_what_would_give_them_away() -> None:
    table = {"a": {"a": 40, "b": 3}, "b": {"a": 12, "b": 50}}
    hidden = hide_confusions({"reason": {"release_on_gold": {"n_items": 105, "confusion": table}}}, 10)
    shown = hidden["reason"]["release_on_gold"]
    assert shown["n_items"] == 105
    assert shown["confusion"]["a"]["b"] is None
    assert sum(n is None for row in shown["confusion"].values() for n in row.values()) == 4
    assert hide_confusions({"x": {"confusion": {"a": {"a": 40}}}}, 10) == {
        "x": {"confusion": {"a": {"a": 40}}}
    }
