"""Tables to count: an invented corpus, and the real examples where they are at hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from stats_corpus import NODES, Tables, Taxonomy, build_tables, invent_records


@pytest.fixture(scope="session")
def taxonomies() -> dict[str, Taxonomy]:
    return {facet: Taxonomy(nodes) for facet, nodes in NODES.items()}


@pytest.fixture(scope="session")
def invent() -> Callable[..., Tables]:
    """Invented base tables: `invent(n_conversations, seed)`."""

    def make(n: int = 60, seed: int = 7) -> Tables:
        return build_tables(*invent_records(n, seed))

    return make


@pytest.fixture(scope="session")
def real_records(real_export: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in real_export.read_text("utf-8").splitlines()]


@pytest.fixture(scope="session")
def real_tables(real_records: list[dict[str, Any]]) -> Tables:
    """Base tables of the 20 real conversations; relationships and topics have no label in the export."""
    return build_tables(real_records, [])
