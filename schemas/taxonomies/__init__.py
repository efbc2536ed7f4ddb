"""Taxonomies: versioned data, loaded and checked.

A label's value is a node id, unique within its facet. Each version lists the changes that lead to it
from the version before; `explain_changes` proves that they account for the whole difference.
"""

from __future__ import annotations

from schemas.taxonomies.changes import Change, diff_taxonomies, explain_changes, map_merged
from schemas.taxonomies.load import load_taxonomies, load_taxonomy, read_taxonomy, taxonomy_versions
from schemas.taxonomies.model import Boundary, Node, Taxonomy

__all__ = [
    "Boundary",
    "Change",
    "Node",
    "Taxonomy",
    "diff_taxonomies",
    "explain_changes",
    "load_taxonomies",
    "load_taxonomy",
    "map_merged",
    "read_taxonomy",
    "taxonomy_versions",
]
