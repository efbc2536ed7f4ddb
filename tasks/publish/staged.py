"""What goes into a staging and how a manifest describes what comes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from schemas.fields import Table
from schemas.manifest import ColumnStatistics, DataFile, TableFiles
from tasks.storage.parquet import ROW_GROUP_ROWS, ZSTD_LEVEL, fingerprint_schema

Frames = Mapping[str, pl.DataFrame]
SideFiles = Mapping[str, bytes | Path]
"""Name inside the release to content."""


@dataclass(frozen=True, slots=True)
class WriteSettings:
    """How files are encoded and cut; see `schemas.config.PublishSettings`."""

    zstd_level: int = ZSTD_LEVEL
    row_group_rows: int = ROW_GROUP_ROWS
    bucket_count: int = 0


@dataclass(frozen=True, slots=True)
class NestedPart:
    """One file of the nested view: a side file with a number of rows."""

    name: str
    sha256: str
    n_bytes: int
    n_rows: int


@dataclass(frozen=True, slots=True)
class NestedView:
    """A further view, one file a partition, that is no table of the manifest.

    Attributes:
        name: folder inside the release.
        encode: the reader views of one partition to Parquet bytes.
    """

    name: str
    encode: Callable[[Frames], bytes]


@dataclass(frozen=True, slots=True)
class StagedFiles:
    """What metadata lists.

    Attributes:
        views: files of every reader view.
        nested: files of the nested view.
    """

    views: Mapping[str, TableFiles]
    nested: Sequence[NestedPart]


def describe_table(table: Table, files: Sequence[DataFile]) -> TableFiles:
    """Return what the manifest says about a table and its files."""
    return TableFiles(
        n_rows=sum(f.n_rows for f in files),
        schema_sha256=fingerprint_schema(table),
        primary_key=list(table.primary_key),
        files=list(files),
    )


def describe_columns(frame: pl.DataFrame, table: Table) -> dict[str, ColumnStatistics]:
    """Return missing values and bounds of every column of a file."""
    described: dict[str, ColumnStatistics] = {}
    for column in table.fields:
        values = frame[column.name]
        # ids stay out: a manifest outlives the withdrawal of a participant
        bounded = len(values) and (
            column.dtype in {"int32", "int64", "float64", "timestamp"} or column.values
        )
        described[column.name] = ColumnStatistics(
            n_null=values.null_count(),
            min=_plain(values.min()) if bounded else None,
            max=_plain(values.max()) if bounded else None,
        )
    return described


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime | date) else value
