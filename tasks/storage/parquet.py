"""Frames as Parquet bytes: the same rows give the same bytes, on any number of threads.

Polars computes, pyarrow writes: only its writer gives identical files whatever the chunks of the frame.
The footer holds the schema and nothing of the run (no version, time or host), so that an unchanged
table keeps its digest from release to release.
"""

from __future__ import annotations

import hashlib
import importlib
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.errors import DataError
from schemas.fields import Table, name_of_arrow

# pyarrow defines these functions at run time, where the type checker cannot see them
pc: Any = importlib.import_module("pyarrow.compute")

ROW_GROUP_ROWS = 20_000
ZSTD_LEVEL = 6


def to_arrow(frame: pl.DataFrame, table: Table) -> pa.Table:
    """Return the frame under the table's explicit Arrow schema (columns in order, nullability, notes).

    Raises:
        DataError: columns missing, of another type, or null where null is not legal.
    """
    missing = [c for c in table.columns if c not in frame.columns]
    extra = [c for c in frame.columns if c not in table.columns]
    if missing or extra:
        raise DataError(f"table {table.name}: columns missing {missing}, not defined {extra}")
    wrong = {
        name: str(frame.schema[name])
        for name, dtype in table.polars_schema().items()
        if frame.schema[name] != dtype
    }
    if wrong:
        raise DataError(f"table {table.name}: columns of another type than defined: {wrong}")
    nulls = frame.select(f.name for f in table.fields if not f.nullable).null_count()
    broken = [c for c in nulls.columns if nulls.item(0, c)] if nulls.width else []
    if broken:
        raise DataError(f"table {table.name}: null in columns that may not be null: {broken}")
    return frame.select(table.columns).to_arrow().cast(table.arrow_schema())


def encode_table(
    frame: pl.DataFrame,
    table: Table,
    *,
    sort_by: Sequence[str] = (),
    zstd_level: int = ZSTD_LEVEL,
    row_group_rows: int = ROW_GROUP_ROWS,
) -> bytes:
    """Return the Parquet bytes of a frame, deterministic in its rows.

    Args:
        frame: rows in their final order.
        table: definition of the columns.
        sort_by: columns that the rows are sorted by, noted in the file for readers.
        zstd_level: compression level.
        row_group_rows: rows in a row group.

    Raises:
        DataError: the frame does not fit the definition.
    """
    arrow = to_arrow(frame, table)
    sink = io.BytesIO()
    options: dict[str, Any] = {"use_dictionary": _dictionary_columns(table)}
    if sort_by:
        options["sorting_columns"] = pq.SortingColumn.from_ordering(
            arrow.schema, [(column, "ascending") for column in sort_by]
        )
    with pq.ParquetWriter(
        sink,
        arrow.schema,
        version="2.6",
        compression="zstd",
        compression_level=zstd_level,
        write_page_index=True,
        write_page_checksum=True,
        write_statistics=True,
        use_content_defined_chunking=True,
        store_schema=True,
        **options,
    ) as writer:
        writer.write_table(arrow, row_group_size=row_group_rows)
    return sink.getvalue()


def decode_table(data: bytes, table: Table) -> pl.DataFrame:
    """Return the frame of Parquet bytes, with exactly the defined columns.

    Raises:
        DataError: the file has other columns or types.
    """
    frame = pl.read_parquet(io.BytesIO(data), use_pyarrow=False)
    if frame.schema != table.polars_schema():
        raise DataError(f"the file holds other columns than table {table.name} defines")
    return frame


def scan_bytes(data: bytes, table: Table) -> pl.LazyFrame:
    """Return the frame of Parquet bytes without unpacking it: a reader unpacks the columns it needs.

    Raises:
        DataError: the file has other columns or types.
    """
    frame = pl.scan_parquet(io.BytesIO(data))
    if frame.collect_schema() != table.polars_schema():
        raise DataError(f"the file holds other columns than table {table.name} defines")
    return frame


def fingerprint_rows(frame: pl.DataFrame, table: Table) -> str:
    """Return a digest of the rows themselves, whatever library or settings wrote them.

    Equal digests mean equal values in equal order; a file from an older writer can then be reused.
    """
    digest = hashlib.sha256()
    for column in to_arrow(frame, table).itercolumns():
        _digest_column(digest, column)
    return digest.hexdigest()


def fingerprint_schema(table: Table) -> str:
    """Return a digest of names, types and nullability of a table's columns."""
    lines = "\n".join(f"{f.name} {f.dtype} {'null' if f.nullable else 'value'}" for f in table.fields)
    return hashlib.sha256(lines.encode()).hexdigest()


def inspect_parquet(data: bytes) -> tuple[int, str]:
    """Return rows and schema digest (as `fingerprint_schema`) of Parquet bytes.

    Raises:
        DataError: not a Parquet file, or a column of a type that no table has.
    """
    try:
        file = pq.ParquetFile(io.BytesIO(data))
        lines = [
            f"{f.name} {name_of_arrow(f.type)} {'null' if f.nullable else 'value'}" for f in file.schema_arrow
        ]
    except (pa.ArrowInvalid, OSError, KeyError) as error:
        raise DataError(f"not a Parquet file of ours ({type(error).__name__})") from None
    return file.metadata.num_rows, hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _digest_column(digest: Any, column: pa.ChunkedArray) -> None:
    # values under a null are undefined, and chunk borders are an accident: neither may count
    digest.update(f"{column.type}:{len(column)};".encode())
    digest.update(np.packbits(column.is_null().to_numpy()).tobytes())
    if pa.types.is_list(column.type):
        lengths = pc.fill_null(pc.list_value_length(column), 0)
        digest.update(lengths.to_numpy().astype("<i8").tobytes())
        _digest_column(digest, pa.chunked_array(pc.list_flatten(column)))
    elif pa.types.is_string(column.type):
        digest.update(pc.fill_null(pc.binary_length(column), 0).to_numpy().astype("<i8").tobytes())
        for chunk in column.fill_null("").chunks:
            offsets = np.frombuffer(chunk.buffers()[1], dtype="<i4")[chunk.offset :][: len(chunk) + 1]
            if len(chunk) and chunk.buffers()[2] is not None:
                digest.update(memoryview(chunk.buffers()[2])[int(offsets[0]) : int(offsets[-1])])
    else:
        filled = column.fill_null(False if pa.types.is_boolean(column.type) else _zero(column.type))
        digest.update(np.ascontiguousarray(filled.to_numpy()).tobytes())


def _zero(dtype: pa.DataType) -> pa.Scalar:
    return pa.scalar(0, pa.int64()).cast(dtype) if pa.types.is_temporal(dtype) else pa.scalar(0, dtype)


def _dictionary_columns(table: Table) -> list[str]:
    # ids that are unique and long texts do not repeat: a dictionary only costs
    return [
        f"{f.name}.list.element" if f.dtype == "list<string>" else f.name
        for f in table.fields
        if f.dtype in {"string", "list<string>"}
        and not f.is_free_text
        and f.name not in table.primary_key[:1]
    ]
