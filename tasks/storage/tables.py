"""Tables and JSON documents as objects of a store, referred to by digest."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from schemas.errors import DataError, VerificationError
from schemas.fields import Table
from schemas.refs import ArtifactRef
from tasks.storage.local import LocalStore
from tasks.storage.parquet import ZSTD_LEVEL, decode_table, encode_table, scan_bytes
from tasks.storage.store import Store


def write_table(
    store: Store,
    key: str,
    frame: pl.DataFrame,
    table: Table,
    *,
    sort_by: Sequence[str] = (),
    zstd_level: int = ZSTD_LEVEL,
) -> ArtifactRef:
    """Write a frame as Parquet under its definition and return the reference; safe to repeat.

    Raises:
        DataError: the frame does not fit the definition.
        StoreUnavailableError: the store fails.
    """
    data = encode_table(frame, table, sort_by=sort_by, zstd_level=zstd_level)
    digest = hashlib.sha256(data).hexdigest()
    store.put(key, data, sha256=digest)
    return ArtifactRef(key, digest, frame.height, len(data))


def read_table(
    store: Store, ref: ArtifactRef, table: Table | None = None, *, verify: bool = True
) -> pl.DataFrame:
    """Read the frame that a reference names.

    Args:
        store: where the reference was made.
        ref: which file.
        table: definition that the columns must agree with; None takes the file's own columns.
        verify: compare the digest of the bytes with the reference.

    Raises:
        VerificationError: the bytes are not the ones that the reference was made of.
        NotFoundError: the object is gone.
        DataError: the file has other columns than the table defines.
    """
    data = _get(store, ref) if verify else store.get(ref.uri)
    return decode_table(data, table) if table else pl.read_parquet(io.BytesIO(data))


def scan_table(store: Store, ref: ArtifactRef, table: Table) -> pl.LazyFrame:
    """Read the file that a reference names, checked, and leave it packed until columns are asked for.

    Raises:
        VerificationError: the bytes are not the ones that the reference was made of.
        NotFoundError: the object is gone.
        DataError: the file has other columns than the table defines.
    """
    return scan_bytes(_get(store, ref), table)


def fetch_file(store: Store, ref: ArtifactRef, folder: Path) -> Path:
    """Return the file that a reference names as a file of this machine: itself, or a copy in the folder.

    Raises:
        VerificationError: the bytes are not the ones that the reference was made of.
        NotFoundError: the object is gone.
    """
    if isinstance(store, LocalStore):
        path = store.existing(ref.uri)
    else:
        path = folder / ref.sha256
        store.get_file(ref.uri, path)
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != ref.sha256:
            raise VerificationError(f"{ref.uri}: the bytes are not the ones that were written")
    return path


def fetch_table(store: Store, ref: ArtifactRef, table: Table, folder: Path) -> Path:
    """Return the table that a reference names as a file of this machine; nothing of it is held.

    Args:
        store: where the reference was made.
        ref: which file.
        table: definition that the columns must agree with.
        folder: where a copy goes if the store is elsewhere; it must outlive the use.

    Raises:
        VerificationError: the bytes are not the ones that the reference was made of.
        NotFoundError: the object is gone.
        DataError: the file has other columns than the table defines.
    """
    path = fetch_file(store, ref, folder)
    if pl.scan_parquet(path).collect_schema() != table.polars_schema():
        raise DataError(f"the file holds other columns than table {table.name} defines")
    return path


def _get(store: Store, ref: ArtifactRef) -> bytes:
    data = store.get(ref.uri)
    if hashlib.sha256(data).hexdigest() != ref.sha256:
        raise VerificationError(f"{ref.uri}: the bytes are not the ones that were written")
    return data


def canonical_json(value: Any) -> bytes:
    """Return the one byte form of a document: sorted keys, no spaces, UTF-8, a final newline."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode() + b"\n"


def write_json(store: Store, key: str, value: Any) -> ArtifactRef:
    """Write a document in its canonical form and return the reference; safe to repeat."""
    data = canonical_json(value)
    digest = hashlib.sha256(data).hexdigest()
    store.put(key, data, sha256=digest)
    return ArtifactRef(key, digest, 0, len(data))


def read_json(store: Store, key: str) -> Any:
    """Read a document.

    Raises:
        NotFoundError: it is not there.
        VerificationError: it is not JSON.
    """
    try:
        return json.loads(store.get(key))
    except ValueError as error:
        raise VerificationError(f"{store.uri}/{key} is not JSON; it was damaged or cut short") from error
