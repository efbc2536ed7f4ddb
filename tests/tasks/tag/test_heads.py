"""Heads are fitted once for the same examples and code, whatever is done to the file that keeps them."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from schemas.errors import StorageError
from schemas.taxonomies import load_taxonomies
from tasks.storage.store import open_store
from tasks.tag.heads import FOLDER, HeadMemo
from tasks.tag.items import Gold, make_item
from tasks.tag.lexical import HashedWords
from tasks.tag.local import fit_tagger

TAXONOMIES = load_taxonomies()


@pytest.fixture
def gold() -> list[Gold]:
    items = [make_item(f"g{i}", "reason", f"thing {i} more", group=f"c{i % 3}") for i in range(45)]
    return [Gold(item, "reason", "task_continuation") for item in items]


def encode(frame: pl.DataFrame) -> bytes:
    sink = io.BytesIO()
    frame.write_parquet(sink)
    return sink.getvalue()


def refuse_to_fit(*_: Any) -> Any:
    raise AssertionError("fitted again")


def refuse_to_write(*_: Any) -> Any:
    raise StorageError("read only")


def assert_same_head(one: Any, other: Any) -> None:
    assert np.array_equal(one.head.weights, other.head.weights)
    assert one.head.temperature == other.head.temperature
    assert np.array_equal(one.center, other.center)
    assert np.array_equal(one.position_fill, other.position_fill)
    assert np.array_equal(one.prototypes.vectors, other.prototypes.vectors)
    assert np.array_equal(one.prototypes.owners, other.prototypes.owners)
    assert one.prototypes.n_choices == other.prototypes.n_choices


def test_a_head_is_kept_from_run_to_run(gold, tmp_path, monkeypatch) -> None:
    memo = HeadMemo(open_store(str(tmp_path)))
    taxonomy = TAXONOMIES["reason"]
    monkeypatch.setattr("tasks.tag.local._known", {})
    first = fit_tagger(taxonomy, HashedWords(), gold, memo)
    monkeypatch.setattr("tasks.tag.local._known", {})
    monkeypatch.setattr("tasks.tag.local._fit", refuse_to_fit)
    again = fit_tagger(taxonomy, HashedWords(), gold, memo)
    assert_same_head(again.fitted, first.fitted)
    probe = [g.item for g in gold]
    assert again.predict(probe) == first.predict(probe)


def test_other_examples_or_other_code_have_no_head_yet(gold, tmp_path, monkeypatch) -> None:
    memo = HeadMemo(open_store(str(tmp_path)))
    taxonomy = TAXONOMIES["reason"]
    monkeypatch.setattr("tasks.tag.local._known", {})
    fit_tagger(taxonomy, HashedWords(), gold, memo)
    monkeypatch.setattr("tasks.tag.local._fit", refuse_to_fit)
    for other in (gold[1:], [replace(g, value="content_expectation") for g in gold]):
        with pytest.raises(AssertionError, match="fitted again"):
            fit_tagger(taxonomy, HashedWords(), other, memo)
    monkeypatch.setattr("tasks.tag.local._known", {})
    monkeypatch.setattr("tasks.tag.heads._code_digest", lambda: "other code")
    with pytest.raises(AssertionError, match="fitted again"):
        fit_tagger(taxonomy, HashedWords(), gold, memo)


@pytest.mark.parametrize("broken", ["empty", "cut", "other columns", "other arrays", "other shapes"])
def test_a_head_that_cannot_be_read_is_fitted_again(gold, broken, tmp_path, monkeypatch) -> None:
    store = open_store(str(tmp_path))
    taxonomy = TAXONOMIES["reason"]
    monkeypatch.setattr("tasks.tag.local._known", {})
    first = fit_tagger(taxonomy, HashedWords(), gold, HeadMemo(store)).fitted
    (kept,) = store.list(FOLDER)
    sound = store.get(kept.key)
    frame = pl.read_parquet(io.BytesIO(sound))
    wrong = {
        "empty": b"",
        "cut": sound[: len(sound) // 2],
        "other columns": encode(frame.drop("shape")),
        "other arrays": encode(frame.head(3)),
        "other shapes": encode(frame.with_columns(shape=pl.lit([7, 7], pl.List(pl.Int64)))),
    }
    store.put(kept.key, wrong[broken])
    monkeypatch.setattr("tasks.tag.local._known", {})
    assert_same_head(fit_tagger(taxonomy, HashedWords(), gold, HeadMemo(store)).fitted, first)
    assert pl.read_parquet(io.BytesIO(store.get(kept.key))).equals(frame)


def test_a_remembered_head_labels_on_one_thread_as_a_fitted_one_does(gold, tmp_path, monkeypatch) -> None:
    memo = HeadMemo(open_store(str(tmp_path)))
    fit_tagger(TAXONOMIES["reason"], HashedWords(), gold, memo)
    monkeypatch.setattr("tasks.tag.local._known", {})
    limited: list[bool] = []
    monkeypatch.setattr("tasks.tag.local.use_one_blas_thread", lambda: limited.append(True))
    fit_tagger(TAXONOMIES["reason"], HashedWords(), gold, memo)
    assert limited


def test_a_head_that_cannot_be_kept_still_labels(gold, tmp_path, monkeypatch) -> None:
    store = open_store(str(tmp_path))
    monkeypatch.setattr(store, "put", refuse_to_write)
    monkeypatch.setattr("tasks.tag.local._known", {})
    with pytest.raises(StorageError):
        fit_tagger(TAXONOMIES["reason"], HashedWords(), gold, HeadMemo(store))
    monkeypatch.setattr("tasks.tag.local._fit", refuse_to_fit)
    assert fit_tagger(TAXONOMIES["reason"], HashedWords(), gold).fitted
