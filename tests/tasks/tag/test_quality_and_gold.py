from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from tests_now import NOW

from schemas.config import TagSettings
from schemas.errors import InputError
from schemas.fields import LABEL_REVIEW
from schemas.taxonomies import load_taxonomies
from tasks.storage.local import LocalStore
from tasks.tag import measure
from tasks.tag.agreement import (
    cohen_kappa,
    count_confusion,
    expected_calibration_error,
    interval,
    interval_of_sets,
    judge,
    judge_sets,
    krippendorff_alpha,
    macro_f1,
    multi_f1,
)
from tasks.tag.budget import Budget
from tasks.tag.gold import load_decisions, load_gold, save_decisions, save_gold
from tasks.tag.gold_scrub import scrub_gold
from tasks.tag.items import Gold, make_item
from tasks.tag.lexical import HashedWords
from tasks.tag.measure import measure_release
from tasks.tag.quality import measure_head
from tasks.tag.queue import load_queue, merge_queues, save_queue
from tasks.tag.review import export_review, import_review
from tasks.tag.stage import tag_release

TAXONOMIES = load_taxonomies()
LABELS = ("a", "b", "c")


def test_kappa_of_a_worked_example() -> None:
    # 2x2 table 20/5/10/15: observed .70, chance .50
    assert cohen_kappa(np.array([[20.0, 5.0], [10.0, 15.0]])) == pytest.approx(0.4)


@given(
    st.lists(
        st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS), st.integers(0, 4)),
        min_size=2,
        max_size=40,
    )
)
def test_agreement_laws(rows) -> None:
    truth, said, groups = (list(c) for c in zip(*rows, strict=True))
    judged = judge(truth, said, [str(g) for g in groups], LABELS)
    confusion = count_confusion(judged)
    assert confusion.sum() == len(rows)
    same = count_confusion(judge(truth, truth, [str(g) for g in groups], LABELS))
    assert macro_f1(same) == 1
    assert np.isnan(cohen_kappa(same)) == (len(set(truth)) == 1)
    value, low, high = interval(judged, lambda m: float(np.trace(m) / m.sum()), seed=1)
    assert low - 1e-9 <= value <= high + 1e-9 or len(set(groups)) > 1


def test_sets_of_labels() -> None:
    a = [frozenset("xy"), frozenset("z"), frozenset("x")]
    same = judge_sets(a, a, "123")
    assert multi_f1(same) == krippendorff_alpha(same) == 1
    b = [frozenset("x"), frozenset("z"), frozenset("y")]
    other = judge_sets(a, b, "112")
    assert multi_f1(other) == pytest.approx(2 * 2 / 7)
    # worked by hand: seen distances .5, 0, 1; the 15 pairs of the six sets differ by 11.5 in all
    assert krippendorff_alpha(other) == pytest.approx(1 - 0.5 / (11.5 / 15))
    value, low, high = interval_of_sets(other, multi_f1, seed=1)
    assert low <= value <= high
    assert interval_of_sets(judge_sets(a * 20, a * 20, "123" * 20), multi_f1, 1) == (1, 1, 1)
    assert expected_calibration_error([0.8] * 10, [True] * 8 + [False] * 2) == pytest.approx(0)


def make_gold(n: int = 60) -> list[Gold]:
    texts = [
        ("Great, thank you, very helpful", "explicit_affirmation"),
        ("Much too long to read", "scope_fit"),
    ]
    return [
        Gold(
            make_item(f"g{i}", "reaction", f"{texts[i % 2][0]} {i}", "answer", 1, 4, f"c{i // 6}"),
            "reaction",
            texts[i % 2][1],
        )
        for i in range(n)
    ]


def test_the_head_is_measured_on_conversations_it_has_not_seen() -> None:
    report = measure_head(TAXONOMIES["reaction"], make_gold(), HashedWords())
    fitted = report["fitted"]
    assert (fitted["n_items"], fitted["n_groups"]) == (60, 10)
    assert fitted["kappa"]["low"] <= fitted["kappa"]["value"] <= fitted["kappa"]["high"]
    assert sum(n for row in fitted["confusion"].values() for n in row.values()) == 60
    assert measure_head(TAXONOMIES["reaction"], make_gold(4), HashedWords()) == {}


def test_gold_is_kept_scrubbed_once_and_found_again(tmp_path) -> None:
    from tasks.scrub.jsonl import load_detector

    raw = [
        Gold(
            make_item(
                "x",
                "reason",
                "Mail me at ada.lovelace@example.org about the garden",
                "My question",
                2,
                6,
                "c1",
            ),
            "reason",
            "social_and_others",
        )
    ]
    store = LocalStore(tmp_path)
    clean = scrub_gold(raw, load_detector())
    assert save_gold(store, clean, "export") == save_gold(store, clean, "export") == 1
    assert not any(b"ada.lovelace" in p.read_bytes() for p in tmp_path.rglob("*.parquet"))
    stored = load_gold(store, TAXONOMIES)
    assert len(stored.gold) == 1
    assert "@" not in stored.gold[0].item.text
    assert (stored.gold[0].value, stored.gold[0].item.position) == ("social_and_others", 2)
    # a reviewer's word beats the export's
    save_gold(store, [Gold(clean[0].item, "reason", "task_motivation")], "reviewer")
    later = load_gold(store, TAXONOMIES)
    assert [g.value for g in later.gold] == ["task_motivation"]
    assert later.digest != stored.digest


def queue() -> pl.DataFrame:
    rows = [
        {
            "item_id": f"i{n}", "facet": "reason", "value": "social_and_others", "second_value": "task_motivation",
            "why": "disagreement", "confidence": 0.4, "priority": 2.0 - n, "text": text, "context": 'He said "hi",\nthen left',
            "conversation_id": "c1", "position": n, "n_messages": 4, "decision": None, "reviewer": None,
        }
        for n, text in enumerate(["=SUM(A1)", "plain, with comma", "ünï 汉字"])
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=LABEL_REVIEW.polars_schema())


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_the_review_queue_goes_out_and_comes_back(form, tmp_path) -> None:
    text = export_review(queue(), form)
    assert import_review(text, form, TAXONOMIES).is_empty()
    assert "=SUM" not in text.split("'") or form == "jsonl"
    decided = queue().with_columns(
        decision=pl.Series([None, "Task Motivation & Goal", "style_expectation"]), reviewer=pl.lit("ada")
    )
    rows = import_review(export_review(decided, form), form, TAXONOMIES)
    assert rows.rows() == [
        ("i1", "reason", "task_motivation", "ada"),
        ("i2", "reason", "style_expectation", "ada"),
    ]
    store = LocalStore(tmp_path)
    assert save_decisions(store, rows) == 2
    save_decisions(store, rows.head(1).with_columns(value=pl.lit("social_and_others")))
    kept, digest = load_decisions(store)
    assert kept["value"].to_list() == ["social_and_others", "style_expectation"]
    assert digest


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "not JSON"),
        ("[1]", "not a JSON object"),
        ('{"item_id": "a", "facet": "reason", "decision": "nonsense"}', "no label of facet reason"),
        ('{"item_id": "a", "facet": "mood", "decision": "x"}', "missing or unknown"),
    ],
)
def test_faulty_decisions_are_refused_without_their_text(line, message) -> None:
    with pytest.raises(InputError, match=message) as caught:
        import_review(line, "jsonl", TAXONOMIES)
    assert "nonsense" not in str(caught.value)


def test_a_release_is_measured_against_gold_and_export(monkeypatch) -> None:
    gold = make_gold(60)
    cid = [f"u{i}" for i in range(60)]
    tables = {
        "conversations": pl.DataFrame({"conversation_id": cid, "n_messages": [4] * 60}),
        "messages": pl.DataFrame(
            [
                {
                    "message_id": f"{c}m{p}",
                    "conversation_id": c,
                    "position": p,
                    "role": "assistant" if p else "user",
                    "content": "answer" if p else "question",
                }
                for c in cid
                for p in (0, 1)
            ]
        ),
        "thoughts": pl.DataFrame(
            [
                {
                    "thought_id": f"{c}t",
                    "conversation_id": c,
                    "message_id": f"{c}m1",
                    "kind": "reaction",
                    "content": g.item.text,
                }
                for c, g in zip(cid, gold, strict=True)
            ]
        ),
    }
    exported = pl.DataFrame(
        {"item_id": [f"{c}t" for c in cid], "facet": ["reaction"] * 60, "value": [g.value for g in gold]}
    )
    settings = TagSettings(model="lexical")
    result = tag_release(**tables, export_labels=exported, taxonomies=TAXONOMIES, settings=settings, now=NOW)
    quality = measure_release(
        **tables, labels=result.labels, taxonomies=TAXONOMIES, settings=settings, gold=gold
    )
    assert quality["reaction"]["release_on_gold"]["kappa"]["value"] == 1
    assert quality["reaction"]["head_against_export"]["n_items"] == 60
    assert quality["reaction"]["head_on_gold"]["fitted"]["n_items"] == 60
    assert json.loads(json.dumps(quality, allow_nan=False)) == quality
    # without gold only the conversations of a sample are read, and the figures are those of reading all
    monkeypatch.setattr(measure, "_SAMPLE", 25)
    stranger = Gold(make_item("x", "reaction", "No release holds this."), "reaction", gold[0].value)
    sampled, whole = (
        measure_release(**tables, labels=result.labels, taxonomies=TAXONOMIES, settings=settings, gold=known)
        for known in ((), (stranger,))
    )
    assert sampled == whole
    assert sampled["reaction"]["head_against_export"]["n_items"] == 25
    nobody = TagSettings(model="none")
    assert measure_release(**tables, labels=result.labels, taxonomies=TAXONOMIES, settings=nobody) == {}


def test_the_sample_stays_when_items_are_added(monkeypatch) -> None:
    monkeypatch.setattr(measure, "_SAMPLE", 200)
    before, after = (pl.DataFrame({"item_id": [f"i{i}" for i in range(n)]}) for n in (1000, 1010))
    sampled = set(measure._choose_sample(before))
    assert len(sampled) == 200
    assert len(sampled & set(measure._choose_sample(after))) >= 190


def test_the_queues_of_the_shards_become_one(tmp_path) -> None:
    store = LocalStore(tmp_path)
    assert load_queue(store).is_empty()
    doubted = queue().head(1).with_columns(why=pl.lit("taxonomy_change"), item_id=pl.lit("i9"))
    shards = [queue(), queue().with_columns(item_id=pl.col("item_id") + "b", priority=pl.lit(3.0)), doubted]
    decided = pl.DataFrame({"item_id": ["i1", "i9"], "facet": ["reason", "reason"]})
    merged = merge_queues(shards, decided, pl.DataFrame({"conversation_id": ["c1"]}))
    assert merged["item_id"].to_list() == ["i0b", "i1b", "i2b", "i0", "i9", "i2"]
    save_queue(store, merged)
    assert_frame_equal(load_queue(store), merged)
    # the conversations of a participant who withdrew leave the queue too
    assert merge_queues([merged], decided, pl.DataFrame({"conversation_id": ["c2"]})).is_empty()


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=30), st.floats(0, 5))
def test_a_budget_never_lets_more_be_reserved_than_it_has(calls, limit) -> None:
    budget = Budget(limit)
    for most, share in calls:
        if budget.reserve(most):
            budget.settle(most, most * share)
    assert budget.spent_usd <= limit + 1e-9
