from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from stats_corpus import as_table

from schemas.config import StatsSettings
from schemas.stats import StatsDocument
from tasks.stats.compute import compute_stats
from tasks.stats.metrics import metrics

REPO = Path(__file__).parents[3]


def run(tables, taxonomies, policy="as-published", **more):
    return compute_stats(
        tables,
        taxonomies=taxonomies,
        settings=StatsSettings(resamples=200),
        min_cell=10,
        policy=policy,
        **more,
    )


def test_the_order_of_rows_changes_nothing(invent, taxonomies) -> None:
    tables = invent(30, 5)
    shuffled = {name: frame.sample(fraction=1, shuffle=True, seed=4) for name, frame in tables.items()}
    assert run(tables, taxonomies).document == run(shuffled, taxonomies).document


def test_files_and_frames_give_the_same_bytes(invent, taxonomies, tmp_path) -> None:
    tables = invent(30, 5)
    lazy = {}
    for name, frame in tables.items():
        half = frame.height // 2
        frame.head(half).write_parquet(tmp_path / f"{name}-0.parquet")
        frame.tail(frame.height - half).write_parquet(tmp_path / f"{name}-1.parquet")
        lazy[name] = pl.scan_parquet(tmp_path / f"{name}-*.parquet")
    a, b = run(tables, taxonomies), run(lazy, taxonomies)
    assert json.dumps(a.document) == json.dumps(b.document)
    assert all(frame.equals(b.tables[name]) for name, frame in a.tables.items())


def test_an_empty_release_has_the_same_shape(taxonomies) -> None:
    empty, full = run({}, taxonomies), run({}, {})
    assert empty.document["counts"]["conversations"] == 0
    assert list(empty.document) == list(full.document)
    assert empty.document["conversation_length"]["spread"]["median"] is None
    assert empty.document["reasons"]["labels"][0]["share"] is None
    assert all(frame.width for frame in empty.tables.values())


def test_one_participant_has_shares_but_no_intervals(invent, taxonomies) -> None:
    document = run(invent(2, 5), taxonomies).document
    assert document["counts"]["participants"] == 1
    shares = document["reasons"]["labels"]
    assert sum(row["share"] for row in shares) == pytest.approx(1, abs=1e-5)
    assert {row["low"] for row in shares} == {None}


def test_one_label_only_and_no_survey(invent, taxonomies) -> None:
    tables = invent(30, 5)
    blank = [
        pl.lit(None, pl.String).alias(c) for c in ("age_band", "gender", "education", "occupation_group")
    ]
    tables["participants"] = tables["participants"].with_columns(
        *blank,
        pl.lit(None, pl.String).alias("ai_use_frequency"),
        purposes=pl.lit([], pl.List(pl.String)),
    )
    tables["labels"] = tables["labels"].filter(pl.col("facet") == "reason").with_columns(value=pl.lit("goal"))
    for policy in ("as-published", "strict"):
        document = run(tables, taxonomies, policy).document
        assert document["reasons"]["labels"][0]["share"] == 1.0
        assert document["topics"]["n_labelled"] == 0
        assert document["relationships"]["transitions"] == []
        cells = document["demographics"]["cells"]
        assert len(cells) == 6
        assert all(cell["is_missing"] for cell in cells)


def test_labels_that_the_taxonomy_does_not_know_are_counted_under_their_id(invent, taxonomies) -> None:
    tables = invent(30, 5)
    tables["labels"] = tables["labels"].with_columns(value=pl.format("old_{}", pl.col("value")))
    document = run(tables, taxonomies).document
    labels = {row["value"]: row["n"] for row in document["reasons"]["labels"]}
    assert labels["goal"] == 0
    assert labels["old_goal"] > 0
    assert run(tables, {}).document["topics"]["n_labelled"] == 30


def test_text_of_any_script_is_measured_in_code_points(invent, taxonomies) -> None:
    tables = invent(6, 1)
    text = "日本語の質問🙂é"
    tables["messages"] = tables["messages"].with_columns(content=pl.lit(text), language=pl.lit("ja"))
    lengths = {
        (r["text"], r["unit"]): r["spread"]["max"] for r in run(tables, taxonomies).document["text_lengths"]
    }
    assert lengths["user_message", "characters"] == len(text)


def test_the_sample_of_tokenized_texts_is_spread_and_stable(invent, taxonomies, monkeypatch) -> None:
    monkeypatch.setattr("tasks.stats.frames.MAX_TOKENIZED", 50)
    tables = invent(60, 7)
    rows = {(r["text"], r["unit"]): r for r in run(tables, taxonomies).document["text_lengths"]}
    sampled = rows["user_message", "tokens"]
    assert sampled["n_texts"] == rows["user_message", "characters"]["spread"]["n"]
    assert 25 <= sampled["spread"]["n"] <= 50
    again = run({k: v.reverse() for k, v in tables.items()}, taxonomies).document["text_lengths"]
    assert {(r["text"], r["unit"]): r for r in again} == rows


def test_no_text_reaches_the_document(invent, taxonomies) -> None:
    tables = invent(20, 2)
    secret = "zebrafinch-4711"
    for name in ("messages", "thoughts"):
        tables[name] = tables[name].with_columns(content=pl.lit(f"my word is {secret}"))
    tables["conversations"] = tables["conversations"].with_columns(
        task_summary=pl.lit(secret), task_expectation=pl.lit(secret)
    )
    stats = run(tables, taxonomies)
    assert secret not in json.dumps(stats.document)
    assert all(secret not in frame.write_json() for frame in stats.tables.values())


def test_metrics_are_flat_numbers_of_the_document(invent, taxonomies) -> None:
    stats = run(
        invent(40, 3),
        taxonomies,
        quality={"reason": {"kappa": 0.61, "note": "text", "by_label": [1, 2]}},
        privacy={"k": 5, "ok": True},
        cost={"usd": 0.25},
    )
    found = metrics(stats.document)
    assert found == metrics(stats.model)
    assert list(found) == sorted(found)
    assert all(isinstance(v, float) for v in found.values())
    assert found["n.conversations"] == 40
    assert found["quality.reason.kappa"] == 0.61
    assert found["privacy.k"] == 5
    assert found["privacy.ok"] == 1
    assert found["cost.usd"] == 0.25
    assert found["quarantine_share"] == 0
    shares = [v for k, v in found.items() if k.startswith("share.reason.")]
    assert sum(shares) == pytest.approx(1, abs=1e-5)
    assert not [k for k in found if "by_label" in k or "note" in k]


def test_held_back_shares_are_left_out_of_the_metrics(invent, taxonomies) -> None:
    found = metrics(run(invent(12, 3), taxonomies, "strict").document)
    assert found["policy.is_strict"] == 1
    assert found["n_hidden.reaction"] > 0 or found["n_hidden.subtopic"] > 0
    assert all(v == v for v in found.values())


def test_quarantine_share_is_of_the_conversations_that_came_in(invent, taxonomies) -> None:
    tables = invent(10, 1)
    tables["funnel"] = as_table(
        "funnel",
        [
            {"stage": "ingest", "table_name": "conversations", "n_in": 200, "n_out": 195, "n_quarantined": 5},
            {"stage": "ingest", "table_name": "messages", "n_in": 900, "n_out": 800, "n_quarantined": 100},
            {
                "stage": "validate",
                "table_name": "conversations",
                "n_in": 195,
                "n_out": 194,
                "n_quarantined": 1,
            },
        ],
    )
    assert metrics(run(tables, taxonomies).document)["quarantine_share"] == pytest.approx(6 / 200)


def test_document_reads_back_as_its_model(invent, taxonomies) -> None:
    stats = run(invent(10, 1), taxonomies, "strict")
    assert StatsDocument.model_validate(json.loads(json.dumps(stats.document))) == stats.model


def test_participants_without_conversations_and_conversations_without_messages(invent, taxonomies) -> None:
    tables = invent(10, 1)
    extra = as_table("participants", [{"participant_id": "user999", "gender": "female"}])
    alone = as_table(
        "conversations",
        [{"conversation_id": "user999_task1_conversation1", "participant_id": "user998", "language": "und"}],
    )
    tables["participants"] = tables["participants"].vstack(extra)
    tables["conversations"] = tables["conversations"].vstack(alone)
    document = run(tables, taxonomies).document
    assert document["counts"]["participants"] == 6
    assert document["conversation_length"]["spread"]["min"] == 0


def test_importing_is_light() -> None:
    script = (
        "import sys, tasks.stats.compute; "
        "print([m for m in ('litellm', 'tiktoken', 'great_expectations', 'altair', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=REPO, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_random_corpora_reconcile(invent, taxonomies) -> None:
    rng = random.Random(1)
    for _ in range(5):
        document = run(invent(rng.randint(1, 40), rng.randint(0, 999)), taxonomies).document
        counts = document["counts"]
        assert counts["messages"] == counts["user_messages"] + counts["assistant_messages"]
        assert sum(b["n"] for b in document["conversation_length"]["histogram"]) == counts["conversations"]
        for key in ("reasons", "reactions"):
            assert sum(r["n"] for r in document[key]["labels"]) == document[key]["n_labelled"]
            assert sum(r["n"] for r in document[key]["by_length"]) == document[key]["n_labelled"]
        relations = document["relationships"]
        assert sum(f["n"] for f in relations["transitions"]) == relations["n_labelled"]
        assert sum(r["n"] for r in relations["by_turn"]) == relations["n_labelled"]


def test_the_taxonomies_that_ship_give_every_label_a_row_and_a_name() -> None:
    from schemas.taxonomies import load_taxonomies

    document = run({}, load_taxonomies()).document
    assert len(document["topics"]["domains"]) == 7
    assert len(document["topics"]["subtopics"]) == 36
    assert {row["parent"] for row in document["topics"]["subtopics"]} == {
        row["value"] for row in document["topics"]["domains"]
    }
    assert [len(document[key]["labels"]) for key in ("reasons", "reactions")] == [7, 5]
    shown = {row["value"]: row["name"] for row in document["relationships"]["with_first"]}
    assert shown["extend_or_deepen"] == "Extend or Deepen"
    assert "first_request" in shown
    assert "first_request" not in {row["value"] for row in document["relationships"]["without_first"]}


@pytest.mark.parametrize(
    ("n", "k", "margin", "room"), [(40, 5, 0, 15), (40, 3, -2, 15), (6, 3, 0, -2), (6, 2, -1, -2)]
)
def test_margins_of_k_anonymity(invent, taxonomies, n, k, margin, room) -> None:
    privacy = {"k": k, "k_required": 5}
    found = metrics(run(invent(n, 1), taxonomies, privacy=privacy).document)
    assert found["privacy.k_margin"] == margin
    assert found["privacy.participants_margin"] == room
