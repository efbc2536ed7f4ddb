"""Which tables a reader finds in a release's folder, and what their columns are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from schemas.fields import VIEWS, Field, Table
from tasks.assemble.nested import nested_schema
from tasks.report.inputs import TableFile

NESTED = "conversations_nested"
NESTED_DESCRIPTION = (
    "One row a conversation with its messages inside, each message with its thoughts; what most readers want."
)


@dataclass(frozen=True, slots=True)
class ReleaseTable:
    """One table of the release as readers find it.

    Attributes:
        name: name of the table, its folder and its HF config.
        description: one sentence.
        schema: Arrow schema of its files.
        view: definition of its columns; None for the nested table, whose columns are those of others.
        files: its parts.
        is_default: what `load_dataset` gives when no config is named.
    """

    name: str
    description: str
    schema: pa.Schema
    view: Table | None
    files: tuple[TableFile, ...]
    is_default: bool

    @property
    def n_rows(self) -> int:
        """Rows in all parts."""
        return sum(f.n_rows for f in self.files)

    @property
    def n_bytes(self) -> int:
        """Bytes of all parts."""
        return sum(f.n_bytes for f in self.files)


def lay_out(files: Mapping[str, Sequence[TableFile]]) -> tuple[ReleaseTable, ...]:
    """Put a release's tables in reading order, the default one first.

    Args:
        files: table name to its parts; names other than reader views and the nested table are refused.

    Raises:
        KeyError: a table that no definition describes.
    """
    unknown = set(files) - set(VIEWS) - {NESTED}
    if unknown:
        raise KeyError(f"no definition of the tables {', '.join(sorted(unknown))}")
    default = NESTED if NESTED in files else "conversations"
    return tuple(
        ReleaseTable(
            name,
            NESTED_DESCRIPTION if name == NESTED else VIEWS[name].description,
            nested_schema() if name == NESTED else VIEWS[name].arrow_schema(),
            VIEWS.get(name),
            tuple(files[name]),
            name == default,
        )
        for name in (NESTED, *VIEWS)
        if name in files
    )


@dataclass(frozen=True, slots=True)
class Column:
    """One column or nested field as the data dictionary shows it; `path` is dotted, `[]` marks a list."""

    path: str
    dtype: str
    is_nullable: bool
    description: str
    unit: str
    values: tuple[str, ...]
    since: str
    source: str


def list_columns(table: ReleaseTable) -> list[Column]:
    """Return every column and nested field of a table in order."""
    if table.view is not None:
        return [_of_view(field.name, field) for field in table.view.fields]
    top = {field.name: field for field in VIEWS["conversations"].fields}
    columns = [_of_view(field.name, top[field.name]) for field in table.schema if field.name in top]
    inner = {
        "messages[]": {f.name: f for f in VIEWS["messages"].fields},
        "messages[].thoughts[]": {f.name: f for f in VIEWS["thoughts"].fields},
    }
    for field in table.schema:
        if field.name not in top:
            columns += _nested(field, field.name, inner)
    return columns


def _nested(field: pa.Field, path: str, inner: Mapping[str, Mapping[str, Field]]) -> Iterator[Column]:
    item = field.type.value_type
    about = (field.metadata or {}).get(b"description", b"The thoughts written on the message.").decode()
    yield Column(f"{path}[]", "list<struct>", field.nullable, about, "", (), "1.0.0", "release")
    for child in item:
        child_path = f"{path}[].{child.name}"
        if pa.types.is_list(child.type) and pa.types.is_struct(child.type.value_type):
            yield from _nested(child, child_path, inner)
        else:
            yield _of_view(child_path, inner[f"{path}[]"][child.name])


def _of_view(path: str, field: Field) -> Column:
    return Column(
        path,
        field.dtype,
        field.nullable,
        field.description,
        field.unit or "",
        field.values,
        field.since,
        field.source,
    )
