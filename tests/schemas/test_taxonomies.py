from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import TaxonomyError
from schemas.fields import FACETS
from schemas.taxonomies import (
    Taxonomy,
    explain_changes,
    load_taxonomies,
    load_taxonomy,
    map_merged,
    read_taxonomy,
    taxonomy_versions,
)

SHIPPED = load_taxonomies()


def evolve(old: Taxonomy, nodes: list[dict], changes: list[dict]) -> Taxonomy:
    return Taxonomy.model_validate(
        {
            **old.model_dump(exclude={"nodes", "changes"}),
            "version": f"v{int(old.version[1:]) + 1}",
            "based_on": old.version,
            "nodes": nodes,
            "changes": changes,
        }
    )


def nodes_of(taxonomy: Taxonomy) -> list[dict]:
    return [n.model_dump() for n in taxonomy.nodes]


def without(nodes: list[dict], *ids: str) -> list[dict]:
    kept = [n for n in nodes if n["id"] not in ids]
    for node in kept:
        node["boundaries"] = [b for b in node["boundaries"] if b["against"] not in ids]
    return kept


def small(**changes: str) -> Taxonomy:
    return Taxonomy.model_validate(
        {
            "facet": "reason",
            "version": "v1",
            "unit": "thought",
            "multi_label": False,
            "question": "Why?",
            "description": "Why.",
            "nodes": [{"id": i, "name": i.upper(), "definition": f"Means {i}."} for i in ("a", "b", "c")],
            **changes,
        }
    )


def test_every_facet_ships_with_the_nodes_of_the_study() -> None:
    assert tuple(SHIPPED) == FACETS
    topic = SHIPPED["topic"]
    assert (len(topic.roots), len(topic.leaves)) == (7, 36)
    assert len(SHIPPED["reason"].choices) == 7
    assert len(SHIPPED["reaction"].choices) == 5
    assert [n.id for n in SHIPPED["relationship"].nodes if n.by_position] == ["first_request"]
    assert "first_request" not in {n.id for n in SHIPPED["relationship"].choices}


@pytest.mark.parametrize("facet", FACETS)
def test_priors_are_shares(facet) -> None:
    priors = [n.prior for n in SHIPPED[facet].roots if n.prior is not None]
    assert sum(priors) == pytest.approx(1, abs=0.02)


@given(st.sampled_from(sorted(FACETS)), st.data())
def test_names_are_recognised_in_any_case_and_spacing(facet, data) -> None:
    node = data.draw(st.sampled_from(SHIPPED[facet].nodes))
    text = data.draw(st.sampled_from([node.id, node.name]))
    dressed = data.draw(st.sampled_from([str.upper, str.lower, str.title]))(text).replace("_", "  ")
    assert SHIPPED[facet].resolve(f" {dressed} ") == node.id
    assert SHIPPED[facet].resolve(f"{dressed} and more") is None


def test_meaning_changes_with_the_definition_and_not_with_the_name() -> None:
    node = SHIPPED["reason"].nodes[0]
    assert node.model_copy(update={"name": "Other", "prior": 0.5}).meaning_sha256 == node.meaning_sha256
    assert node.model_copy(update={"definition": "Other."}).meaning_sha256 != node.meaning_sha256
    assert node.model_copy(update={"examples": ()}).meaning_sha256 != node.meaning_sha256


CHANGED: dict[str, tuple[callable, list[dict]]] = {}


def change(name: str, changes: list[dict]):
    def keep(function):
        CHANGED[name] = (function, changes)
        return function

    return keep


@change("rename", [{"kind": "rename", "to": ["a"]}])
def _rename(nodes):
    nodes[0]["name"] = "Alpha"
    return nodes


@change("redefine", [{"kind": "redefine", "to": ["a"]}])
def _redefine(nodes):
    nodes[0]["definition"] = "Means a and more."
    return nodes


@change("add", [{"kind": "add", "to": ["d"]}])
def _add(nodes):
    return [*nodes, {"id": "d", "name": "D", "definition": "Means d."}]


@change("remove", [{"kind": "remove", "from": ["c"]}])
def _remove(nodes):
    return nodes[:2]


@change("merge", [{"kind": "merge", "from": ["a", "b"], "to": ["ab"]}])
def _merge(nodes):
    return [nodes[2], {"id": "ab", "name": "AB", "definition": "Means a or b."}]


@change("merge into one that stays", [{"kind": "merge", "from": ["b"], "to": ["a"]}])
def _merge_into(nodes):
    nodes[0]["definition"] = "Means a or b."
    return [nodes[0], nodes[2]]


@change("split", [{"kind": "split", "from": ["a"], "to": ["a1", "a2"]}])
def _split(nodes):
    return [*nodes[1:], *({"id": i, "name": i, "definition": f"Means {i}."} for i in ("a1", "a2"))]


@change("move", [{"kind": "move", "to": ["c"]}])
def _move(nodes):
    nodes[2]["parent"] = "a"
    return nodes


@pytest.mark.parametrize("name", CHANGED)
def test_listed_changes_explain_the_difference(name) -> None:
    edit, changes = CHANGED[name]
    old = small()
    explain_changes(old, evolve(old, edit(nodes_of(old)), changes))


@pytest.mark.parametrize("name", CHANGED)
@pytest.mark.parametrize("other", CHANGED)
def test_other_changes_do_not(name, other) -> None:
    edit, changes = CHANGED[name]
    changes = [*changes, *changes] if name == other else CHANGED[other][1]
    old = small()
    with pytest.raises(TaxonomyError, match="does not follow from v1"):
        explain_changes(old, evolve(old, edit(nodes_of(old)), changes))


def test_a_change_that_did_not_happen_is_a_fault() -> None:
    old = small()
    new = evolve(old, nodes_of(old), [{"kind": "rename", "to": ["b"]}])
    with pytest.raises(TaxonomyError, match="'b' has another name, which is not so"):
        explain_changes(old, new)


def test_a_real_merge_maps_its_nodes() -> None:
    old = SHIPPED["reaction"]
    nodes = without(nodes_of(old), "presentation_style", "scope_fit")
    nodes.append({"id": "form", "name": "Form", "definition": "Dissatisfied with form."})
    for node in nodes:
        node.setdefault("boundaries", [])
    new = evolve(old, nodes, [{"kind": "merge", "from": ["presentation_style", "scope_fit"], "to": ["form"]}])
    # boundary rules against the merged nodes went too, and that is a redefinition
    with pytest.raises(TaxonomyError, match="has another meaning, and no change says so"):
        explain_changes(old, new)
    assert map_merged(new) == {"presentation_style": "form", "scope_fit": "form"}


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ({"nodes": []}, "nodes"),
        ({"colour": "red"}, "colour"),
        ({"version": "1"}, "not v1, v2"),
        ({"nodes": [{"id": "A", "name": "A", "definition": "x"}]}, "lower case"),
        (
            {
                "nodes": [
                    {"id": "a", "name": "A", "definition": "x"},
                    {"id": "b", "name": " a ", "definition": "x"},
                ]
            },
            "two nodes are named",
        ),
        ({"nodes": [{"id": "a", "name": "A", "definition": "x", "parent": "z"}]}, "is not a node"),
        ({"changes": [{"kind": "add", "to": ["a"]}]}, "based_on is empty"),
        ({"based_on": "v0"}, "no changes are listed"),
        ({"changes": [{"kind": "split", "from": ["a"], "to": ["b"]}]}, "cannot lead from"),
    ],
)
def test_faulty_documents_are_refused_with_their_place(edit, message) -> None:
    text = yaml.safe_dump({**small().model_dump(mode="json"), **edit})
    with pytest.raises(TaxonomyError, match=message):
        read_taxonomy(text, "reason/v9.yaml")


@pytest.mark.parametrize("text", ["[", "- a", "", "\x00"])
def test_other_files_are_refused(text) -> None:
    with pytest.raises(TaxonomyError, match=r"v9\.yaml"):
        read_taxonomy(text, "v9.yaml")


def test_files_replace_what_ships(tmp_path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(small().model_dump(mode="json")))
    assert load_taxonomies(files=(path,))["reason"] == load_taxonomy(path) == small()
    with pytest.raises(TaxonomyError, match="cannot read"):
        load_taxonomy(tmp_path / "none.yaml")
    with pytest.raises(TaxonomyError, match="does not ship"):
        load_taxonomies({"reason": "v99"})
    with pytest.raises(TaxonomyError, match="unknown facet"):
        taxonomy_versions("mood")
