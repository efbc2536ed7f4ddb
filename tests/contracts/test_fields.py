"""The column definitions are complete and agree with the committed snapshot."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from schemas.fields import TABLES, VIEWS

SNAPSHOT = Path(__file__).with_name("tables.snapshot.json")


def describe() -> dict[str, list[str]]:
    tables = {**TABLES, **{f"view.{n}": t for n, t in VIEWS.items()}}
    return {
        name: [f"{f.name}: {f.dtype}{' null' if f.nullable else ''}" for f in table.fields]
        for name, table in sorted(tables.items())
    }


def test_tables_equal_the_snapshot() -> None:
    # after a wanted change: python -m tests.contracts.test_fields, and raise SCHEMA_VERSION
    assert describe() == json.loads(SNAPSHOT.read_text())


@pytest.mark.parametrize("table", [*TABLES.values(), *VIEWS.values()], ids=lambda t: t.name)
def test_columns_are_described_and_keys_exist(table) -> None:
    assert len(set(table.columns)) == len(table.columns)
    assert set(table.primary_key) <= set(table.columns)
    for field in table.fields:
        assert field.description.endswith("."), field.name
    for column, target in table.foreign_keys:
        other, target_column = target.split(".")
        assert column in table.columns
        assert target_column in TABLES[other].columns


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda t: t.name)
def test_polars_and_arrow_agree(table) -> None:
    assert table.empty().to_arrow().schema.names == table.arrow_schema().names
    assert table.empty().to_arrow().cast(table.arrow_schema()).num_rows == 0


if __name__ == "__main__":
    SNAPSHOT.write_text(json.dumps(describe(), indent=1) + "\n")
