"""Staging: every table cut into partitions, encoded, and laid out as the release that it will be.

One partition is in memory at a time: rows are first spilled to one file a partition, then each partition
is read, sorted, encoded and joined to its views. A file that the parent holds already is not made again.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import polars as pl
import pyarrow

from schemas.fields import BASE_TABLES, READER_VIEWS, TABLES, VIEWS, Table
from schemas.manifest import (
    Candidate,
    DataFile,
    FunnelRow,
    Manifest,
    ParentInfo,
    ReleaseInfo,
    SideFile,
    WriterInfo,
)
from tasks.publish import layout
from tasks.publish.candidate import write_candidate
from tasks.publish.partitions import (
    PARTITIONED,
    WHOLE,
    plan_partitions,
    read_partition,
    sort_columns,
    sort_table,
    split_table,
)
from tasks.publish.releases import read_manifest, read_partitions
from tasks.publish.staged import (
    Frames,
    NestedPart,
    NestedView,
    SideFiles,
    StagedFiles,
    WriteSettings,
    describe_columns,
    describe_table,
)
from tasks.storage.parquet import (
    encode_table,
    fingerprint_rows,
    fingerprint_schema,
)
from tasks.storage.store import Store


@dataclass(slots=True)
class _Staging:
    """What one staging has found so far."""

    settings: WriteSettings
    scratch: Path
    version: str
    parent: Manifest | None
    known: dict[tuple[str, str, str], DataFile]
    """(schema, partition, rows) to a file that holds exactly this: of the parent, or just made."""
    pending: dict[str, bytes | Path] = field(default_factory=dict[str, bytes | Path])
    """Digest to the content that the candidate must carry."""
    base: dict[str, list[DataFile]] = field(default_factory=dict[str, list[DataFile]])
    shown: dict[str, list[DataFile]] = field(default_factory=dict[str, list[DataFile]])
    nested: list[NestedPart] = field(default_factory=list[NestedPart])


def stage_candidate(
    store: Store,
    private: Store,
    *,
    version: str,
    parent: str | None,
    tables: Mapping[str, pl.DataFrame | Path],
    build_views: Callable[[Frames], Frames],
    side_files: SideFiles | Callable[[StagedFiles], SideFiles],
    info: ReleaseInfo,
    now: datetime,
    nested: NestedView | None = None,
    settings: WriteSettings = WriteSettings(),
    scratch: Path | None = None,
) -> Candidate:
    """Write a complete release to `private/candidates/<id>/` and return its description.

    Args:
        store: where releases live; read only here.
        private: where the candidate goes.
        version: version it will have; its side files may name it.
        parent: version of the release it follows, None for the first.
        tables: every base table by name, or its Parquet file; files are read in pieces.
        build_views: base tables to reader views, called with one partition of the large tables.
        side_files: name inside the release to content; or what makes them from the files of the views,
            for metadata that lists those.
        info: where the release comes from.
        now: time of staging; no part of the id.
        nested: a view that nests tables in each other, if wanted.
        settings: encoding and partition size.
        scratch: folder for spilled and encoded files; None means the system's.

    Raises:
        DataError: a frame does not fit its definition, or a row belongs to no conversation.
        UsageError: a side file takes a name of the publisher's.
    """
    parent_info, parent_manifest = _read_parent(store, parent)
    earlier = read_partitions(store, parent_manifest) if parent_manifest else None
    # files wait on disk, not in memory, until the id is known
    with tempfile.TemporaryDirectory(dir=scratch, prefix="candidate-") as folder:
        staging = _Staging(settings, Path(folder), version, parent_manifest, _known_files(parent_manifest))
        funnel = _stage_tables(staging, tables, earlier, build_views, nested)
        base = {t.name: describe_table(t, staging.base[t.name]) for t in BASE_TABLES}
        shown = {v.name: describe_table(v, staging.shown[v.name]) for v in READER_VIEWS}
        beside = side_files(StagedFiles(shown, staging.nested)) if callable(side_files) else side_files
        described = Candidate(
            candidate_id="",
            version=version,
            parent=parent_info,
            tables=base,
            views=shown,
            side_files=_stage_side_files(staging, beside),
            funnel=[FunnelRow.model_validate(row) for row in funnel.iter_rows(named=True)],
            info=info,
            writer=WriterInfo(
                pyarrow=pyarrow.__version__,
                polars=pl.__version__,
                zstd_level=settings.zstd_level,
                row_group_rows=settings.row_group_rows,
            ),
        )
        return write_candidate(private, described, staging.pending, now)


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


def _stage_tables(
    staging: _Staging,
    tables: Mapping[str, pl.DataFrame | Path],
    earlier: pl.DataFrame | None,
    build_views: Callable[[Frames], Frames],
    nested: NestedView | None,
) -> pl.DataFrame:
    """Stage every base table and view, partition by partition; returns the funnel."""
    lazy = {n: pl.scan_parquet(t) if isinstance(t, Path) else t.lazy() for n, t in tables.items()}
    plan = plan_partitions(lazy, earlier, staging.settings.bucket_count)
    small = {n: sort_table(n, frame.collect()) for n, frame in lazy.items() if n not in PARTITIONED}
    empty = {name: TABLES[name].empty() for name in PARTITIONED}
    views = build_views({**small, **empty})
    for name, frame in small.items():
        _stage_rows(staging, TABLES[name], frame, WHOLE)
        _stage_rows(staging, VIEWS[name], views[name], WHOLE, is_view=True)
    spilled: dict[str, dict[str, Path]] = {}
    for name in PARTITIONED:
        (staging.scratch / name).mkdir()
        spilled[name] = split_table(name, tables[name], plan, staging.scratch / name)
    # encoding is native code: one partition is nested while the tables of that partition are looked at
    with ThreadPoolExecutor(1) as beside:
        for partition in sorted(set().union(*spilled.values())):
            frames = {n: read_partition(n, spilled[n].get(partition), empty[n]) for n in PARTITIONED}
            views = build_views({**small, **frames})
            encoded = beside.submit(nested.encode, views) if nested is not None else None
            for name in PARTITIONED:
                if partition in spilled[name]:
                    _stage_rows(staging, TABLES[name], frames[name], partition)
                    _stage_rows(staging, VIEWS[name], views[name], partition, is_view=True)
            if nested is not None and encoded is not None:
                _stage_nested(staging, nested, encoded.result(), views["conversations"].height)
                # a part may be large; the next partition is read without it
                encoded = None
    if nested is not None and not staging.nested:
        _stage_nested(staging, nested, nested.encode(views), views["conversations"].height)
    for name in PARTITIONED:
        if not spilled[name]:
            _stage_rows(staging, TABLES[name], empty[name], WHOLE)
            _stage_rows(staging, VIEWS[name], VIEWS[name].empty(), WHOLE, is_view=True)
    return small["funnel"]


def _stage_rows(
    staging: _Staging, table: Table, rows: pl.DataFrame, partition: str, *, is_view: bool = False
) -> None:
    """Encode one partition of a table or view, unless a file with these rows is known."""
    schema = fingerprint_schema(table)
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
        digest = _keep(staging, data)
        file = DataFile(
            path=layout.shard(digest),
            sha256=digest,
            n_bytes=len(data),
            n_rows=rows.height,
            rows_sha256=logical,
            partition=partition,
            columns=describe_columns(rows, table),
        )
        # a view without labels joined on is the base table, byte for byte
        staging.known[schema, partition, logical] = file
    files = (staging.shown if is_view else staging.base).setdefault(table.name, [])
    path = layout.part(staging.version, table.name, len(files)) if is_view else layout.shard(file.sha256)
    files.append(file.model_copy(update={"path": path}))


def _stage_nested(staging: _Staging, nested: NestedView, data: bytes, n_rows: int) -> None:
    name = f"{nested.name}/part-{len(staging.nested):05d}.parquet"
    staging.nested.append(NestedPart(name, _keep(staging, data), len(data), n_rows))


def _keep(staging: _Staging, data: bytes) -> str:
    digest = hashlib.sha256(data).hexdigest()
    path = staging.scratch / digest
    path.write_bytes(data)
    staging.pending[digest] = path
    return digest


def _stage_side_files(staging: _Staging, side_files: SideFiles) -> list[SideFile]:
    found = [
        SideFile(path=layout.side_file(staging.version, p.name), sha256=p.sha256, n_bytes=p.n_bytes)
        for p in staging.nested
    ]
    for name, content in sorted(side_files.items()):
        if isinstance(content, Path):
            with content.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = content.stat().st_size
        else:
            digest, size = hashlib.sha256(content).hexdigest(), len(content)
        staging.pending[digest] = content
        found.append(SideFile(path=layout.side_file(staging.version, name), sha256=digest, n_bytes=size))
    # the publisher copies these from the parent
    for file in staging.parent.side_files if staging.parent else ():
        staging.pending.pop(file.sha256, None)
    return sorted(found, key=lambda f: f.path)
