"""The data dictionary, for machines (`schema.json`) and for people (`schema.md`)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from schemas.fields import SCHEMA_VERSION
from tasks.report.inputs import LabelNode, ReportInputs
from tasks.report.layout import Column, ReleaseTable, list_columns
from tasks.report.markdown import markdown_text

_FACET_OF = {
    "label": ("reason", "reaction"),
    "relationship": ("relationship",),
    "topic_domains": ("topic",),
    "topic_subtopics": ("topic",),
}


def write_schema_json(inputs: ReportInputs, tables: Sequence[ReleaseTable]) -> bytes:
    """Return `schema.json`: tables, columns, keys, and what every label means."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "release": inputs.version,
        "tables": {table.name: _describe(table) for table in tables},
        "labels": {
            facet: [
                {"id": n.id, "name": n.name, "parent": n.parent, "definition": n.definition} for n in nodes
            ]
            for facet, nodes in sorted(inputs.taxonomies.items())
        },
    }
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()


def _describe(table: ReleaseTable) -> dict[str, Any]:
    view = table.view
    return {
        "description": table.description,
        "path": f"{table.name}/*.parquet",
        "n_rows": table.n_rows,
        "primary_key": list(view.primary_key) if view else ["conversation_id"],
        "foreign_keys": dict(view.foreign_keys) if view else {},
        "columns": [_column(column) for column in list_columns(table)],
    }


def _column(column: Column) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": column.path,
        "dtype": column.dtype,
        "nullable": column.is_nullable,
        "description": column.description,
    }
    if column.unit:
        described["unit"] = column.unit
    if column.values:
        described["values"] = list(column.values)
    facets = _FACET_OF.get(column.path.rpartition(".")[2])
    if facets:
        described["values_from"] = [f"labels.{facet}" for facet in facets]
    return {**described, "since": column.since, "source": column.source}


def write_schema_md(inputs: ReportInputs, tables: Sequence[ReleaseTable]) -> bytes:
    """Return `schema.md`: one section a table, one row a column, then the labels."""
    out = [
        f"# Data dictionary of {markdown_text(inputs.settings.title)} {inputs.version}",
        f"Schema version {SCHEMA_VERSION}. One folder a table; every table is Parquet. Text columns are UTF-8, "
        "times are UTC in microseconds, an empty list means none, null means what the column says.",
    ]
    for table in tables:
        key = ", ".join(f"`{k}`" for k in (table.view.primary_key if table.view else ("conversation_id",)))
        out += [
            f"## `{table.name}`",
            f"{table.description} {table.n_rows:,} rows. Key: {key}."
            + (" This is the default config." if table.is_default else ""),
        ]
        if table.view and table.view.foreign_keys:
            out.append(
                "Refers to: "
                + ", ".join(f"`{column}` → `{to}`" for column, to in table.view.foreign_keys)
                + "."
            )
        out.append(
            "\n".join(
                [
                    "| Column | Type | Null | Unit | Meaning | Since |",
                    "|---|---|---|---|---|---|",
                    *(_row(column) for column in list_columns(table)),
                ]
            )
        )
    out.append("## Labels")
    out.append("Tables hold node ids. Names may change with a taxonomy version, ids keep their meaning.")
    for facet, nodes in sorted(inputs.taxonomies.items()):
        out.append(f"### {facet.capitalize()}")
        out.append("\n".join(["| Id | Name | Under | Meaning |", "|---|---|---|---|", *_label_rows(nodes)]))
    return ("\n\n".join(out) + "\n").encode()


def _row(column: Column) -> str:
    values = f" One of: {', '.join(f'`{v}`' for v in column.values)}." if column.values else ""
    null = "yes" if column.is_nullable else "no"
    return (
        f"| `{column.path}` | {column.dtype} | {null} | {column.unit} | "
        f"{markdown_text(column.description)}{values} | {column.since} |"
    )


def _label_rows(nodes: Sequence[LabelNode]) -> list[str]:
    names: Mapping[str, str] = {node.id: node.name for node in nodes}
    return [
        f"| `{n.id}` | {markdown_text(n.name)} | {markdown_text(names.get(n.parent or '', ''))} | "
        f"{markdown_text(n.definition)} |"
        for n in nodes
    ]
