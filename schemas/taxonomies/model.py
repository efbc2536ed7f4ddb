"""One taxonomy: a closed set of nodes that answers one question about one kind of item."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Facet = Literal["topic", "relationship", "reason", "reaction"]
Unit = Literal["conversation", "message", "thought"]
ChangeKind = Literal["rename", "move", "merge", "split", "add", "remove", "redefine"]

_SLUG = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*\Z")
_VERSION = re.compile(r"v[1-9][0-9]*\Z")


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Boundary(_Frozen):
    """How to tell a node from one it is confused with."""

    against: str = Field(description="Id of the other node.")
    rule: str = Field(min_length=1, description="The rule, in one sentence or two.")


class Node(_Frozen):
    """One label: a stable id, a name that may change freely, and what decides its meaning.

    `definition`, `boundaries` and `examples` are the meaning: they go into prompts, and a difference in
    them is a redefinition. `name` and `prior` are not.
    """

    id: str = Field(description="Stable id, lower case with underscores; what labels hold.")
    name: str = Field(min_length=1, description="Display name.")
    parent: str | None = Field(default=None, description="Id of the parent node; null at the top level.")
    by_position: bool = Field(default=False, description="Decided by position, never asked of a model.")
    prior: float | None = Field(
        default=None, gt=0, le=1, description="Expected share, where known; the local tagger starts from it."
    )
    definition: str = Field(min_length=1, description="What the label means.")
    boundaries: tuple[Boundary, ...] = Field(default=(), description="Rules against neighbouring nodes.")
    examples: tuple[str, ...] = Field(default=(), description="Written for the taxonomy, never from data.")

    @property
    def meaning_sha256(self) -> str:
        """Digest of what decides the meaning; equal digests mean that labels can be kept."""
        meaning = {
            "definition": self.definition,
            "boundaries": sorted((b.against, b.rule) for b in self.boundaries),
            "examples": list(self.examples),
            "by_position": self.by_position,
        }
        return hashlib.sha256(json.dumps(meaning, sort_keys=True).encode()).hexdigest()


class Change(_Frozen):
    """One step from the version before.

    - `rename`: `to` has another display name.
    - `move`: `to` has another parent.
    - `merge`: the nodes `from` become `to[0]`, which is new or one that stays.
    - `split`: `from[0]` becomes the nodes `to`; one of them may be `from[0]` itself.
    - `add`: `to` is new. `remove`: `from` is gone. `redefine`: the meaning of `to` differs.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, str_strip_whitespace=True, populate_by_name=True, serialize_by_alias=True
    )

    kind: ChangeKind
    from_: tuple[str, ...] = Field(default=(), alias="from", description="Node ids of the version before.")
    to: tuple[str, ...] = Field(default=(), description="Node ids of this version.")
    why: str = Field(default="", description="The reason, for the release notes.")

    @model_validator(mode="after")
    def _check_arity(self) -> Change:
        n_from, n_to = len(self.from_), len(self.to)
        fits = {
            "rename": n_from == 0 and n_to == 1,
            "move": n_from == 0 and n_to == 1,
            "redefine": n_from == 0 and n_to == 1,
            "add": n_from == 0 and n_to == 1,
            "remove": n_from == 1 and n_to == 0,
            "merge": n_from >= 1 and n_to == 1,
            "split": n_from == 1 and n_to >= 2,
        }[self.kind]
        if not fits:
            raise ValueError(f"a {self.kind} cannot lead from {n_from} to {n_to} nodes")
        return self


class Taxonomy(_Frozen):
    """All nodes of one facet in one version."""

    facet: Facet
    version: str = Field(description="`v1`, `v2`, …")
    based_on: str | None = Field(
        default=None, description="Version that `changes` start from; null in the first."
    )
    unit: Unit = Field(description="What is labelled.")
    multi_label: bool = Field(description="Whether an item may have several labels.")
    question: str = Field(min_length=1, description="The question that a label answers.")
    description: str = Field(min_length=1, description="One sentence for the data dictionary.")
    nodes: tuple[Node, ...] = Field(min_length=1)
    changes: tuple[Change, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> Taxonomy:
        faults = list(self._faults())
        if faults:
            raise ValueError("; ".join(faults))
        return self

    def _faults(self) -> Iterable[str]:
        if not _VERSION.match(self.version):
            yield f"version {self.version!r} is not v1, v2, …"
        seen: dict[str, Node] = {}
        for node in self.nodes:
            if not _SLUG.match(node.id):
                yield f"node id {node.id!r} is not lower case with underscores"
            if node.id in seen:
                yield f"node id {node.id!r} occurs twice"
            seen[node.id] = node
        names = [normalise_name(n.name) for n in self.nodes]
        for name in sorted({n for n in names if names.count(n) > 1}):
            yield f"two nodes are named {name!r}"
        for node in self.nodes:
            if node.parent is not None:
                parent = seen.get(node.parent)
                if parent is None:
                    yield f"parent {node.parent!r} of {node.id!r} is not a node"
                elif parent.parent is not None:
                    yield f"{node.id!r} stands on a third level; two are supported"
            for boundary in node.boundaries:
                if boundary.against not in seen:
                    yield f"{node.id!r} has a boundary against {boundary.against!r}, which is not a node"
                if boundary.against == node.id:
                    yield f"{node.id!r} has a boundary against itself"
        if self.changes and self.based_on is None:
            yield "changes are listed, but based_on is empty"
        if self.based_on is not None and not self.changes:
            yield f"based on {self.based_on}, but no changes are listed"

    def __contains__(self, node_id: object) -> bool:
        """Whether `node_id` is a node."""
        return any(n.id == node_id for n in self.nodes)

    def node(self, node_id: str) -> Node:
        """Return a node by id; raises `KeyError` when there is none."""
        for node in self.nodes:
            if node.id == node_id:
                return node
        raise KeyError(f"{self.facet} {self.version} has no node {node_id!r}")

    @property
    def ids(self) -> tuple[str, ...]:
        """All node ids in order."""
        return tuple(n.id for n in self.nodes)

    @property
    def roots(self) -> tuple[Node, ...]:
        """Nodes without a parent."""
        return tuple(n for n in self.nodes if n.parent is None)

    def children(self, node_id: str | None) -> tuple[Node, ...]:
        """Nodes whose parent is `node_id`."""
        return tuple(n for n in self.nodes if n.parent == node_id)

    @property
    def leaves(self) -> tuple[Node, ...]:
        """Nodes without children: what an item is labelled with most precisely."""
        parents = {n.parent for n in self.nodes}
        return tuple(n for n in self.nodes if n.id not in parents)

    @property
    def choices(self) -> tuple[Node, ...]:
        """Leaves that a model may choose; leaves out what position decides."""
        return tuple(n for n in self.leaves if not n.by_position)

    def parent_of(self, node_id: str) -> str | None:
        """Id of the parent, or None at the top level."""
        return self.node(node_id).parent

    def resolve(self, text: str) -> str | None:
        """Return the node id for an id or display name in any case and spacing, else None."""
        wanted = normalise_name(text)
        for node in self.nodes:
            if wanted in (normalise_name(node.id), normalise_name(node.name)):
                return node.id
        return None


def normalise_name(text: str) -> str:
    """Lower case, with every run of other characters than letters and digits as one underscore."""
    return re.sub(r"[\W_]+", "_", text.strip().lower()).strip("_")
