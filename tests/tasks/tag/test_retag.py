from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from tests_now import NOW

from schemas.config import TagSettings
from schemas.errors import TaxonomyError
from schemas.fields import LABELS
from schemas.taxonomies import Taxonomy, load_taxonomies
from tasks.storage.local import LocalStore
from tasks.tag import lexical, stage
from tasks.tag.lexical import HashedWords
from tasks.tag.retag_run import apply_retag, plan_retag
from tasks.tag.retagger import open_retagger
from tasks.tag.stage import tag_release
from tests.tag_provider import MODEL, read_allowed, read_items

SHIPPED = load_taxonomies()
N = 24
VALUES = (
    "explicit_affirmation",
    "content_relevance",
    "presentation_style",
    "scope_fit",
    "partial_satisfaction",
)


@pytest.fixture(autouse=True)
def light_head(monkeypatch):
    monkeypatch.setattr(stage, "load_embedder", lambda _: HashedWords())
    monkeypatch.setattr(lexical, "DIMENSIONS", 16)


def tables() -> dict[str, pl.DataFrame]:
    cid = [f"user{c}_task1_conversation1" for c in range(N)]
    messages = [
        {
            "message_id": f"{c}_message{p}",
            "conversation_id": c,
            "position": p,
            "role": "assistant" if p else "user",
            "content": f"Text {p} of {c}",
        }
        for c in cid
        for p in (0, 1)
    ]
    thoughts = [
        {
            "thought_id": f"{c}_message1_reaction0",
            "conversation_id": c,
            "message_id": f"{c}_message1",
            "kind": "reaction",
            "content": f"Thought on {c}",
        }
        for c in cid
    ]
    return {
        "conversations": pl.DataFrame({"conversation_id": cid, "n_messages": [2] * N}),
        "messages": pl.DataFrame(messages),
        "thoughts": pl.DataFrame(thoughts),
    }


def row(item_id: str, value: str, facet: str = "reaction", **changes: Any) -> dict[str, Any]:
    return {
        "item_id": item_id, "facet": facet, "value": value, "runner_up": None, "source": "model", "via": "direct",
        "labeller": MODEL, "model_snapshot": "m1", "taxonomy_version": "v1", "prompt_sha256": "p" * 64,
        "confidence": 0.9, "labelled_at": NOW, **changes,
    }  # fmt: skip


def labels(**changes: Any) -> pl.DataFrame:
    """Reactions in turn of the five values; the runner-up of every one is the value before."""
    rows = [
        row(
            f"user{c}_task1_conversation1_message1_reaction0",
            VALUES[c % 5],
            runner_up=VALUES[(c - 1) % 5],
            **changes,
        )
        for c in range(N)
    ]
    return pl.DataFrame(rows, schema=LABELS.polars_schema()).sort(LABELS.primary_key)


def count(value: str) -> int:
    return sum(VALUES[c % 5] == value for c in range(N))


def evolve(facet: str, nodes: list[dict], changes: list[dict]) -> Taxonomy:
    old = SHIPPED[facet]
    ids = {n["id"] for n in nodes}
    touched = []
    for node in nodes:
        kept = tuple(b for b in node.get("boundaries", ()) if b["against"] in ids)
        if len(kept) != len(node.get("boundaries", ())):
            touched.append(node["id"])
        node["boundaries"] = kept
    assert not touched or any(c["kind"] == "redefine" for c in changes), touched
    return Taxonomy.model_validate(
        {
            **old.model_dump(exclude={"nodes", "changes"}),
            "version": "v2",
            "based_on": "v1",
            "nodes": nodes,
            "changes": changes,
        }
    )


@pytest.fixture
def plain(monkeypatch):
    """Reactions and topics without boundary rules, so that each change can be tested alone."""
    bare = {
        facet: SHIPPED[facet].model_copy(
            update={"nodes": tuple(n.model_copy(update={"boundaries": ()}) for n in SHIPPED[facet].nodes)}
        )
        for facet in ("reaction", "topic")
    }
    monkeypatch.setitem(globals(), "SHIPPED", {**SHIPPED, **bare})


def nodes(facet: str = "reaction", drop: tuple[str, ...] = ()) -> list[dict]:
    return [n.model_dump() for n in SHIPPED[facet].nodes if n.id not in drop]


def new_node(node_id: str, parent: str | None = None) -> dict:
    return {"id": node_id, "name": node_id.title(), "definition": f"Means {node_id}.", "parent": parent}


def retag(new: Taxonomy, frame: pl.DataFrame, model: str = MODEL, store=None):
    retagger = open_retagger(TagSettings(model=model, budget_usd=1), store, NOW)
    plan = plan_retag(**tables(), labels=frame, old=SHIPPED, new=[new], retagger=retagger)
    result, flows = apply_retag(plan, **tables(), labels=frame, retagger=retagger)
    return plan, result, flows


def rename():
    listed = nodes()
    listed[0]["name"] = "Praise"
    return evolve("reaction", listed, [{"kind": "rename", "to": ["explicit_affirmation"]}]), 0


def merge():
    listed = [*nodes(drop=("presentation_style", "scope_fit")), new_node("form")]
    change = {"kind": "merge", "from": ["presentation_style", "scope_fit"], "to": ["form"]}
    return evolve("reaction", listed, [change]), 0


def split():
    listed = [*nodes(drop=("content_relevance",)), new_node("missing"), new_node("wrong")]
    change = {"kind": "split", "from": ["content_relevance"], "to": ["missing", "wrong"]}
    return evolve("reaction", listed, [change]), count("content_relevance")


def remove():
    # every item has a runner-up, so nothing is asked
    return evolve("reaction", nodes(drop=("scope_fit",)), [{"kind": "remove", "from": ["scope_fit"]}]), 0


def redefine():
    listed = nodes()
    listed[3]["definition"] = "Dissatisfied with how much there is."
    changed = evolve("reaction", listed, [{"kind": "redefine", "to": ["scope_fit"]}])
    # the items with the label, and those with it as runner-up
    return changed, count("scope_fit") + count("partial_satisfaction")


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize("change", [rename, merge, split, remove, redefine])
def test_the_plan_counts_the_calls_that_are_made(provider, change) -> None:
    new, expected = change()
    plan, result, flows = retag(new, labels())
    assert plan.estimate.calls == expected == provider.n_calls
    assert result.labels["item_id"].n_unique() == N
    assert set(result.labels["value"]) <= set(new.ids)
    assert result.labels["taxonomy_version"].unique().to_list() == ["v2"]
    assert flows["n_rows"].sum() == N
    asked = result.labels.filter(pl.col("model_snapshot") != "m1")
    assert asked.height == expected
    assert asked["via"].unique().to_list() == (["direct"] if expected else [])


@pytest.mark.usefixtures("plain")
def test_a_split_offers_only_its_parts(provider) -> None:
    new, _ = split()
    _, result, flows = retag(new, labels())
    assert {tuple(read_allowed(b)) for b in provider.bodies} == {("missing", "wrong")}
    moved = flows.filter(pl.col("from_value") == "content_relevance")
    assert set(moved["to_value"]) <= {"missing", "wrong"}
    assert moved["n_rows"].sum() == count("content_relevance")
    untouched = result.labels.filter(~pl.col("value").is_in(["missing", "wrong"]))
    assert untouched["via"].unique().to_list() == ["carried"]
    assert untouched["runner_up"].null_count() > 0


@pytest.mark.usefixtures("plain")
def test_merge_and_remove_map_without_a_call(provider) -> None:
    _, merged, _ = retag(merge()[0], labels())
    assert merged.labels.filter(pl.col("via") == "mapped")["value"].unique().to_list() == ["form"]
    _, removed, flows = retag(remove()[0], labels())
    gone = flows.filter(pl.col("from_value") == "scope_fit")
    assert gone["to_value"].to_list() == ["presentation_style"]
    assert removed.labels.filter(pl.col("via") == "mapped").height == count("scope_fit")
    assert provider.n_calls == 0


@pytest.mark.usefixtures("plain")
def test_a_removed_node_without_a_runner_up_is_asked(provider) -> None:
    plan, result, _ = retag(remove()[0], labels().with_columns(runner_up=pl.lit(None, pl.String)))
    assert plan.estimate.calls == provider.n_calls == count("scope_fit")
    assert "scope_fit" not in set(result.labels["value"])


@pytest.mark.usefixtures("plain")
def test_an_added_node_is_offered_to_unsure_near_and_audited_items(provider) -> None:
    listed = [*nodes(), new_node("speed")]
    new = evolve("reaction", listed, [{"kind": "add", "to": ["speed"]}])
    unsure = "user3_task1_conversation1_message1_reaction0"
    frame = labels().with_columns(
        confidence=pl.when(pl.col("item_id") == unsure).then(0.1).otherwise(pl.col("confidence"))
    )
    plan, result, _ = retag(new, frame)
    assert plan.estimate.calls == provider.n_calls == plan.changes[0].n_questions
    assert 1 <= provider.n_calls < N
    assert all("speed" in read_allowed(b) and len(read_allowed(b)) == 2 for b in provider.bodies)
    assert any(unsure.split("_")[0] in read_items(b)[0]["text"] for b in provider.bodies)
    assert result.labels.height == N


@pytest.mark.usefixtures("plain")
def test_labels_of_people_are_queued_and_never_overwritten(provider) -> None:
    item = "user3_task1_conversation1_message1_reaction0"
    human = labels().with_columns(
        source=pl.when(pl.col("item_id") == item).then(pl.lit("human")).otherwise("source")
    )
    new, expected = redefine()
    _, result, _ = retag(new, human)
    kept = result.labels.filter(pl.col("item_id") == item).row(0, named=True)
    assert (kept["value"], kept["source"]) == ("scope_fit", "human")
    assert provider.n_calls == expected - 1
    assert result.review.select("item_id", "why").rows() == [(item, "taxonomy_change")]
    # its node is gone: nobody but a person may say what the item is now
    gone, _ = remove()
    _, result, _ = retag(gone, human)
    assert item not in set(result.labels["item_id"])
    assert result.dead_letters.select("item_id", "error").rows() == [(item, "human_review")]


@pytest.mark.usefixtures("plain")
def test_export_labels_are_re_tagged_like_any_other(provider) -> None:
    exported = labels(
        source="export",
        labeller="export",
        model_snapshot=None,
        prompt_sha256=None,
        confidence=None,
        labelled_at=None,
    )
    new, expected = split()
    _, result, _ = retag(new, exported)
    assert provider.n_calls == expected
    assert result.labels.filter(pl.col("source") == "model").height == expected
    assert result.labels.filter(pl.col("source") == "export").height == N - expected


@pytest.mark.usefixtures("plain")
def test_a_release_after_the_retag_asks_nothing_again(provider, tmp_path) -> None:
    store = LocalStore(tmp_path)
    settings = TagSettings(model=MODEL, budget_usd=1)
    empty = pl.DataFrame(schema={"item_id": pl.String, "facet": pl.String, "value": pl.String})

    def release(taxonomies):
        return tag_release(
            **tables(), export_labels=empty, taxonomies=taxonomies, settings=settings, memo=store, now=NOW
        )

    first = release(SHIPPED)
    new, _ = split()
    provider.reset()
    _, after, _ = retag(new, first.labels, store=store)
    provider.reset()
    again = release({**SHIPPED, "reaction": new})
    assert provider.n_calls == 0
    pick = pl.col("facet") == "reaction"
    assert_frame_equal(
        again.labels.filter(pick).select("item_id", "value"),
        after.labels.filter(pick).select("item_id", "value"),
    )


@pytest.mark.usefixtures("plain")
def test_failures_keep_the_old_label_where_it_still_exists(provider) -> None:
    provider.answer = lambda body: "no idea"
    new, expected = redefine()
    _, result, _ = retag(new, labels())
    assert result.labels["value"].sort().to_list() == labels()["value"].sort().to_list()
    new, expected = split()
    _, result, _ = retag(new, labels())
    assert result.dead_letters.select("outcome", "error").unique().rows() == [("failed", "bad_json")]
    assert result.dead_letters.height == expected
    assert result.labels.height == N - expected


@pytest.mark.usefixtures("plain")
def test_the_local_head_carries_out_a_retag_without_calls(provider) -> None:
    plan, result, _ = retag(split()[0], labels(), model="local")
    assert plan.estimate.calls == provider.n_calls == 0
    assert set(result.labels["value"]) & {"missing", "wrong"}
    assert result.labels.height == N


@pytest.mark.usefixtures("plain")
def test_a_fallback_to_the_local_model_knows_the_new_taxonomy(provider) -> None:
    provider.fault = lambda n, body: (404, {"error": {"message": "model not found"}}, {})
    _, result, _ = retag(split()[0], labels(), model=f"{MODEL}, local/lexical")
    asked = result.labels.filter(pl.col("labeller") == "local/lexical")
    assert asked.height == count("content_relevance")
    assert set(asked["value"]) <= {"missing", "wrong"}
    assert result.dead_letters.is_empty()


def topic_labels() -> pl.DataFrame:
    rows = []
    for c in range(N):
        domain, subtopic = (
            ("culture_lifestyle", "food_dining"),
            ("technology", "technology_software_computing"),
        )[c % 2]
        rows += [row(f"user{c}_task1_conversation1", v, "topic") for v in (domain, subtopic)]
    return pl.DataFrame(rows, schema=LABELS.polars_schema()).sort(LABELS.primary_key)


def test_a_subtopic_that_moves_takes_its_domain_along(provider) -> None:
    listed = nodes("topic")
    next(n for n in listed if n["id"] == "food_dining")["parent"] = "health_relationships"
    new = evolve("topic", listed, [{"kind": "move", "to": ["food_dining"]}])
    plan, result, _ = retag(new, topic_labels())
    assert plan.estimate.calls == provider.n_calls == 0
    first = result.labels.filter(pl.col("item_id") == "user0_task1_conversation1")
    assert first.select("value", "via").rows() == [
        ("food_dining", "carried"),
        ("health_relationships", "mapped"),
    ]


def test_a_split_subtopic_asks_its_conversations_only(provider) -> None:
    parent = "culture_lifestyle"
    listed = [
        *nodes("topic", drop=("food_dining",)),
        new_node("cooking", parent),
        new_node("restaurants", parent),
    ]
    changes = [
        {"kind": "split", "from": ["food_dining"], "to": ["cooking", "restaurants"]},
        {"kind": "redefine", "to": ["lifestyle"]},
    ]
    new = evolve("topic", listed, changes)
    plan, result, _ = retag(new, topic_labels())
    assert plan.estimate.calls == provider.n_calls == N // 2
    first = set(result.labels.filter(pl.col("item_id") == "user0_task1_conversation1")["value"])
    assert parent in first
    assert len(first & {"cooking", "restaurants"}) == 1


CULTURE, FOOD = "culture_lifestyle", "food_dining"
TECH, SOFTWARE = "technology", "technology_software_computing"


def topic_change(
    *changes: dict, drop: tuple[str, ...] = (), add: tuple[dict, ...] = (), **edits: dict
) -> Taxonomy:
    listed = [*nodes("topic", drop=drop), *add]
    for node in listed:
        node.update(edits.get(node["id"], {}))
    return evolve("topic", listed, list(changes))


def split_domain(*, moved: bool) -> Taxonomy:
    """The domain of half of the conversations in two; its subtopics say which part, or are gone too."""
    kids = [n.id for n in SHIPPED["topic"].children(CULTURE)]
    parts = new_node("culture_only"), new_node("lifestyle_only")
    change = {"kind": "split", "from": [CULTURE], "to": ["culture_only", "lifestyle_only"]}
    if moved:
        edits = {k: {"parent": "lifestyle_only"} for k in kids}
        return topic_change(
            change, *({"kind": "move", "to": [k]} for k in kids), drop=(CULTURE,), add=parts, **edits
        )
    removed = ({"kind": "remove", "from": [k]} for k in kids)
    return topic_change(change, *removed, drop=(CULTURE, *kids), add=parts)


def remove_domain() -> Taxonomy:
    kids = [n.id for n in SHIPPED["topic"].children(TECH)]
    removed = ({"kind": "remove", "from": [k]} for k in (TECH, *kids))
    return topic_change(*removed, drop=(TECH, *kids))


TOPIC_CHANGES = {
    "rename a domain": (
        lambda: topic_change({"kind": "rename", "to": [TECH]}, technology={"name": "Tech"}),
        0,
    ),
    "move a subtopic": (
        lambda: topic_change({"kind": "move", "to": [FOOD]}, food_dining={"parent": "health_relationships"}),
        0,
    ),
    "merge subtopics": (
        lambda: topic_change(
            {"kind": "merge", "from": [FOOD, "culture"], "to": ["culture_and_food"]},
            drop=(FOOD, "culture"),
            add=(new_node("culture_and_food", CULTURE),),
        ),
        0,
    ),
    "split a subtopic": (
        lambda: topic_change(
            {"kind": "split", "from": [FOOD], "to": ["cooking", "restaurants"]},
            drop=(FOOD,),
            add=(new_node("cooking", CULTURE), new_node("restaurants", CULTURE)),
        ),
        N // 2,
    ),
    "split a domain whose subtopics stay": (lambda: split_domain(moved=True), 0),
    "split a domain without subtopics": (lambda: split_domain(moved=False), N // 2),
    "remove a subtopic": (lambda: topic_change({"kind": "remove", "from": [FOOD]}, drop=(FOOD,)), N // 2),
    "remove a domain": (remove_domain, N // 2),
    "redefine a subtopic": (
        lambda: topic_change({"kind": "redefine", "to": [FOOD]}, food_dining={"definition": "Eating out."}),
        N // 2,
    ),
    "redefine a domain": (
        lambda: topic_change({"kind": "redefine", "to": [TECH]}, technology={"definition": "Machines."}),
        N // 2,
    ),
    # unsure, near and audited conversations: the plan says how many, at least the unsure one
    "add a subtopic": (
        lambda: topic_change({"kind": "add", "to": ["robots"]}, add=(new_node("robots", TECH),)),
        None,
    ),
    "add a domain": (
        lambda: topic_change({"kind": "add", "to": ["robots"]}, add=(new_node("robots"),)),
        None,
    ),
}


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize("kind", TOPIC_CHANGES)
def test_every_change_of_topics_calls_as_often_as_planned_and_the_next_release_never(
    provider, tmp_path, kind
) -> None:
    make, expected = TOPIC_CHANGES[kind]
    new, store = make(), LocalStore(tmp_path)
    unsure = "user1_task1_conversation1"
    frame = topic_labels().with_columns(
        confidence=pl.when(pl.col("item_id") == unsure).then(0.1).otherwise(pl.col("confidence"))
    )
    before = sorted(p for p in tmp_path.rglob("*") if p.is_file())
    retagger = open_retagger(TagSettings(model=MODEL, budget_usd=1), store, NOW)
    plan = plan_retag(**tables(), labels=frame, old=SHIPPED, new=[new], retagger=retagger)
    # planning asks nobody and writes nothing
    assert provider.n_calls == 0
    assert sorted(p for p in tmp_path.rglob("*") if p.is_file()) == before
    result, flows = apply_retag(plan, **tables(), labels=frame, retagger=retagger)
    assert plan.estimate.calls == provider.n_calls == sum(c.n_calls for c in plan.changes)
    if expected is None:
        assert 1 <= provider.n_calls <= N
        assert plan.estimate.usd > 0
    else:
        assert provider.n_calls == expected
    # every conversation keeps a label, every subtopic stands under its domain, no node is unknown
    assert result.labels["item_id"].n_unique() == N
    held = {(i, v) for i, v in result.labels.select("item_id", "value").iter_rows()}
    assert {v for _, v in held} <= set(new.ids)
    assert all((i, new.parent_of(v)) in held for i, v in held if new.parent_of(v))
    assert flows.filter(pl.col("from_value") != "")["n_rows"].sum() == frame.height
    assert flows.filter(pl.col("to_value") != "")["n_rows"].sum() == result.labels.height
    # the release that follows finds every answer in the memo
    provider.reset()
    empty = pl.DataFrame(schema={"item_id": pl.String, "facet": pl.String, "value": pl.String})
    again = tag_release(
        **{**tables(), "messages": tables()["messages"], "thoughts": tables()["thoughts"].head(0)},
        export_labels=empty,
        taxonomies={**SHIPPED, "topic": new},
        settings=TagSettings(model=MODEL, budget_usd=1),
        memo=store,
        now=NOW,
    )
    assert provider.n_calls == 0
    topics = again.labels.filter(pl.col("facet") == "topic").select("item_id", "value")
    assert set(topics.iter_rows()) == held


@pytest.mark.usefixtures("plain")
def test_what_a_model_would_not_answer_is_not_asked_again_after_a_retag(provider, tmp_path) -> None:
    store = LocalStore(tmp_path)
    empty = pl.DataFrame(schema={"item_id": pl.String, "facet": pl.String, "value": pl.String})
    provider.answer = lambda body: {
        "answers": [
            {"id": i["id"], "label": "abstain", "labels": ["abstain"], "second": None}
            for i in read_items(body)
        ]
    }

    def release(taxonomies):
        return tag_release(
            **tables(), export_labels=empty, taxonomies=taxonomies,
            settings=TagSettings(model=MODEL, budget_usd=1), memo=store, now=NOW,
        )  # fmt: skip

    first = release(SHIPPED)
    assert first.counts["reaction"]["abstained"] == N
    new, _ = split()
    retag(new, first.labels, store=store)
    provider.reset()
    assert release({**SHIPPED, "reaction": new}).counts["reaction"]["abstained"] == N
    assert provider.n_calls == 0


def test_changes_that_explain_too_little_are_refused() -> None:
    new = SHIPPED["reaction"].model_copy(update={"version": "v2", "based_on": "v1", "changes": ()})
    retagger = open_retagger(TagSettings(model="none"), None, NOW)
    listed = nodes()
    listed[0]["definition"] = "Other."
    wrong = evolve("reaction", listed, [{"kind": "rename", "to": ["scope_fit"]}])
    with pytest.raises(TaxonomyError, match="does not follow"):
        plan_retag(**tables(), labels=labels(), old=SHIPPED, new=[wrong], retagger=retagger)
    assert new.version == "v2"
