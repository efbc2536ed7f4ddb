from __future__ import annotations

from pathlib import Path

import pytest

from schemas.taxonomies import load_taxonomies
from tasks.tag.items import make_item
from tasks.tag.prompting import load_prompt
from tasks.tag.questions import Question, build_decisions, build_reduced_decisions, gather_calls

GOLDEN = Path(__file__).with_name("prompts")
TAXONOMIES = load_taxonomies()
SETS = {
    "reason": lambda: build_decisions(TAXONOMIES["reason"]),
    "reaction": lambda: build_decisions(TAXONOMIES["reaction"]),
    "relationship": lambda: build_decisions(TAXONOMIES["relationship"]),
    "topic": lambda: build_decisions(TAXONOMIES["topic"]),
    "topic_technology": lambda: build_decisions(TAXONOMIES["topic"], "technology"),
    "choose": lambda: build_reduced_decisions(
        TAXONOMIES["reaction"], ["scope_fit", "content_relevance"], "x"
    ),
}


def render(name: str) -> str:
    decisions = SETS[name]()
    items = [make_item(str(i), decisions.facet, f"Text {i}.", f"Context {i}.", 2, 6, "c") for i in (1, 2)]
    (call,) = gather_calls(Question(i, decisions) for i in items)
    return f"{decisions.static}\n\n=====\n\n{call.body()}\n"


@pytest.mark.parametrize("name", SETS)
def test_prompts_render_as_recorded(name) -> None:
    # after a wanted change: raise the prompt's version and run this file
    assert render(name) == (GOLDEN / f"{name}.txt").read_text()


@pytest.mark.parametrize("name", SETS)
def test_display_names_are_in_neither_prompt_nor_key(name) -> None:
    decisions = SETS[name]()
    for node in decisions.choices:
        assert f"{node.name}:" not in decisions.static
    renamed = [n.model_copy(update={"name": f"New {n.name}"}) for n in TAXONOMIES["reason"].nodes]
    other = TAXONOMIES["reason"].model_copy(update={"nodes": tuple(reversed(renamed))})
    assert build_decisions(other).digest == build_decisions(TAXONOMIES["reason"]).digest


def test_the_key_follows_all_that_decides_the_answer() -> None:
    decisions = build_decisions(TAXONOMIES["reason"])
    base = Question(make_item("a", "reason", "note", "message", 2), decisions)
    same = Question(make_item("b", "reason", " note\u200b ", "message", 4), decisions)
    assert base.key("m") == same.key("m")
    nodes = [
        n.model_copy(update={"definition": n.definition + " More."}) for n in TAXONOMIES["reason"].nodes[:1]
    ]
    redefined = TAXONOMIES["reason"].model_copy(update={"nodes": (*nodes, *TAXONOMIES["reason"].nodes[1:])})
    others = [
        base.key("other"),
        Question(make_item("a", "reason", "note 2", "message"), decisions).key("m"),
        Question(make_item("a", "reason", "note", "message 2"), decisions).key("m"),
        Question(base.item, build_decisions(redefined)).key("m"),
        Question(base.item, build_decisions(TAXONOMIES["reaction"])).key("m"),
    ]
    assert len({base.key("m"), *others}) == len(others) + 1


def test_calls_are_capped_by_items_and_by_size() -> None:
    decisions = build_decisions(TAXONOMIES["reason"])
    short = [Question(make_item(str(i), "reason", f"n{i}", group="c"), decisions) for i in range(30)]
    assert [len(c.questions) for c in gather_calls(short)] == [12, 12, 6]
    long = [
        Question(make_item(str(i), "reason", "w " * 5000, "v " * 5000, group="c"), decisions)
        for i in range(30)
    ]
    assert max(len(c.body()) for c in gather_calls(long)) < 30_000


def test_every_prompt_says_what_it_is() -> None:
    for name in ("reason", "reaction", "relationship", "topic", "choose"):
        prompt = load_prompt(name)
        assert (prompt.name, prompt.version) == (name, 1)
        assert "{{labels}}" in prompt.template


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for name in SETS:
        (GOLDEN / f"{name}.txt").write_text(render(name))
