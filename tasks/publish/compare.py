"""Two releases side by side: columns, rows, labels and statistics."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from schemas.errors import NotFoundError
from schemas.manifest import Manifest
from tasks.publish import layout
from tasks.publish.diff import diff_tables
from tasks.publish.releases import load_release
from tasks.storage.store import Store

_STATS = "stats.json"


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """A column or table that only one of the releases has."""

    table: str
    column: str
    change: str


@dataclass(frozen=True, slots=True)
class StatChange:
    """A figure of `stats.json` that differs; `before` or `after` is None where only one has it."""

    name: str
    before: float | None
    after: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The difference of two releases.

    Attributes:
        before: the one release.
        after: the other.
        schema: columns and tables that only one has.
        changes: `changes` table, computed from the rows of both.
        stats: figures that differ.
        taxonomies: facets whose taxonomy differs, with both versions.
    """

    before: str
    after: str
    schema: list[SchemaChange]
    changes: pl.DataFrame
    stats: list[StatChange]
    taxonomies: dict[str, tuple[str | None, str | None]]


def compare_releases(store: Store, before: str, after: str) -> Comparison:
    """Compare two releases by their rows, whatever their own change tables say.

    Raises:
        NotFoundError: one of them is not there.
        VerificationError: a file's digest differs.
    """
    old, old_tables = load_release(store, before)
    new, new_tables = load_release(store, after)
    left, right = old.manifest.info.taxonomies, new.manifest.info.taxonomies
    versions = {
        facet: (
            left[facet].version if facet in left else None,
            right[facet].version if facet in right else None,
        )
        for facet in sorted({*left, *right})
    }
    return Comparison(
        old.version,
        new.version,
        list(_compare_schemas(old_tables, new_tables)),
        diff_tables(old_tables, new_tables),
        list(_compare_stats(_read_stats(store, old.manifest), _read_stats(store, new.manifest))),
        {facet: pair for facet, pair in versions.items() if pair[0] != pair[1]},
    )


def _compare_schemas(old: dict[str, pl.DataFrame], new: dict[str, pl.DataFrame]) -> Iterator[SchemaChange]:
    for table in sorted({*old, *new}):
        before = old[table].schema if table in old else {}
        after = new[table].schema if table in new else {}
        for column in [*before, *(c for c in after if c not in before)]:
            if column not in after:
                yield SchemaChange(table, column, "removed")
            elif column not in before:
                yield SchemaChange(table, column, "added")
            elif before[column] != after[column]:
                yield SchemaChange(table, column, f"{before[column]} to {after[column]}")


def _read_stats(store: Store, manifest: Manifest) -> dict[str, float]:
    try:
        document = json.loads(store.get(layout.release(manifest.version, _STATS)))
    except (NotFoundError, ValueError):
        return {}
    return dict(_flatten(document, ""))


def _flatten(value: Any, name: str) -> Iterator[tuple[str, float]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flatten(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            # rows of a table are known by their name, not by their place
            label = inner.get("id", inner.get("name", i)) if isinstance(inner, dict) else i
            yield from _flatten(inner, f"{name}.{label}")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield name, float(value)


def _compare_stats(old: dict[str, float], new: dict[str, float]) -> Iterator[StatChange]:
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            yield StatChange(name, old.get(name), new.get(name))
