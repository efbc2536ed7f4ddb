"""Verification: every byte, row count, column, key and signature of a release against its manifest.

A release whose publication was cut short after the commit is sound: its shards are complete. Its views
are demanded only once `latest.json` has announced it, which happens after they are in place.
"""

from __future__ import annotations

import hashlib
import io
import tempfile
from pathlib import Path

import polars as pl

from schemas.errors import DataError, NotFoundError, VerificationError
from schemas.fields import TABLES
from schemas.manifest import DataFile, Manifest, SideFile, TableFiles
from tasks.publish import layout
from tasks.publish.latest import read_latest
from tasks.publish.place import checksums
from tasks.publish.releases import read_manifest, require_files
from tasks.publish.verify_keys import KEYED, check_keys
from tasks.publish.verify_report import Problem, VerifyReport
from tasks.publish.verify_signature import Verifier, check_signature
from tasks.publish.versions import parse_version
from tasks.storage.parquet import inspect_parquet
from tasks.storage.store import Store


def verify_release(
    store: Store, version: str, *, verifier: Verifier | None = None, require_signature: bool = False
) -> VerifyReport:
    """Read every file of a release and compare it with the manifest.

    Args:
        store: where the release is.
        version: which one; `resolve_version` first.
        verifier: public key to check the signature with.
        require_signature: a missing signature is a problem.

    Raises:
        NotFoundError: no such release, or its files were deleted.
        UsageError: it was made by a newer version of this tool.
        VerificationError: the manifest itself cannot be read.
    """
    manifest, digest = read_manifest(store, version)
    require_files(store, version)
    report = VerifyReport(version, 1, 0, [], [])
    _check_manifest(store, manifest, version, digest, report)
    check_signature(store, version, digest, verifier, require_signature, report)
    keys: dict[str, list[pl.DataFrame]] = {}
    for name, table in manifest.tables.items():
        for file in table.files:
            if file.path != layout.shard(file.sha256):
                report.problems.append(Problem(file.path, "the manifest names a shard by another digest"))
            _check_table_file(store, name, table, file, report, keys)
        _check_rows(name, table, report)
    if not report.problems:
        report.problems.extend(check_keys(manifest, {n: pl.concat(f) for n, f in keys.items()}))
    _check_release_folder(store, manifest, report)
    return report


def _check_manifest(
    store: Store, manifest: Manifest, version: str, digest: str, report: VerifyReport
) -> None:
    key = layout.manifest(version)
    if manifest.version != version:
        report.problems.append(Problem(key, f"says that it is {manifest.version}"))
    try:
        latest, _ = read_latest(store)
    except VerificationError:
        report.problems.append(Problem(layout.LATEST, "cannot be read"))
        latest = None
    if latest is not None and latest.version == version and latest.manifest_sha256 != digest:
        report.problems.append(Problem(key, f"was altered: its digest is not the one in {layout.LATEST}"))
    if manifest.parent is not None:
        try:
            parent_digest = hashlib.sha256(store.get(layout.manifest(manifest.parent.version))).hexdigest()
        except NotFoundError:
            report.problems.append(Problem(layout.manifest(manifest.parent.version), "is missing"))
        else:
            if parent_digest != manifest.parent.manifest_sha256:
                what = f"was altered: its digest is not the one that {version} follows"
                report.problems.append(Problem(layout.manifest(manifest.parent.version), what))
    if store.head(layout.yanked(version)) is not None:
        report.notes.append(f"{version} is yanked")


def _check_table_file(
    store: Store,
    name: str,
    table: TableFiles,
    file: DataFile,
    report: VerifyReport,
    keys: dict[str, list[pl.DataFrame]] | None,
) -> None:
    try:
        data = store.get(file.path)
    except NotFoundError:
        report.problems.append(Problem(file.path, f"is missing ({name})"))
        return
    report.n_files += 1
    report.n_bytes += len(data)
    if hashlib.sha256(data).hexdigest() != file.sha256:
        report.problems.append(Problem(file.path, f"was altered: its digest is not the manifest's ({name})"))
        return
    try:
        n_rows, schema = inspect_parquet(data)
    except DataError as error:
        report.problems.append(Problem(file.path, str(error)))
        return
    if n_rows != file.n_rows:
        report.problems.append(Problem(file.path, f"holds {n_rows} rows, the manifest says {file.n_rows}"))
    if schema != table.schema_sha256:
        report.problems.append(Problem(file.path, f"has other columns than the manifest says ({name})"))
    elif keys is not None and name in KEYED:
        columns = [*table.primary_key, *(c for c, _ in TABLES[name].foreign_keys)]
        columns = list(dict.fromkeys(columns))
        keys.setdefault(name, []).append(pl.read_parquet(io.BytesIO(data), columns=columns))


def _check_rows(name: str, table: TableFiles, report: VerifyReport) -> None:
    total = sum(f.n_rows for f in table.files)
    if total != table.n_rows:
        what = f"{name}: files hold {total} rows, the manifest says {table.n_rows}"
        report.problems.append(Problem(layout.manifest(report.version), what))


def _check_release_folder(store: Store, manifest: Manifest, report: VerifyReport) -> None:
    found = {o.key for o in store.list(layout.release(manifest.version, ""))}
    is_complete = _is_announced(store, manifest.version) or (
        layout.release(manifest.version, layout.CHECKSUMS) in found
    )
    wanted: set[str] = {layout.release(manifest.version, name) for name in layout.RESERVED}
    for name, view in manifest.views.items():
        for file in view.files:
            wanted.add(file.path)
            if file.path in found or is_complete:
                _check_table_file(store, name, view, file, report, None)
        _check_rows(name, view, report)
        if name in manifest.tables and view.n_rows != manifest.tables[name].n_rows:
            what = f"the view {name} has {view.n_rows} rows, its table {manifest.tables[name].n_rows}"
            report.problems.append(Problem(layout.manifest(manifest.version), what))
    for file in manifest.side_files:
        wanted.add(file.path)
        if file.path in found or is_complete:
            _check_side_file(store, file, report)
    sums = layout.release(manifest.version, layout.CHECKSUMS)
    if sums in found and store.get(sums) != checksums(manifest):
        report.problems.append(Problem(sums, "was altered: it does not say what the manifest says"))
    elif is_complete and sums not in found:
        report.problems.append(Problem(sums, "is missing"))
    # people load views by pattern: a file too many is data too much
    report.problems.extend(Problem(key, "does not belong to the release") for key in sorted(found - wanted))
    if not is_complete:
        report.notes.append(
            f"{manifest.version} is committed, but its publication was cut short before every view was in "
            "place; the publisher's next command finishes it"
        )


def _is_announced(store: Store, version: str) -> bool:
    try:
        latest, _ = read_latest(store)
    except VerificationError:
        return True
    if latest is None or latest.announced is None:
        return False
    return parse_version(version) <= parse_version(latest.announced)


def _check_side_file(store: Store, file: SideFile, report: VerifyReport) -> None:
    with tempfile.TemporaryDirectory(prefix="verify-") as folder:
        path = Path(folder, "file")
        try:
            store.get_file(file.path, path)
        except NotFoundError:
            report.problems.append(Problem(file.path, "is missing"))
            return
        report.n_files += 1
        report.n_bytes += path.stat().st_size
        with path.open("rb") as opened:
            if hashlib.file_digest(opened, "sha256").hexdigest() != file.sha256:
                report.problems.append(Problem(file.path, "was altered: its digest is not the manifest's"))
