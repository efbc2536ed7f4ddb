"""A patch: the latest release with fewer rows or other texts, in the shapes that the further stages read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from schemas.fields import BASE_TABLES
from schemas.run import BuiltRelease, StagedExports, TableSet
from tasks.assemble.records import RECORDS, compress_records
from tasks.memo.steps import StepFolder
from tasks.publish import layout
from tasks.publish.releases import Release
from tasks.storage.store import Store
from tasks.storage.tables import read_json


@dataclass(frozen=True, slots=True)
class Patch:
    """What the further stages of a patch release are made from, in the shapes of a release run."""

    built: BuiltRelease
    staged: StagedExports
    labelled: TableSet
    proof: TableSet


def write_patch(
    folder: StepFolder,
    store: Store,
    parent: Release,
    tables: Mapping[str, pl.DataFrame],
    records: Iterable[bytes],
    privacy: Mapping[str, Any],
) -> None:
    """Write tables, records and what is taken over from the parent.

    Args:
        folder: where the step writes.
        store: where the parent is.
        parent: the release that is patched.
        tables: base tables of the patch.
        records: lines of the compatible JSONL.
        privacy: privacy figures of the patch.
    """
    for table in BASE_TABLES:
        folder.table(table.name, tables[table.name], table)
    folder.bytes(RECORDS, compress_records(records))
    stats = read_side_document(store, parent.version, "stats.json")
    folder.json("cost", stats.get("cost", {}).get("facets", {}))
    folder.json("privacy", privacy)
    folder.json("report", {"inputs": [i.model_dump() for i in parent.manifest.info.inputs]})


def as_patch(files: TableSet, version: str, parent: str) -> Patch:
    """The written files as a patch of a release."""
    return Patch(
        BuiltRelease(files, version, parent, is_unchanged=False), StagedExports((), files, ()), files, files
    )


def read_side_document(store: Store, version: str, name: str) -> dict[str, Any]:
    """Return a JSON document beside a release; empty where it has none."""
    key = layout.side_file(version, name)
    if store.head(key) is None:
        return {}
    loaded: dict[str, Any] = read_json(store, key)
    return loaded
