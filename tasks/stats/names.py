"""What the statistics need to know of a taxonomy: node ids in order, display names, parents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class LabelName:
    """One node of a taxonomy.

    Attributes:
        value: node id, as in the `labels` table.
        name: display name.
        parent: node id of the parent, None at the top.
    """

    value: str
    name: str
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class FacetNames:
    """The nodes of one facet in the order of the taxonomy."""

    facet: str
    nodes: tuple[LabelName, ...] = ()
    _by_value: Mapping[str, LabelName] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_value", {n.value: n for n in self.nodes})

    def name(self, value: str) -> str:
        """Display name of a node; the id itself where the taxonomy does not know it."""
        node = self._by_value.get(value)
        return node.name if node else value

    def parent(self, value: str) -> str | None:
        """Parent of a node, None for a top node or an unknown one."""
        node = self._by_value.get(value)
        return node.parent if node else None

    def with_unknown(self, values: Iterable[str]) -> FacetNames:
        """The same names, with values that the taxonomy does not know added at the end, sorted."""
        extra = sorted({v for v in values if v not in self._by_value})
        return FacetNames(self.facet, (*self.nodes, *(LabelName(v, v) for v in extra)))

    @property
    def top(self) -> tuple[LabelName, ...]:
        """Nodes without a parent."""
        return tuple(n for n in self.nodes if n.parent is None)

    @property
    def below(self) -> tuple[LabelName, ...]:
        """Nodes with a parent."""
        return tuple(n for n in self.nodes if n.parent is not None)


class TaxonomyNode(Protocol):
    """The part of a taxonomy node that is read here."""

    @property
    def id(self) -> str: ...  # noqa: D102
    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def parent(self) -> str | None: ...  # noqa: D102


class TaxonomyLike(Protocol):
    """The part of a taxonomy that is read here."""

    @property
    def nodes(self) -> Sequence[TaxonomyNode]: ...  # noqa: D102


def name_facets(taxonomies: Mapping[str, TaxonomyLike], facets: Iterable[str]) -> dict[str, FacetNames]:
    """Take ids, names and parents from taxonomies; a facet without a taxonomy gets no nodes."""
    return {
        facet: FacetNames(
            facet,
            tuple(LabelName(n.id, n.name, n.parent) for n in taxonomies[facet].nodes)
            if facet in taxonomies
            else (),
        )
        for facet in facets
    }
