"""Staging: everything that will be published, written to the private store and described there.

Nothing under `shards/` or `releases/` changes. The same content has the same id and the same bytes, so
staging twice is staging once.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow
from pydantic import ValidationError

from schemas.errors import NotFoundError, UsageError
from schemas.fields import BASE_TABLES, READER_VIEWS, Table
from schemas.manifest import (
    Candidate,
    ColumnStatistics,
    DataFile,
    FunnelRow,
    Manifest,
    ParentInfo,
    ReleaseInfo,
    SideFile,
    TableFiles,
    WriterInfo,
)
from tasks.publish import layout
from tasks.publish.partitions import PartitionPlan, plan_partitions, sort_columns, split_table
from tasks.publish.releases import read_manifest, read_partitions
from tasks.storage.parquet import (
    ROW_GROUP_ROWS,
    ZSTD_LEVEL,
    encode_table,
    fingerprint_rows,
    fingerprint_schema,
)
from tasks.storage.store import Store
from tasks.storage.tables import canonical_json

_ID_LENGTH = 16


SideFiles = Mapping[str, bytes | Path]
"""Name inside the release to content."""


@dataclass(frozen=True, slots=True)
class WriteSettings:
    """How files are encoded and cut; see `schemas.config.PublishSettings`."""

    zstd_level: int = ZSTD_LEVEL
    row_group_rows: int = ROW_GROUP_ROWS
    bucket_count: int = 0


@dataclass(slots=True)
class _Staging:
    """What one staging has found so far."""

    settings: WriteSettings
    scratch: Path
    known: dict[tuple[str, str, str], DataFile] = field(default_factory=dict)
    """(schema, partition, rows) to a file that holds exactly this: of the parent, or just made."""
    pending: dict[str, bytes | Path] = field(default_factory=dict)
    """Digest to the content that the candidate must carry."""


def stage_candidate(
    store: Store,
    private: Store,
    *,
    version: str,
    parent: str | None,
    tables: Mapping[str, pl.DataFrame],
    views: Mapping[str, pl.DataFrame],
    side_files: SideFiles | Callable[[Mapping[str, TableFiles]], SideFiles],
    info: ReleaseInfo,
    now: datetime,
    settings: WriteSettings = WriteSettings(),
    scratch: Path | None = None,
) -> Candidate:
    """Write a complete release to `private/candidates/<id>/` and return its description.

    Args:
        store: where releases live; read only here.
        private: where the candidate goes.
        version: version it will have; its side files may name it.
        parent: version of the release it follows, None for the first.
        tables: every base table by name.
        views: every reader view by name.
        side_files: name inside the release to content; or what makes them from the files of the views,
            for metadata that lists those.
        info: where the release comes from.
        now: time of staging; no part of the id.
        settings: encoding and partition size.
        scratch: folder for encoded files; None means the system's.

    Raises:
        DataError: a frame does not fit its definition, or a row belongs to no conversation.
        UsageError: a side file takes a name of the publisher's.
    """
    parent_info, parent_manifest = _read_parent(store, parent)
    earlier = read_partitions(store, parent_manifest) if parent_manifest else None
    plan = plan_partitions(tables, earlier, settings.bucket_count)
    # encoded files wait on disk, not in memory, until the id is known
    with tempfile.TemporaryDirectory(dir=scratch, prefix="candidate-") as folder:
        staging = _Staging(settings, Path(folder), _known_files(parent_manifest))
        base = {t.name: _stage_table(staging, t, tables[t.name], plan, None) for t in BASE_TABLES}
        shown = {v.name: _stage_table(staging, v, views[v.name], plan, version) for v in READER_VIEWS}
        beside = side_files(shown) if callable(side_files) else side_files
        described = Candidate(
            candidate_id="",
            version=version,
            parent=parent_info,
            tables=base,
            views=shown,
            side_files=_stage_side_files(staging, version, beside),
            funnel=[FunnelRow.model_validate(row) for row in tables["funnel"].iter_rows(named=True)],
            info=info,
            writer=WriterInfo(
                pyarrow=pyarrow.__version__,
                polars=pl.__version__,
                zstd_level=settings.zstd_level,
                row_group_rows=settings.row_group_rows,
            ),
        )
        return _write_candidate(private, described, staging.pending, now)


def read_candidate(private: Store, candidate_id: str) -> Candidate:
    """Return the description of a staged candidate.

    Raises:
        NotFoundError: there is none with this id.
        UsageError: it was staged by another version of this tool.
    """
    try:
        return Candidate.model_validate_json(private.get(layout.candidate(candidate_id)))
    except NotFoundError:
        raise NotFoundError(
            f"no candidate {candidate_id}; `thoughttrace candidates` lists those that wait"
        ) from None
    except ValidationError:
        raise UsageError(
            f"candidate {candidate_id} cannot be read by this version of thoughttrace; stage it again"
        ) from None


def list_candidates(private: Store) -> list[Candidate]:
    """Return every complete candidate that waits for approval, oldest first."""
    ids = [o.key.split("/")[1] for o in private.list(layout.CANDIDATES) if o.key.endswith("/candidate.json")]
    return sorted((read_candidate(private, i) for i in ids), key=lambda c: (c.staged_at, c.candidate_id))


def delete_candidate(private: Store, candidate_id: str) -> int:
    """Delete a candidate, description first, and return the number of files; safe to repeat."""
    private.delete(layout.candidate(candidate_id))
    files = private.list(f"{layout.CANDIDATES}{candidate_id}/")
    for file in files:
        private.delete(file.key)
    return len(files)


def _read_parent(store: Store, parent: str | None) -> tuple[ParentInfo | None, Manifest | None]:
    if parent is None:
        return None, None
    manifest, digest = read_manifest(store, parent)
    return ParentInfo(version=parent, manifest_sha256=digest), manifest


def _known_files(parent: Manifest | None) -> dict[tuple[str, str, str], DataFile]:
    groups = (parent.tables, parent.views) if parent else ()
    known: dict[tuple[str, str, str], DataFile] = {}
    for table in (t for group in groups for t in group.values()):
        for file in table.files:
            known.setdefault((table.schema_sha256, file.partition, file.rows_sha256), file)
    return known


def _stage_table(
    staging: _Staging, table: Table, frame: pl.DataFrame, plan: PartitionPlan, version: str | None
) -> TableFiles:
    """Encode what the parent does not hold already; `version` is given for a reader view."""
    schema = fingerprint_schema(table)
    files: list[DataFile] = []
    for number, (partition, rows) in enumerate(split_table(table.name, frame, plan)):
        logical = fingerprint_rows(rows, table)
        file = staging.known.get((schema, partition, logical))
        if file is None:
            data = encode_table(
                rows,
                table,
                sort_by=sort_columns(table.name),
                zstd_level=staging.settings.zstd_level,
                row_group_rows=staging.settings.row_group_rows,
            )
            digest = hashlib.sha256(data).hexdigest()
            encoded = staging.scratch / digest
            encoded.write_bytes(data)
            staging.pending[digest] = encoded
            file = DataFile(
                path=layout.shard(digest),
                sha256=digest,
                n_bytes=len(data),
                n_rows=rows.height,
                rows_sha256=logical,
                partition=partition,
                columns=_describe_columns(rows, table),
            )
            # a view without labels joined on is the base table, byte for byte
            staging.known[schema, partition, logical] = file
        path = layout.shard(file.sha256) if version is None else layout.part(version, table.name, number)
        files.append(file.model_copy(update={"path": path}))
    return TableFiles(
        n_rows=frame.height, schema_sha256=schema, primary_key=list(table.primary_key), files=files
    )


def _stage_side_files(
    staging: _Staging, version: str, side_files: Mapping[str, bytes | Path]
) -> list[SideFile]:
    found: list[SideFile] = []
    for name, content in sorted(side_files.items()):
        if isinstance(content, Path):
            with content.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = content.stat().st_size
        else:
            digest, size = hashlib.sha256(content).hexdigest(), len(content)
        staging.pending[digest] = content
        found.append(SideFile(path=layout.side_file(version, name), sha256=digest, n_bytes=size))
    return found


def _write_candidate(
    private: Store, described: Candidate, pending: Mapping[str, bytes | Path], now: datetime
) -> Candidate:
    content = described.model_dump(exclude={"candidate_id", "staged_at"})
    candidate_id = hashlib.sha256(canonical_json(content)).hexdigest()[:_ID_LENGTH]
    described = described.model_copy(
        update={"candidate_id": candidate_id, "staged_at": now.isoformat(timespec="seconds")}
    )
    if private.head(layout.candidate(candidate_id)) is not None:
        return read_candidate(private, candidate_id)
    for digest, data in pending.items():
        key = layout.candidate_file(candidate_id, digest)
        if isinstance(data, Path):
            private.put_file(key, data, sha256=digest)
        else:
            private.put(key, data, sha256=digest)
    private.put(layout.candidate(candidate_id), canonical_json(described.model_dump()))
    return described


def _describe_columns(frame: pl.DataFrame, table: Table) -> dict[str, ColumnStatistics]:
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
