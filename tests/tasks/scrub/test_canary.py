"""Canaries are planted in every field and disguise, and what survives is counted."""

import random

import polars as pl
import pytest

from schemas.config import PrivacySettings
from tasks.scrub.canary import TRUTH_SCHEMA, measure_canaries, plant_canaries, wilson_interval
from tasks.scrub.canary_forms import STRUCTURED, TYPES, disguise, invent, variants_of
from tasks.scrub.scrubber import Scrubber

FIELDS = ("content", "task_summary", "task_expectation", "survey_occupation", "survey_purposes")
N = 130


@pytest.fixture(scope="module")
def items() -> pl.DataFrame:
    rows = []
    for i in range(N):
        for field in FIELDS:
            rows.append(
                (f"{field}{i}", f"c{i}_{field}", field, "user", "message", i, "I would like to know more.")
            )
        rows.append((f"a{i}", f"c{i}_a", "content", "assistant", "message", i, "Here is what you asked for."))
    names = ["item_id", "conversation_id", "field", "role", "kind", "position", "text"]
    return pl.DataFrame(rows, schema=names, orient="row", schema_overrides={"position": pl.Int32})


def test_every_field_type_and_disguise_is_planted(items: pl.DataFrame) -> None:
    shadow, truth = plant_canaries(items, seed=3)
    assert shadow["item_id"].to_list() == items["item_id"].to_list()
    assert shadow.schema == items.schema
    assert set(truth["field"]) == set(FIELDS)
    planted = set(truth.filter(pl.col("role") == "user").select("type", "variant").iter_rows())
    assert planted == {(t, v) for t in TYPES for v in variants_of(t)}
    assert set(truth.filter(pl.col("role") == "assistant")["type"]) == set(STRUCTURED)
    assert plant_canaries(items, seed=3)[0].equals(shadow)
    assert not plant_canaries(items, seed=4)[0].equals(shadow)


def test_what_is_planted_in_a_text_does_not_depend_on_the_others(items: pl.DataFrame) -> None:
    few = items.filter(pl.col("position") < N // 2)
    of_few, of_all = (plant_canaries(some, seed=3)[1] for some in (few, items))
    # those that are planted among many are planted among few, with the same value
    shared = of_all.join(few, on="item_id", how="semi")
    assert shared.height > 0.9 * few.height
    assert shared.join(of_few, on=["item_id", "type", "variant", "value"]).height == shared.height


def test_structured_canaries_never_survive(items: pl.DataFrame) -> None:
    shadow, truth = plant_canaries(items, seed=11)
    result = Scrubber(PrivacySettings(), "strict", b"k" * 32).scrub(shadow)
    measured = measure_canaries(truth, result.texts)
    assert measured["structured"]["recall"] == 1.0, measured["by_type"]
    assert measured["names"]["recall_low"] > 0.85
    assert all(v not in str(measured) for v in truth["value"])


def test_what_stands_around_a_masked_value_is_no_leak() -> None:
    truth, texts = [], []
    for seed in range(300):
        for kind in TYPES:
            for variant in variants_of(kind):
                value = invent(kind, random.Random(seed))
                after = disguise(kind, f"<{kind}_1>", variant, random.Random(seed))
                name = f"{seed} {kind} {variant}"
                truth.append((name, "content", "user", kind, variant, value, ""))
                texts.append((name, after))
    found = measure_canaries(
        pl.DataFrame(truth, schema=TRUTH_SCHEMA, orient="row"),
        pl.DataFrame(texts, schema=["item_id", "text"], orient="row"),
    )
    assert [n for n, counts in found["by_type"].items() if counts["recall"] < 1] == []


def test_unscrubbed_text_has_no_recall(items: pl.DataFrame) -> None:
    shadow, truth = plant_canaries(items, seed=5)
    measured = measure_canaries(truth, shadow)
    assert measured["structured"]["n_masked"] == 0
    assert measured["names"]["n_masked"] == 0


def test_half_a_number_left_is_a_leak(items: pl.DataFrame) -> None:
    truth = plant_canaries(items, seed=5)[1].filter(pl.col("type") == "CREDIT_CARD").head(1)
    value = truth["value"][0]
    left = pl.DataFrame({"item_id": truth["item_id"], "text": [f"card <CREDIT_CARD_1>{value[8:]}"]})
    assert measure_canaries(truth, left)["structured"]["n_masked"] == 0


def test_wilson_interval_of_known_cases() -> None:
    assert wilson_interval(0, 0) == (0.0, 1.0)
    low, high = wilson_interval(10, 10)
    assert (round(low, 4), high) == (0.7225, 1.0)
    low, high = wilson_interval(50, 100)
    assert (round(low, 4), round(high, 4)) == (0.4038, 0.5962)
