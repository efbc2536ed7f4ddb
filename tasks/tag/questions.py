"""Questions to a model: an item and a decision set; and how they are gathered into calls."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from schemas.taxonomies import Node, Taxonomy
from tasks.tag.canonical import CANONICAL_VERSION
from tasks.tag.items import Item
from tasks.tag.prompting import (
    SCHEMA_VERSION,
    Prompt,
    answer_schema,
    load_prompt,
    render_items,
    render_static,
)

KEY_VERSION = 2
MAX_ITEMS = 12
"""Items in one call at most: longer lists cost accuracy and lose ids."""
MAX_CHARACTERS = 24_000
"""Characters of items in one call at most."""
PARAMETERS: Mapping[str, float | int] = {"temperature": 0, "seed": 7}
_TOKENS_AN_ANSWER = 60


@dataclass(frozen=True, slots=True)
class DecisionSet:
    """The labels offered in a call, with the prompt that offers them.

    Attributes:
        facet: which facet.
        name: facet, or facet and parent node where a level below is asked.
        choices: nodes offered.
        multi: whether several may be chosen.
        prompt: prompt file.
        static: rendered static part.
        schema: JSON schema of an answer.
        digest: digest of ids, meanings, prompt, schema and parameters; display names are not in it.
    """

    facet: str
    name: str
    choices: tuple[Node, ...]
    multi: bool
    prompt: Prompt
    static: str
    digest: str
    schema: Mapping[str, Any] = field(compare=False, repr=False)

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the nodes offered."""
        return tuple(n.id for n in self.choices)


@dataclass(frozen=True, slots=True)
class Question:
    """One item to be judged against one decision set."""

    item: Item
    decisions: DecisionSet

    def key(self, model: str) -> str:
        """Return the memo key: everything that decides the answer, as a digest."""
        # a digest of a fixed length, then texts that hold no NUL: no two questions read alike
        digest = _begin_key(self.decisions.digest, model).copy()
        digest.update(f"{self.item.text}\0{self.item.context}".encode())
        return digest.hexdigest()


@lru_cache(maxsize=256)
def _begin_key(decisions_digest: str, model: str) -> hashlib.blake2b:
    start = f"{KEY_VERSION}\0{CANONICAL_VERSION}\0{decisions_digest}\0{model}\0"
    return hashlib.blake2b(start.encode(), digest_size=16)


@dataclass(frozen=True, slots=True)
class Call:
    """Questions of one conversation and one decision set that go out together."""

    questions: tuple[Question, ...]

    @property
    def decisions(self) -> DecisionSet:
        """The decision set that all questions share."""
        return self.questions[0].decisions

    @property
    def max_output_tokens(self) -> int:
        """Room for the answers, with some to spare."""
        return 100 + 2 * _TOKENS_AN_ANSWER * len(self.questions)

    @property
    def expected_output_tokens(self) -> int:
        """Length of a plain answer."""
        return 10 + (_TOKENS_AN_ANSWER // 2) * len(self.questions)

    def body(self, error: str = "") -> str:
        """Return the part of the prompt with the items."""
        return render_items(self.decisions.prompt, [q.item for q in self.questions], error)


def build_decisions(taxonomy: Taxonomy, parent: str | None = None) -> DecisionSet:
    """Return the decision set of a facet, or of one parent's children in a facet with two levels.

    A facet with two levels is asked level by level, so that a change in one branch touches that branch.
    """
    two_levels = any(n.parent for n in taxonomy.nodes)
    nodes = taxonomy.children(parent) if two_levels else taxonomy.choices
    name = taxonomy.facet if parent is None else f"{taxonomy.facet}/{parent}"
    choices = tuple(n for n in nodes if not n.by_position)
    return make_decisions(taxonomy, name, choices, load_prompt(taxonomy.facet), multi=taxonomy.multi_label)


def build_reduced_decisions(taxonomy: Taxonomy, ids: Sequence[str], name: str) -> DecisionSet:
    """Return a decision set of only some nodes, asked after a taxonomy change."""
    choices = tuple(taxonomy.node(i) for i in sorted(ids))
    return make_decisions(taxonomy, name, choices, load_prompt("choose"), multi=False)


def build_flat_decisions(taxonomy: Taxonomy) -> DecisionSet:
    """Return all leaves of a facet with two levels as one decision set, asked when a domain changed.

    One answer settles domain and subtopic, so the number of calls is known before any answer is. A leaf's
    definition carries its domain's, because it is the domain that changed.
    """
    choices = tuple(
        node.model_copy(
            update={"definition": f"{node.definition} Part of: {taxonomy.node(node.parent).definition}"}
        )
        if node.parent
        else node
        for node in taxonomy.choices
    )
    name = f"{taxonomy.facet}/flat"
    return make_decisions(taxonomy, name, choices, load_prompt(taxonomy.facet), multi=taxonomy.multi_label)


def make_decisions(
    taxonomy: Taxonomy, name: str, choices: tuple[Node, ...], prompt: Prompt, *, multi: bool
) -> DecisionSet:
    """Return a decision set with its rendered prompt and its digest."""
    schema = answer_schema(choices, multi=multi)
    parts = {
        "nodes": sorted((n.id, _meaning_within(n, choices)) for n in choices),
        "prompt": prompt.sha256,
        "schema": [SCHEMA_VERSION, schema],
        "parameters": dict(PARAMETERS),
    }
    return DecisionSet(
        facet=taxonomy.facet,
        name=name,
        choices=choices,
        multi=multi,
        prompt=prompt,
        static=render_static(prompt, taxonomy.question, choices, multi=multi),
        digest=hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest(),
        schema=schema,
    )


def _meaning_within(node: Node, choices: Sequence[Node]) -> list[object]:
    # a boundary against a node that is not offered is not in the prompt, so it is not in the key either
    offered = {n.id for n in choices}
    rules = [[b.against, b.rule] for b in node.boundaries if b.against in offered]
    return [node.definition, list(node.examples), rules]


def gather_calls(questions: Iterable[Question]) -> list[Call]:
    """Gather questions into calls: one conversation and decision set each, items capped.

    Items keep their order within the conversation; the order of the calls is that of their first item.
    """
    groups: dict[tuple[str, str], list[Question]] = {}
    for question in questions:
        groups.setdefault((question.item.group, question.decisions.digest), []).append(question)
    calls: list[Call] = []
    for group in groups.values():
        batch: list[Question] = []
        size = 0
        for question in group:
            length = len(question.item.text) + len(question.item.context)
            if batch and (len(batch) == MAX_ITEMS or size + length > MAX_CHARACTERS):
                calls.append(Call(tuple(batch)))
                batch, size = [], 0
            batch.append(question)
            size += length
        calls.append(Call(tuple(batch)))
    return calls
