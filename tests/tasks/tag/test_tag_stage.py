from __future__ import annotations

from datetime import UTC, datetime
from zlib import crc32

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from schemas.config import TagSettings
from schemas.fields import LABELS, TAG_OUTCOMES
from schemas.taxonomies import load_taxonomies
from tasks.tag.stage import tag_release

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TAXONOMIES = load_taxonomies()


def make_tables(n: int = 2) -> dict[str, pl.DataFrame]:
    turns = [
        "How do I plant tulips?",
        "Plant them in autumn.",
        "And roses? 🌹",
        "In spring.",
        "thanks",
        "You're welcome.",
    ]
    conversations, messages, thoughts = [], [], []
    for c in range(n):
        cid = f"user{c}_task1_conversation1"
        conversations.append({"conversation_id": cid, "n_messages": len(turns)})
        for p, text in enumerate(turns):
            mid, role = f"{cid}_message{p}", "assistant" if p % 2 else "user"
            messages.append(
                {"message_id": mid, "conversation_id": cid, "position": p, "role": role, "content": text}
            )
            kind = "reaction" if p % 2 else "reason"
            note = "Good answer." if p % 2 else "I want a nicer garden."
            thoughts.append(
                {
                    "thought_id": f"{mid}_{kind}0",
                    "conversation_id": cid,
                    "message_id": mid,
                    "kind": kind,
                    "content": note,
                }
            )
    return {
        "conversations": pl.DataFrame(conversations),
        "messages": pl.DataFrame(messages).with_columns(pl.col("position").cast(pl.Int32)),
        "thoughts": pl.DataFrame(thoughts),
    }


def exports(*rows: tuple[str, str, str]) -> pl.DataFrame:
    return pl.DataFrame(
        rows, schema={"item_id": pl.String, "facet": pl.String, "value": pl.String}, orient="row"
    )


def run(model: str = "lexical", labels: pl.DataFrame | None = None, tables=None, **settings):
    return tag_release(
        **(tables or make_tables()),
        export_labels=exports() if labels is None else labels,
        taxonomies=TAXONOMIES,
        settings=TagSettings(model=model, **settings),
        now=NOW,
    )


FIRST = "user0_task1_conversation1_message0"


def test_without_a_model_only_export_labels_and_first_requests_stand() -> None:
    result = run("none", exports((f"{FIRST}_reason0", "reason", "Task  Motivation & GOAL")))
    assert result.labels.schema == LABELS.polars_schema()
    rows = result.labels.select("item_id", "facet", "value", "source", "labeller", "via").rows()
    assert rows == [
        (FIRST, "relationship", "first_request", "model", "position", "direct"),
        (f"{FIRST}_reason0", "reason", "task_motivation", "export", "export", "direct"),
        (FIRST.replace("user0", "user1"), "relationship", "first_request", "model", "position", "direct"),
    ]
    assert result.dead_letters["outcome"].unique().to_list() == ["not_asked"]
    assert result.counts["reason"]["labelled_export"] == 1
    assert result.counts["reason"]["not_asked"] == 5


def test_every_item_ends_as_one_label_or_one_outcome() -> None:
    tables = make_tables()
    tables["thoughts"] = tables["thoughts"].with_columns(
        content=pl.when(pl.col("kind") == "reaction").then(pl.lit("👍")).otherwise("content")
    )
    result = run(tables=tables)
    assert result.dead_letters.schema == TAG_OUTCOMES.polars_schema()
    assert result.counts["reaction"] == {
        "items": 6, "labelled_human": 0, "labelled_export": 0, "labelled_model": 0,
        "abstained": 6, "failed": 0, "not_asked": 0,
        "export_labels_outdated": 0, "export_labels_orphaned": 0,
    }  # fmt: skip
    single = result.labels.filter(pl.col("facet") != "topic")
    assert single.select("item_id", "facet").is_unique().all()
    items = pl.concat(
        [result.labels.select("item_id", "facet"), result.dead_letters.select("item_id", "facet")]
    )
    assert items.unique().height == 2 + 6 + 6 + 6
    for name in ("topic", "relationship", "reason"):
        assert result.counts[name]["labelled_model"] == result.counts[name]["items"]


def test_topics_hold_a_domain_and_a_subtopic() -> None:
    labels = run().labels.filter((pl.col("facet") == "topic") & pl.col("item_id").str.starts_with("user0"))
    parents = {TAXONOMIES["topic"].parent_of(v) for v in labels["value"]}
    assert None in parents
    assert {v for v in labels["value"] if TAXONOMIES["topic"].parent_of(v) is None} == parents - {None}


def test_unknown_export_labels_are_named_failures_unless_asked_again() -> None:
    labels = exports((f"{FIRST}_reason0", "reason", "vibes"), ("gone", "reason", "task_motivation"))
    result = run(labels=labels)
    failed = result.dead_letters.filter(pl.col("outcome") == "failed")
    assert failed.select("item_id", "facet", "error").rows() == [
        (f"{FIRST}_reason0", "reason", "unknown_export_label")
    ]
    assert result.counts["reason"]["failed"] == 1
    assert result.counts["reason"]["export_labels_orphaned"] == 1
    again = run(labels=labels, relabel_unknown=True)
    assert again.counts["reason"]["failed"] == 0
    assert again.counts["reason"]["labelled_model"] == 6


def test_two_different_labels_for_one_thought_are_a_failure_and_the_same_twice_is_not() -> None:
    two = exports(
        (f"{FIRST}_reason0", "reason", "task_motivation"), (f"{FIRST}_reason0", "reason", "social_and_others")
    )
    assert run("none", two).counts["reason"]["failed"] == 1
    same = exports(
        (f"{FIRST}_reason0", "reason", "task_motivation"), (f"{FIRST}_reason0", "reason", "TASK_MOTIVATION ")
    )
    assert run("none", same).counts["reason"]["labelled_export"] == 1


def test_exported_subtopics_bring_their_domain() -> None:
    cid = "user0_task1_conversation1"
    labels = run("none", exports((cid, "topic", "Food & Dining"), (cid, "topic", "sports"))).labels
    assert labels.filter(pl.col("item_id") == cid)["value"].to_list() == [
        "arts_entertainment", "culture_lifestyle", "food_dining", "sports",
    ]  # fmt: skip


def test_shards_and_order_change_nothing() -> None:
    tables = make_tables(4)
    whole = run(tables=tables)
    shuffled = {name: t.sample(fraction=1, shuffle=True, seed=3) for name, t in tables.items()}
    assert_frame_equal(run(tables=shuffled).labels, whole.labels)
    halves = [
        run(tables={n: t.filter(pl.col("conversation_id").str.contains(p)) for n, t in tables.items()}).labels
        for p in ("user[01]_", "user[23]_")
    ]
    assert_frame_equal(pl.concat(halves).sort(LABELS.primary_key), whole.labels)


def test_no_rows_are_no_labels() -> None:
    result = run(tables={n: t.head(0) for n, t in make_tables().items()})
    assert result.labels.is_empty()
    assert all(c["items"] == 0 for c in result.counts.values())


@pytest.mark.parametrize("model", ["local"])
def test_vectors_are_computed_once_ever(tmp_path, model, monkeypatch) -> None:
    from tasks.storage import local
    from tasks.tag.embedding import DIMENSIONS, MiniLM

    calls: list[int] = []

    def embed(self, texts):
        # which vectors is of no matter here, and those of the model take seconds
        calls.append(len(texts))
        drawn = np.array([np.random.default_rng(crc32(t.encode())).normal(size=DIMENSIONS) for t in texts])
        return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)

    monkeypatch.setattr(MiniLM, "embed", embed)
    store = local.LocalStore(tmp_path)

    def once():
        return tag_release(
            **make_tables(), export_labels=exports(), taxonomies=TAXONOMIES,
            settings=TagSettings(model=model), memo=store, now=NOW,
        )  # fmt: skip

    first = once()
    assert sum(calls) > 0
    calls.clear()
    assert_frame_equal(once().labels, first.labels)
    assert sum(calls) == 0
