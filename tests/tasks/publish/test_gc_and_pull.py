"""What nobody refers to goes; what is pulled is what was published."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from schemas.errors import VerificationError
from tasks.memo.steps import WORK
from tasks.publish.candidate import list_candidates
from tasks.publish.gc import collect_garbage, find_garbage
from tasks.publish.pull import pull_difference, pull_release
from tasks.publish.verify import verify_release
from tasks.storage.store import Store, open_store
from tests.publishing import publish, release, stage
from tests.release_tables import make_tables

DAY = timedelta(days=1)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = open_store(str(tmp_path / "store"))
    release(store, "v1.0.0")
    return store


def collect(store: Store, **options) -> list[str]:
    from datetime import UTC, datetime

    work = find_garbage if options.get("dry") else collect_garbage
    now = datetime.now(UTC) + options.get("later", timedelta())
    return [g.info.key for g in work(store, store.child("private"), grace=DAY, now=now)]


def test_published_files_are_no_garbage(store: Store) -> None:
    release(store, "v1.1.0", range(9))
    assert collect(store, later=30 * DAY) == []


def test_orphans_go_after_the_grace_period(store: Store) -> None:
    orphan = "shards/ab/" + "ab" * 32 + ".parquet"
    store.put(orphan, b"x")
    store.put(".probe/1", b"x")
    store.put("private/candidates/dead/files/x", b"x")
    assert collect(store) == []
    assert orphan in collect(store, later=2 * DAY, dry=True)
    assert store.head(orphan) is not None
    assert set(collect(store, later=2 * DAY)) == {orphan, ".probe/1", "candidates/dead/files/x"}
    assert verify_release(store, "v1.0.0").is_sound


def test_every_night_goes_what_runs_left_and_nothing_that_readers_could_see(store: Store) -> None:
    from flows.gc import collect_leftovers

    orphan, left = "shards/ab/" + "ab" * 32 + ".parquet", f"private/{WORK}/scrub/f1/part.parquet"
    for key in (orphan, left):
        store.put(key, b"x")
    place = str(store.uri)
    assert collect_leftovers.fn(store=place) == {"n_files": 0, "n_bytes": 0, "counts": {}}
    assert list(collect_leftovers.fn(grace_days=0, store=place)["counts"]) == [
        "intermediate file of a run that published nothing"
    ]
    assert store.head(left) is None
    assert store.head(orphan) is not None
    assert collect_leftovers.fn(everything=True, grace_days=0, store=place)["n_files"] == 1
    assert verify_release(store, "v1.0.0").is_sound


def test_an_intent_protects_its_shards(store: Store) -> None:
    class CrashError(Exception):
        pass

    def crash(step: str) -> None:
        if step == "S4":
            raise CrashError

    candidate = stage(store, "v1.1.0", range(9))
    with pytest.raises(CrashError):
        publish(store, candidate, "run-2", checkpoint=crash)
    uploaded = {o.key for o in store.list("shards/")}
    intent = store.child("private").list("intents/")[0]
    assert collect(store, later=DAY / 2) == []
    # the intent is younger than its grace period, the shards are not: pretend by asking what it protects
    store.put("private/intents/run-2.json", store.child("private").get(intent.key))
    assert {o.key for o in store.list("shards/")} == uploaded
    assert collect(store, later=2 * DAY) != []
    assert verify_release(store, "v1.0.0").is_sound


def test_waiting_candidates_stay_and_stale_ones_go(store: Store) -> None:
    stage(store, "v1.1.0", range(9))
    assert collect(store, later=9 * DAY) == []
    release(store, "v1.2.0", range(10))
    assert len(list_candidates(store.child("private"))) == 1
    collect(store, later=9 * DAY)
    assert list_candidates(store.child("private")) == []


def test_intermediate_files_of_a_run_that_published_nothing_go(store: Store) -> None:
    private = store.child("private")
    private.put(f"{WORK}/ingest/abc/raw.parquet", b"raw")
    private.put(f"{WORK}/ingest/abc/done.json", b"{}")
    assert collect(store, later=DAY / 2) == []
    assert collect(store, later=2 * DAY) == [f"{WORK}/ingest/abc/{n}" for n in ("done.json", "raw.parquet")]
    assert not private.list(f"{WORK}/")


def test_pulled_folder_checks_itself(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "pulled here"
    report = pull_release(store, "v1.0.0", folder)
    assert report.n_fetched == report.n_files
    subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=folder, check=True)
    assert pull_release(store, "v1.0.0", folder).n_fetched == 0
    (folder / "README.md").write_text("damaged")
    assert pull_release(store, "v1.0.0", folder).n_fetched == 1


def test_pulling_another_version_leaves_no_old_part(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "pulled"
    (folder / "messages").mkdir(parents=True)
    (folder / "messages" / "part-00007.parquet").write_bytes(b"old")
    pull_release(store, "v1.0.0", folder)
    assert [p.name for p in (folder / "messages").iterdir()] == ["part-00000.parquet"]


def test_an_altered_file_is_not_kept(store: Store, tmp_path: Path) -> None:
    store.put("releases/v1.0.0/stats.json", b"[]")
    with pytest.raises(VerificationError, match=r"stats\.json was altered"):
        pull_release(store, "v1.0.0", tmp_path / "pulled")
    assert not (tmp_path / "pulled" / "stats.json").exists()


def test_difference_holds_what_is_new_and_what_is_gone(store: Store, tmp_path: Path) -> None:
    tables = make_tables(range(1, 9))
    first = pl.int_range(pl.len()) == 0
    changed = tables["messages"].with_columns(
        content=pl.when(first).then(pl.lit("other")).otherwise("content")
    )
    release(store, "v1.1.0", tables={**tables, "messages": changed})
    report = pull_difference(store, "v1.1.0", "v1.0.0", tmp_path / "delta")
    people = pl.read_parquet(tmp_path / "delta" / "participants.parquet")
    assert people.select("participant_id", "change").rows() == [("user8", "added")]
    messages = pl.read_parquet(tmp_path / "delta" / "messages.parquet")
    assert messages.filter(change="changed")["content"].to_list() == ["other"]
    removed = pl.read_parquet(tmp_path / "delta" / "removed.parquet")
    assert removed.filter(table_name="participants")["key"].to_list() == ["user0"]
    assert report.n_rows["messages"] == messages.height
