"""Preference pairs: filters, leaks, formats that trainers read, splits."""

from __future__ import annotations

import dataclasses
import importlib.util
import io
import json
from collections import Counter

import polars as pl
import pytest

from schemas.config import EvaluateSettings
from schemas.errors import UsageError
from tasks.evaluate import run as run_module
from tasks.evaluate.alignment_pairs import reject_guide, select
from tasks.evaluate.conversations import read_conversations
from tasks.evaluate.models import choose_options
from tasks.evaluate.preference_formats import to_openai, to_trl
from tasks.evaluate.registry import find_suite
from tests.tasks.evaluate.conftest import WRITER, answer_by_schema, read_material, read_schema
from tests.tasks.evaluate.suite_tables import ANSWERS, QUESTIONS, REACTIONS, make_release


@pytest.fixture(autouse=True)
def quick_scrubber(monkeypatch):
    # the real one is tested where it lives; here it finds one name
    def find(texts, settings):
        return [[("PERSON", "Ottilie Brandt")] if "Ottilie Brandt" in t else [] for t in texts]

    monkeypatch.setattr(run_module, "_find_spans", find)


def test_pairs_come_from_dissatisfied_answers(provider, evaluate) -> None:
    found = evaluate("alignment-pairs")
    pairs = found.findings.extra["pairs"]
    # the first and the last answer are criticised; only the first is followed by a message
    assert Counter(p["guidance"] for p in pairs) == {"thought": 6, "message": 3}
    assert Counter(f.error for f in found.selection.left_out) == {"no_next_message": 3}
    first = next(p for p in pairs if p["message_id"].endswith("conversation1_message1"))
    assert first["rejected"].startswith(ANSWERS[0])
    assert [m["role"] for m in json.loads(first["context"])] == ["user"]
    assert first["label"] == "scope_fit"
    feedback = [read_material(b)["feedback"] for b in provider.bodies]
    assert sum(f.startswith(REACTIONS[0]) for f in feedback) == 3
    assert not any(QUESTIONS[1] in json.dumps(read_material(b)["conversation"][:1]) for b in provider.bodies)


def test_a_next_message_long_enough_guides_a_pair_of_its_own(provider, evaluate) -> None:
    found = evaluate("alignment-pairs", make_release(1))
    guided = [p for p in found.findings.extra["pairs"] if p["guidance"] == "message"]
    assert [p["guide_id"] for p in guided] == ["user0_task1_conversation1_message2"]
    feedback = [read_material(b)["feedback"] for b in provider.bodies]
    assert sum(f.startswith(QUESTIONS[1]) for f in feedback) == 1
    rows = {r.group: r for r in found.results.rows if r.metric == "n_pairs"}
    assert rows["thought"].published == 1000
    assert rows["message"].published == 450


@pytest.mark.parametrize(
    ("guide", "why"),
    [
        ("", "empty_guide"),
        (" \u200b ", "empty_guide"),
        ("12 34 56 78 90 11 !!", "no_letters"),
        ("too long for me", "under_6_words"),
        ("far too long for what I asked", ""),
    ],
)
def test_filters_are_as_published(guide, why) -> None:
    conversation = read_conversations(make_release(1))[0]
    assert reject_guide(conversation, conversation.turns[1], guide) == why


def test_conversations_of_more_than_20_messages_are_left_out() -> None:
    conversation = read_conversations(make_release(1))[0]
    longer = dataclasses.replace(conversation, turns=conversation.turns * 4)
    options = choose_options(find_suite("alignment-pairs"), EvaluateSettings(), "")
    assert {f.error for f in select([longer], options).left_out if "thought" in f.item_id} == {
        "conversation_length"
    }
    with pytest.raises(UsageError, match="one model"):
        select([], dataclasses.replace(options, models=("a", "b")))


def test_a_rewrite_with_somebody_new_in_it_is_held_back(provider, evaluate) -> None:
    def answer(body):
        material = read_material(body)
        if "rewrite" in (read_schema(body) or {}) and "garden 1" in material["answer"]:
            return {"rewrite": "Ask Ottilie Brandt."}
        if "garden 2" in material["answer"]:
            return {"rewrite": material["answer"]}
        return answer_by_schema(body)

    provider.answer = answer
    found = evaluate("alignment-pairs")
    assert {p["participant_id"] for p in found.findings.extra["pairs"]} == {"user0"}
    errors = Counter(f.error for f in found.findings.failures)
    assert errors["leak_PERSON"] == errors["unchanged"] > 0
    assert found.results.checks["leaks_held_back"] == errors["leak_PERSON"]


def test_a_name_that_the_conversation_holds_is_no_leak(provider, evaluate) -> None:
    provider.answer = lambda body: {"rewrite": "Ask Ottilie Brandt."}
    tables = make_release(1, extra={("user", 0): " I am with Ottilie Brandt."})
    assert len(evaluate("alignment-pairs", tables).findings.extra["pairs"]) > 0


def test_files_agree_with_the_table_and_splits_hold_whole_participants(provider, evaluate) -> None:
    found = evaluate("alignment-pairs", make_release(6))
    files = found.results.files
    frame = pl.read_parquet(io.BytesIO(files["pairs.parquet"]))
    for split in ("train", "validation", "test"):
        of_split = frame.filter(pl.col("split") == split)
        trl = [json.loads(line) for line in files[f"trl/{split}.jsonl"].splitlines()]
        openai = [json.loads(line) for line in files[f"openai/{split}.jsonl"].splitlines()]
        assert [r["pair_id"] for r in trl] == of_split["pair_id"].to_list()
        assert len(openai) == of_split.height > 0
        for ours, theirs in zip(trl, openai, strict=True):
            assert ours["prompt"] == theirs["input"]["messages"]
            assert ours["chosen"] == theirs["preferred_output"]
            assert ours["rejected"] == theirs["non_preferred_output"]
            assert ours["prompt"][-1]["role"] == "user"
            assert set(theirs) == {"input", "preferred_output", "non_preferred_output"}
    assert frame.group_by("participant_id").agg(pl.col("split").n_unique())["split"].max() == 1
    assert frame["model"].unique().to_list() == [WRITER]


@pytest.mark.skipif(
    importlib.util.find_spec("trl") is None, reason="the extra `train` (trl, torch) is not installed"
)
def test_one_step_of_dpo_on_a_tiny_model(tmp_path) -> None:
    from tests.tasks.evaluate.tiny_dpo import train_one_step

    row = {
        "context": json.dumps([{"role": "user", "content": "How do I grow mint?"}]),
        "rejected": "It is a long story about soil and light.",
        "chosen": "In deep shade.",
        "pair_id": "p",
        "guidance": "thought",
    }
    before, after, loss = train_one_step([to_trl(row)] * 4, tmp_path)
    assert loss > 0
    assert before != after
    assert to_openai(row)["input"]["tools"] == []
