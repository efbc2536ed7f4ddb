"""Pulling: a release as a plain folder of files, or only the rows that are new since another one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from schemas.errors import UsageError, VerificationError
from schemas.fields import VIEWS
from schemas.manifest import DataFile, Manifest, SideFile
from tasks.publish import layout
from tasks.publish.place import checksums
from tasks.publish.releases import read_manifest, read_tables, require_files
from tasks.storage.store import Store

_KEYED = ("participants", "conversations", "messages", "thoughts", "labels")
REMOVED = "removed.parquet"


@dataclass(frozen=True, slots=True)
class PullReport:
    """What a pull did.

    Attributes:
        version: release that the folder now holds.
        n_files: files that belong to it.
        n_fetched: files that had to be fetched; the others were there already.
        n_bytes: bytes fetched.
        n_rows: rows by table, for a pull of differences.
    """

    version: str
    n_files: int
    n_fetched: int
    n_bytes: int
    n_rows: dict[str, int]


def pull_release(store: Store, version: str, folder: Path) -> PullReport:
    """Fetch views and side files of a release into a folder; what is there already is not fetched again.

    The folder equals `releases/<version>/`, so that `sha256sum -c SHA256SUMS` works in it. Parts of
    another release in the same folder are deleted, because people load parts by pattern.

    Raises:
        VerificationError: a file's digest is not the manifest's; it is not kept.
        NotFoundError: no such release, or a file of it is gone.
        UsageError: the folder is a file.
    """
    manifest, digest = read_manifest(store, version)
    require_files(store, version)
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"not a folder: {folder}")
    prefix = layout.release(version, "")
    files: list[DataFile | SideFile] = [f for t in manifest.views.values() for f in t.files]
    files.extend(manifest.side_files)
    n_fetched = n_bytes = 0
    for file in files:
        target = folder / file.path.removeprefix(prefix)
        if not _holds(target, file.sha256):
            store.get_file(file.path, target)
            if not _holds(target, file.sha256):
                target.unlink()
                raise VerificationError(f"{file.path} was altered: its digest is not the manifest's")
            n_fetched += 1
            n_bytes += file.n_bytes
    _delete_other_parts(folder, manifest, {folder / f.path.removeprefix(prefix) for f in files})
    (folder / layout.CHECKSUMS).write_bytes(checksums(manifest))
    data = store.get(layout.manifest(version))
    if hashlib.sha256(data).hexdigest() != digest:
        raise VerificationError(f"the manifest of {version} changed while it was pulled")
    (folder / "manifest.json").write_bytes(data)
    return PullReport(version, len(files), n_fetched, n_bytes, {})


def pull_difference(store: Store, version: str, since: str, folder: Path) -> PullReport:
    """Write only the rows of the views that are new or changed since another release.

    `<table>.parquet` holds them with a column `change` (added, changed); `removed.parquet` holds
    `table_name` and `key` of the rows that are gone.

    Raises:
        NotFoundError: one of the releases, or a file of it, is gone.
    """
    for needed in (version, since):
        require_files(store, needed)
    new, old = read_manifest(store, version)[0], read_manifest(store, since)[0]
    folder.mkdir(parents=True, exist_ok=True)
    removed: list[pl.DataFrame] = []
    n_rows: dict[str, int] = {}
    for name in _KEYED:
        before = read_tables(store, old, [name], views=True)[name]
        after = read_tables(store, new, [name], views=True)[name]
        key = list(VIEWS[name].primary_key)
        rows = _changed_rows(before, after, key)
        rows.write_parquet(folder / f"{name}.parquet", compression="zstd")
        n_rows[name] = rows.height
        gone = before.join(after, on=key, how="anti")
        removed.append(gone.select(table_name=pl.lit(name), key=pl.concat_str(key, separator=" ")))
    all_removed = pl.concat(removed)
    all_removed.write_parquet(folder / REMOVED, compression="zstd")
    n_rows["removed"] = all_removed.height
    return PullReport(version, len(n_rows), len(n_rows), 0, n_rows)


def _changed_rows(before: pl.DataFrame, after: pl.DataFrame, key: Iterable[str]) -> pl.DataFrame:
    key = list(key)
    shared = [c for c in after.columns if c in before.columns]
    same = before.select(*key, _before=pl.struct(shared).struct.json_encode(), _old=pl.lit(True))
    return (
        after.with_columns(_after=pl.struct(shared).struct.json_encode())
        .join(same, on=key, how="left", maintain_order="left")
        .filter(pl.col("_old").is_null() | (pl.col("_before") != pl.col("_after")))
        .with_columns(
            change=pl.when(pl.col("_old").is_null()).then(pl.lit("added")).otherwise(pl.lit("changed"))
        )
        .drop("_before", "_after", "_old")
    )


def _holds(path: Path, sha256: str) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256


def _delete_other_parts(folder: Path, manifest: Manifest, wanted: set[Path]) -> None:
    for name in manifest.views:
        for path in (folder / name).glob("part-*.parquet"):
            if path not in wanted:
                path.unlink()
