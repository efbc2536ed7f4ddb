"""What a change costs: files that hold nothing new are not uploaded again. At 10,000 conversations."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from schemas.errors import DataError
from tasks.publish import partitions
from tasks.publish.partitions import (
    PARTITIONED,
    choose_buckets,
    plan_partitions,
    read_partition,
    split_table,
)
from tasks.publish.releases import load_release, read_manifest
from tasks.publish.staged import WriteSettings
from tasks.storage.store import Store, open_store
from tasks.withdraw.plan import remove_participants
from tests.publishing import release
from tests.release_tables import make_tables

REPO = Path(__file__).parents[3]
FAST = WriteSettings(zstd_level=1)


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Store:
    store = open_store(str(tmp_path_factory.mktemp("large")))
    tables = make_tables(range(5_000), n_words=40)
    assert 9_500 < tables["conversations"].height < 10_500
    release(store, "v1.0.0", tables=tables, settings=FAST)
    return store


def uploaded_share(store: Store, before: str, after: str) -> float:
    """Bytes of shards that only the later release names, as a share of its shards."""
    old = {f.sha256 for t in read_manifest(store, before)[0].tables.values() for f in t.files}
    new = [f for t in read_manifest(store, after)[0].tables.values() for f in t.files]
    return sum(f.n_bytes for f in new if f.sha256 not in old) / sum(f.n_bytes for f in new)


def test_an_append_and_a_withdrawal_upload_a_tenth_at_most(store: Store) -> None:
    # people come back as well as new ones: 2 % more conversations
    more = make_tables(range(5_000, 5_100), n_words=40)
    old = load_release(store)[1]
    grown = {
        n: pl.concat([old[n], more[n]])
        for n in ("participants", "conversations", "messages", "thoughts", "labels")
    }
    release(store, "v1.1.0", tables={**old, **grown}, settings=FAST)
    appended = uploaded_share(store, "v1.0.0", "v1.1.0")
    left = remove_participants(load_release(store)[1], ["user4321"])
    release(store, "v1.1.1", tables=left, settings=FAST)
    withdrawn = uploaded_share(store, "v1.1.0", "v1.1.1")
    assert 0 < appended <= 0.10
    assert 0 < withdrawn <= 0.10


@pytest.mark.parametrize("is_file", [False, True])
def test_every_row_is_in_one_partition(tmp_path: Path, monkeypatch, is_file: bool) -> None:
    monkeypatch.setattr(partitions, "_PIECE_BYTES", 2_000)
    tables = make_tables(range(40))
    lazy = {name: frame.lazy() for name, frame in tables.items()}
    plan = plan_partitions(lazy, bucket_count=8)
    parts: dict[str, list[pl.DataFrame]] = {}
    for name in PARTITIONED:
        (tmp_path / name).mkdir()
        source = tmp_path / f"{name}.parquet"
        tables[name].write_parquet(source, row_group_size=100)
        found = split_table(name, source if is_file else tables[name], plan, tmp_path / name)
        assert len(list((tmp_path / name).rglob("*.parquet"))) > len(found)
        parts[name] = [read_partition(name, path, tables[name].clear()) for path in found.values()]
        rows = pl.concat(parts[name])
        assert rows.sort(rows.columns).equals(tables[name].sort(rows.columns)), name
    owners = [set(p["participant_id"]) for p in parts["conversations"]]
    assert sum(map(len, owners)) == len(set().union(*owners))


def test_a_row_of_no_conversation_is_refused(tmp_path: Path) -> None:
    tables = make_tables(range(3))
    plan = plan_partitions({name: frame.lazy() for name, frame in tables.items()})
    lost = tables["messages"].with_columns(conversation_id=pl.lit("nobody"))
    with pytest.raises(DataError, match=r"messages: .* rows belong to no conversation"):
        split_table("messages", lost, plan, tmp_path)


@pytest.mark.parametrize(
    ("n_messages", "buckets"), [(0, 1), (3_000, 1), (17_000, 8), (80_000, 32), (10**7, 64)]
)
def test_buckets_grow_with_the_data(n_messages: int, buckets: int) -> None:
    assert choose_buckets(n_messages) == buckets


def test_threads_do_not_show() -> None:
    code = (
        "import sys, tempfile; from tasks.storage.store import open_store; from tests.publishing import stage;"
        "c = stage(open_store(tempfile.mkdtemp()), 'v1.0.0', range(300));"
        "print(c.candidate_id, *(f.sha256 for t in c.tables.values() for f in t.files))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=REPO,
            env=os.environ
            | {"POLARS_MAX_THREADS": n, "OMP_NUM_THREADS": n, "PYTHONHASHSEED": n, "PYTHONPATH": "."},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for n in ("1", "4")
    }
    assert len(outputs) == 1
