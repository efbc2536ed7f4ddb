"""Labels that come with an export: written as node ids, whatever the export's spelling."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from schemas.fields import KINDS
from schemas.taxonomies import Taxonomy, taxonomy_versions

_BETWEEN_WORDS = re.compile(r"[\s\-_/]+")
_NAME = re.compile(r"\w{1,64}")

LabelNames = Mapping[str, Mapping[str, str]]
"""Kind of thought to spelling to node id."""


def known_labels(extra: Iterable[Taxonomy] = ()) -> LabelNames:
    """Return how the nodes of all shipped taxonomies may be spelled: by id or by display name.

    Older versions count too: an export may have been labelled before a taxonomy changed.

    Args:
        extra: taxonomies that do not ship, e.g. given by file.
    """
    names: dict[str, Mapping[str, str]] = {}
    for kind in KINDS:
        taxonomies = [*taxonomy_versions(kind).values(), *(t for t in extra if t.facet == kind)]
        spellings: dict[str, str] = {}
        for taxonomy in taxonomies:
            spellings |= {normalise_label(node.name) or node.id: node.id for node in taxonomy.nodes}
        # an id always means itself, even where another node's display name looks the same
        spellings |= {node.id: node.id for taxonomy in taxonomies for node in taxonomy.nodes}
        names[kind] = MappingProxyType(spellings)
    return MappingProxyType(names)


def normalise_label(label: str) -> str | None:
    """Write a label in lower case with underscores ("Task Motivation" → `task_motivation`).

    A blank label is none. What is no name even so, e.g. a sentence, stays as it is, to be refused.
    """
    name = _BETWEEN_WORDS.sub("_", label.strip().lower().replace("&", "and"))
    if not name:
        return None
    return name if is_label(name) else label


def is_label(label: str) -> bool:
    """Whether this is a name: letters, digits and underscores, at most 64."""
    return _NAME.fullmatch(label) is not None
