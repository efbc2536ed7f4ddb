"""Readers load an S3 release with the tools they have, with a key that may only read."""

from __future__ import annotations

import json

import polars as pl
import pytest

from tasks.storage.store import open_store
from tests.publishing import release
from tests.release_tables import make_tables
from tests.storage_servers import READER, S3Server

N_MESSAGES = make_tables(range(4))["messages"].height


@pytest.fixture(scope="module")
def published(weed: S3Server):
    with pytest.MonkeyPatch.context() as patch:
        for name, value in weed.environment().items():
            patch.setenv(name, value)
        uri = weed.new_uri()
        release(open_store(uri), "v1.0.0", range(4))
        for name, value in weed.environment(READER).items():
            patch.setenv(name, value)
        yield uri


@pytest.fixture
def options(weed: S3Server) -> dict[str, object]:
    """What fsspec-based tools need."""
    return {"key": READER[0], "secret": READER[1], "client_kwargs": {"endpoint_url": weed.endpoint}}


def test_polars(published: str) -> None:
    frame = pl.scan_parquet(f"{published}/releases/v1.0.0/messages/part-*.parquet")
    assert frame.select(pl.len()).collect().item() == N_MESSAGES


def test_polars_over_the_manifest(published: str) -> None:
    store = open_store(published)
    manifest = json.loads(store.get("releases/v1.0.0/manifest.json"))
    paths = [f"{published}/{f['path']}" for f in manifest["tables"]["messages"]["files"]]
    assert pl.scan_parquet(paths).select(pl.len()).collect().item() == N_MESSAGES


def test_duckdb(published: str, options) -> None:
    duckdb = pytest.importorskip("duckdb")
    s3fs = pytest.importorskip("s3fs")
    connection = duckdb.connect()
    connection.register_filesystem(s3fs.S3FileSystem(**options))
    query = f"SELECT count(*) FROM read_parquet('{published}/releases/v1.0.0/messages/*.parquet')"
    assert connection.execute(query).fetchone() == (N_MESSAGES,)


def test_pandas(published: str, options) -> None:
    pandas = pytest.importorskip("pandas")
    path = f"{published}/releases/v1.0.0/messages/part-00000.parquet"
    assert len(pandas.read_parquet(path, storage_options=options)) == N_MESSAGES


def test_datasets(published: str, options, tmp_path) -> None:
    datasets = pytest.importorskip("datasets")
    files = f"{published}/releases/v1.0.0/thoughts/part-00000.parquet"
    rows = datasets.load_dataset(
        "parquet",
        data_files={"train": files},
        storage_options=options,
        streaming=True,
        cache_dir=str(tmp_path),
    )["train"]
    first = next(iter(rows))
    assert set(first) >= {"thought_id", "content", "label"}
