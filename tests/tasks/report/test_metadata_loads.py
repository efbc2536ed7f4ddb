"""A release with its metadata loads with every reader that the card names, with equal numbers."""

from __future__ import annotations

import hashlib
import io
import json
import re
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq
import pytest
import yaml

from schemas.fields import VIEWS
from tasks.assemble.nested import nest_conversations, nested_schema
from tasks.assemble.views import build_views
from tasks.report.inputs import TableFile
from tasks.report.layout import NESTED, lay_out, list_columns
from tasks.report.metadata import render_metadata
from tasks.storage.parquet import encode_table
from tests.report_release import make_changes, make_funnel, make_inputs, make_quarantine, make_tables


def encode_nested(frame: pl.DataFrame) -> bytes:
    sink = io.BytesIO()
    with pq.ParquetWriter(sink, nested_schema()) as writer:
        if frame.height:
            writer.write_table(frame.to_arrow().cast(nested_schema()))
    return sink.getvalue()


def write_release(folder: Path, *, n_conversations: int) -> Path:
    """Write the reader views and the metadata of an invented release into a folder."""
    base = make_tables(n_conversations)
    base |= {"changes": make_changes(), "funnel": make_funnel(), "quarantine_summary": make_quarantine()}
    views = build_views(base, {})
    frames = {**views, NESTED: nest_conversations(views)}
    files: dict[str, list[TableFile]] = {}
    for name, frame in frames.items():
        parts = 2 if name == "messages" and frame.height > 1 else 1
        size = -(-frame.height // parts)
        for i in range(parts):
            path = folder / name / f"part-{i:05d}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            part = frame.slice(i * size, size)
            data = encode_table(part, VIEWS[name]) if name in VIEWS else encode_nested(part)
            path.write_bytes(data)
            files.setdefault(name, []).append(
                TableFile(f"{name}/{path.name}", hashlib.sha256(data).hexdigest(), part.height, len(data))
            )
    for name, content in render_metadata(make_inputs(tables=base), files).items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_release(tmp_path_factory.mktemp("v1.1.0"), n_conversations=8)


@pytest.fixture(scope="module")
def rows(release: Path) -> dict[str, int]:
    schema = json.loads((release / "schema.json").read_text())
    return {name: table["n_rows"] for name, table in schema["tables"].items()}


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "HF_HUB_DISABLE_TELEMETRY"):
        monkeypatch.setenv(name, "1")
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)


ALL = [NESTED, *VIEWS]


@pytest.mark.usefixtures("offline")
def test_huggingface_loads_every_config(release: Path, rows: dict[str, int], tmp_path: Path) -> None:
    from datasets import get_dataset_config_names, load_dataset

    assert sorted(get_dataset_config_names(str(release))) == sorted(ALL)
    for name in ALL:
        loaded = load_dataset(str(release), name, split="train", cache_dir=str(tmp_path))
        assert loaded.num_rows == rows[name] == pl.read_parquet(release / name / "*.parquet").height
        assert loaded.column_names == pq.read_schema(release / name / "part-00000.parquet").names
    first = load_dataset(str(release), split="train", cache_dir=str(tmp_path))[0]
    assert first["messages"][0]["role"] == "user"
    assert {"kind", "label"} <= set(next(t for m in first["messages"] for t in m["thoughts"]))


@pytest.mark.usefixtures("offline")
def test_huggingface_streams_every_config(release: Path, rows: dict[str, int]) -> None:
    from datasets import load_dataset

    for name in ALL:
        streamed = load_dataset(str(release), name, split="train", streaming=True)
        assert sum(1 for _ in streamed) == rows[name], name


@pytest.mark.usefixtures("offline")
def test_tables_without_rows_are_no_configs(tmp_path: Path) -> None:
    # `datasets` cannot load a table without rows: the card leaves it out and says so
    from datasets import get_dataset_config_names, load_dataset

    release = write_release(tmp_path / "v0.0.1", n_conversations=0)
    assert get_dataset_config_names(str(release)) == ["changes", "funnel", "quarantine_summary"]
    assert load_dataset(str(release), "funnel", split="train", cache_dir=str(tmp_path / "c")).num_rows == 7
    assert (
        "| `thoughts` | 0 | One row a thought: a reason on a user message or a reaction on an assistant message. No rows, so no config. |"
        in (release / "README.md").read_text()
    )
    assert pl.read_parquet(release / "thoughts").height == 0


def test_duckdb_pandas_polars_and_pyarrow_agree(release: Path, rows: dict[str, int]) -> None:
    import duckdb
    import pandas as pd

    for name in ALL:
        folder = release / name
        counted = duckdb.connect().execute(f"SELECT count(*) FROM '{folder}/*.parquet'").fetchone()
        assert (
            {rows[name]}
            == set(counted or ())
            == {len(pd.read_parquet(folder))}
            == {pl.scan_parquet(folder).select(pl.len()).collect().item()}
            == {pads.dataset(folder).count_rows()}
        )
    inside = (
        duckdb.connect()
        .execute(f"SELECT count(*) FROM (SELECT unnest(messages) FROM '{release}/{NESTED}/*.parquet')")
        .fetchone()
    )
    assert inside == (rows["messages"],)


def test_croissant_is_valid_and_reads_records(release: Path, rows: dict[str, int]) -> None:
    import mlcroissant as mlc

    dataset = mlc.Dataset(jsonld=str(release / "croissant.json"))
    assert not dataset.metadata.ctx.issues.errors
    assert not dataset.metadata.ctx.issues.warnings
    for name in ("thoughts", "messages", "labels", "participants"):
        records = list(dataset.records(name))
        assert len(records) == rows[name]
        assert {key.partition("/")[2] for key in records[0]} == set(VIEWS[name].columns)


def test_croissant_digests_are_those_of_the_files(release: Path) -> None:
    document = json.loads((release / "croissant.json").read_text())
    objects = [d for d in document["distribution"] if d["@type"] == "cr:FileObject"]
    assert len(objects) == len(list(release.glob("*/*.parquet")))
    for entry in objects:
        data = (release / entry["contentUrl"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == entry["sha256"]


def test_dictionary_card_croissant_and_files_name_the_same_columns(release: Path) -> None:
    front = yaml.safe_load((release / "README.md").read_text().split("---\n")[1])
    features = {d["config_name"]: [f["name"] for f in d["features"]] for d in front["dataset_info"]}
    schema = json.loads((release / "schema.json").read_text())["tables"]
    croissant = json.loads((release / "croissant.json").read_text())
    fields = {r["@id"]: [f["name"] for f in r["field"]] for r in croissant["recordSet"]}
    for name in ALL:
        written = pq.read_schema(release / name / "part-00000.parquet").names
        listed = [c["name"].partition("[]")[0] for c in schema[name]["columns"]]
        assert written == features[name] == list(dict.fromkeys(listed))
        assert name == NESTED or fields[name] == written
        assert f"## `{name}`" in (release / "schema.md").read_text()


def test_every_column_and_nested_field_is_described(release: Path) -> None:
    for name, table in json.loads((release / "schema.json").read_text())["tables"].items():
        for column in table["columns"]:
            assert column["description"].endswith("."), (name, column)
            assert column["since"].count(".") == 2
    nested = lay_out({NESTED: []})[0]
    leaves = {c.path for c in list_columns(nested)}
    assert {"messages[]", "messages[].role", "messages[].thoughts[]", "messages[].thoughts[].label"} <= leaves
    assert pa.types.is_list(nested.schema.field("messages").type)


def test_numbers_of_the_card_are_those_of_the_statistics(release: Path) -> None:
    card = (release / "README.md").read_text()
    stats = make_inputs().stats
    shown = dict(re.findall(r"^\| ([^|]+?) \| ([\d,.]+) \|", card, flags=re.MULTILINE))
    for label, key in {
        "Participants": "participants",
        "Conversations": "conversations",
        "Messages": "messages",
        "User messages": "user_messages",
        "Thoughts": "thoughts",
        "Reasons": "reasons",
        "Reactions": "reactions",
        "Chatbot models": "models",
    }.items():
        assert int(shown[label].replace(",", "")) == stats["counts"][key]
    for part in ("reasons", "reactions"):
        for row in stats[part]["labels"]:
            assert f"{row['share'] * 100:.1f} % | {row['low'] * 100:.1f}–{row['high'] * 100:.1f} %" in card


def test_card_forbids_re_identification_and_says_how_to_withdraw(release: Path) -> None:
    card = (release / "README.md").read_text()
    assert "Re-identification is forbidden" in card
    for heading in (
        "Load it", "Intended use", "Out of scope", "Collection", "Privacy", "Labels", "Known limits",
        "Withdrawal and reports", "Changes", "Licence and citation",
    ):  # fmt: skip
        assert f"\n## {heading}\n" in card


def test_citation_is_a_dataset_of_this_version(release: Path) -> None:
    cff = yaml.safe_load((release / "CITATION.cff").read_text())
    assert cff["cff-version"] == "1.2.0"
    assert (cff["type"], cff["version"], cff["license"]) == ("dataset", "v1.1.0", "CC-BY-4.0")
    assert cff["date-released"] == "2026-05-20"
    assert cff["authors"]


def test_metadata_is_the_same_every_time(release: Path) -> None:
    files = {"thoughts": [TableFile("thoughts/part-00000.parquet", "0" * 64, 3, 9)]}
    assert render_metadata(make_inputs(), files) == render_metadata(make_inputs(), files)
    assert "/tmp" not in (release / "README.md").read_text()


def test_names_cannot_format_the_card() -> None:
    evil = "<img src=x onerror=alert(1)> | `x` [y](javascript:alert(1)) \u202e *b*"
    stats = make_inputs().stats
    stats["reasons"]["labels"][0]["name"] = evil
    stats["labelling"]["provenance"][0]["labeller"] = evil
    card = render_metadata(make_inputs(stats=stats), {})["README.md"].decode()
    assert "<img" not in card
    assert "[y](javascript" not in card
    assert "\u202e" not in card
    assert "&lt;img" in card


def test_a_table_without_definition_is_refused() -> None:
    with pytest.raises(KeyError, match="secrets"):
        lay_out({"secrets": []})
