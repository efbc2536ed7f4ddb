"""The whole release on the 20 real conversations: the counts that the issue of this data states."""

from __future__ import annotations

import io
import json
from pathlib import Path

import polars as pl
import pytest
import zstandard

REASONS = {
    "task_continuation": 52,
    "task_motivation": 45,
    "context_grounding_and_constraints": 19,
    "content_expectation": 17,
    "social_and_others": 14,
    "style_expectation": 5,
    "task_reorientation": 2,
}
REACTIONS = {
    "explicit_affirmation": 114,
    "partial_satisfaction": 12,
    "content_relevance": 12,
    "scope_fit": 12,
    "presentation_style": 6,
}


@pytest.fixture(scope="module")
def published(prefect_server, real_export, tmp_path_factory) -> tuple[dict, Path]:
    from flows.release import release

    store = tmp_path_factory.mktemp("store")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THOUGHTTRACE_ID_KEY", "k" * 40)
        outcome = release(exports=[str(real_export)], store=str(store), approval="none")
    return outcome, store


def view(published, name: str) -> pl.DataFrame:
    return pl.read_parquet(published[1] / "releases" / published[0]["version"] / name / "*.parquet")


def test_counts(published) -> None:
    outcome, _ = published
    assert outcome["status"] == "published"
    assert outcome["version"] == "v1.0.0"
    assert outcome["policy"] == "as-published"
    assert outcome["counts"] == {
        "participants": 17,
        "conversations": 20,
        "messages": 328,
        "reasons": 154,
        "reactions": 156,
        "models": 10,
    }
    assert outcome["median_messages"] == 16


def test_labels_of_the_export_are_kept(published) -> None:
    outcome, _ = published
    assert outcome["labels"]["reason"] == REASONS
    assert outcome["labels"]["reaction"] == REACTIONS
    labels = view(published, "labels")
    sources = labels.group_by("facet").agg(pl.col("source").unique().sort()).sort("facet")
    by_facet = dict(sources.iter_rows())
    assert by_facet["reason"] == by_facet["reaction"] == ["export"]
    assert by_facet["topic"] == by_facet["relationship"] == ["model"]


def test_the_quality_of_the_labels_is_in_every_release(published) -> None:
    outcome, store = published
    folder = store / "releases" / outcome["version"]
    quality = json.loads((folder / "stats.json").read_text())["labelling"]["quality"]
    assert quality == outcome["quality"]
    # no gold in this store, so the head is held against the labels that came with the export
    for facet, least in (("reason", 0.38), ("reaction", 0.50)):
        score = quality[facet]["head_against_export"]
        assert score["kappa"]["value"] >= least
        assert score["kappa"]["low"] < score["kappa"]["value"] < score["kappa"]["high"]
        assert sum(n for row in score["confusion"].values() for n in row.values()) == score["n_items"]
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["quality.reason.head_against_export.kappa.value"] > 0
    assert not any("confusion" in name for name in metrics)
    page = (folder / "report.html").read_text()
    assert "local head with the export&#39;s labels" in page
    assert "Confusion matrix" in page
    assert "local head with the export's labels" in (folder / "README.md").read_text()


def test_every_user_message_has_a_relationship_and_every_conversation_a_topic(published) -> None:
    messages = view(published, "messages")
    users = messages.filter(pl.col("role") == "user")
    assert users["relationship"].null_count() == 0
    assert messages.filter(pl.col("role") == "assistant")["relationship"].drop_nulls().len() == 0
    assert (messages.filter(pl.col("position") == 0)["relationship"] == "first_request").all()
    assert (view(published, "conversations")["topic_domains"].list.len() > 0).all()


def test_the_funnel_reconciles(published) -> None:
    funnel = view(published, "funnel")
    law = pl.col("n_out") + pl.col("n_quarantined") + pl.col("n_removed")
    assert funnel.filter(pl.col("n_in") != law).height == 0
    last = funnel.group_by("table_name", maintain_order=True).agg(pl.col("n_out").last())
    assert dict(last.iter_rows()) == {
        "participants": 17,
        "conversations": 20,
        "messages": 328,
        "thoughts": 310,
    }


def test_the_records_equal_the_input_but_for_redactions(published, real_export) -> None:
    outcome, store = published
    packed = (store / "releases" / outcome["version"] / "thoughttrace.jsonl.zst").read_bytes()
    with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(packed)) as reader:
        records = [json.loads(line) for line in io.BufferedReader(reader)]
    originals = [json.loads(line) for line in real_export.read_text().splitlines()]
    redacted = {
        row["message_id"] for row in view(published, "messages").filter(pl.col("n_redactions") > 0).to_dicts()
    } | {
        row["thought_id"] for row in view(published, "thoughts").filter(pl.col("n_redactions") > 0).to_dicts()
    }
    assert len(records) == len(originals)
    for record, original in zip(records, originals, strict=True):
        assert list(record) == list(original)
        for position, (message, old) in enumerate(zip(record["messages"], original["messages"], strict=True)):
            key = f"{original['id']}_message{position}"
            assert list(message) == list(old)
            assert message["content"] == old["content"] or key in redacted
            thoughts, old_thoughts = (m.get("reasons") or m.get("reactions") or [] for m in (message, old))
            kind = "reason" if old["type"] == "user" else "reaction"
            for number, (thought, old_thought) in enumerate(zip(thoughts, old_thoughts, strict=True)):
                assert thought["content"] == old_thought["content"] or f"{key}_{kind}{number}" in redacted
                assert thought["label"] == old_thought["label"]
                assert thought["timestamp"] == old_thought["timestamp"]
        for key in ("model_name", "model_provider", "created_at", "updated_at"):
            assert record[key] == original[key]


def test_the_same_export_again_changes_nothing(published, real_export) -> None:
    from flows.release import release

    outcome, store = published
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THOUGHTTRACE_ID_KEY", "k" * 40)
        again = release(exports=[str(real_export)], store=str(store), approval="none")
    assert again["status"] == "unchanged"
    assert again["version"] == outcome["version"]
    assert [p.name for p in (store / "releases").iterdir()] == [outcome["version"]]


def test_no_intermediate_file_is_left(published) -> None:
    _, store = published
    assert not [p for p in (store / "private").rglob("*") if p.is_file() and "steps" in p.parts]
