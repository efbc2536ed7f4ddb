"""Publishing to a folder: what readers see, what repeats cost, what is refused."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from pathlib import Path

import polars as pl
import pytest

from schemas.errors import (
    NotFoundError,
    ReleaseExistsError,
    StaleCandidateError,
    UsageError,
)
from tasks.publish import layout
from tasks.publish.candidate import list_candidates
from tasks.publish.latest import read_latest
from tasks.publish.publish import finish_interrupted
from tasks.publish.releases import (
    latest_version,
    list_versions,
    load_release,
    read_manifest,
    read_tables,
    resolve_version,
)
from tasks.publish.staged import WriteSettings
from tasks.publish.yank import restore_release, yank_release
from tasks.storage.store import Store, open_store
from tests.publishing import SIDE_FILES, publish, release, stage
from tests.release_tables import NOW, make_tables, make_views


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path / "store"))


def test_staging_changes_nothing_that_readers_see(store: Store) -> None:
    candidate = stage(store, "v1.0.0")
    assert all(o.key.startswith("private/") for o in store.list())
    assert [c.candidate_id for c in list_candidates(store.child("private"))] == [candidate.candidate_id]


def test_staging_twice_is_staging_once(store: Store, tmp_path: Path) -> None:
    first = stage(store, "v1.0.0")
    again = stage(store, "v1.0.0")
    elsewhere = stage(open_store(str(tmp_path / "other")), "v1.0.0")
    assert first == again == elsewhere
    assert stage(store, "v1.0.0", range(9)).candidate_id != first.candidate_id


def test_readers_get_what_was_staged(store: Store, tmp_path: Path) -> None:
    tables = make_tables(range(8))
    published = publish(store, stage(store, "v1.0.0"))
    assert published.version == "v1.0.0"
    loaded, frames = load_release(store)
    assert loaded.sha256 == published.sha256
    for name, frame in tables.items():
        assert frames[name].sort(frame.columns).equals(frame.sort(frame.columns)), name
    glob = tmp_path / "store" / "releases" / "v1.0.0"
    for name, view in make_views(tables).items():
        read = pl.read_parquet(glob / name / "part-*.parquet")
        assert read.sort(view.columns).equals(view.sort(view.columns)), name
    for name, data in SIDE_FILES.items():
        assert (glob / name).read_bytes() == data
    for line in (glob / layout.CHECKSUMS).read_text().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((glob / name).read_bytes()).hexdigest() == digest
    latest = json.loads(store.get("latest.json"))
    assert latest == {
        "version": "v1.0.0",
        "seq": 1,
        "announced": "v1.0.0",
        "manifest_sha256": published.sha256,
    }
    # the candidate and the intent are gone, the lock stays
    assert {o.key for o in store.list("private/")} == set()


def test_rows_come_in_canonical_order(store: Store) -> None:
    release(store, "v1.0.0", range(30), settings=WriteSettings(1, bucket_count=4))
    messages = load_release(store)[1]["messages"]
    assert messages.equals(messages.sort("conversation_id", "position"))


def test_an_unchanged_release_uploads_no_shard(store: Store) -> None:
    release(store, "v1.0.0")
    before = {o.key for o in store.list("shards/")}
    release(store, "v1.0.1", side_files={"README.md": b"# other\n"})
    added = {o.key for o in store.list("shards/")} - before
    manifest, _ = read_manifest(store, "v1.0.1")
    assert added == {f.path for f in manifest.tables["changes"].files}


def test_same_run_may_repeat(store: Store) -> None:
    candidate = stage(store, "v1.0.0")
    first = publish(store, candidate, "run-1")
    again = publish(store, candidate, "run-1")
    assert again.sha256 == first.sha256
    assert again.note


def test_a_version_has_one_publisher(store: Store) -> None:
    one, two = stage(store, "v1.0.0", range(5)), stage(store, "v1.0.0", range(6))
    publish(store, one, "run-1")
    with pytest.raises(ReleaseExistsError, match=r"v1\.0\.0 was published .* by another run \(run-1\)"):
        publish(store, two, "run-2")
    assert list_versions(store) == ["v1.0.0"]


def test_a_candidate_published_by_two_has_one_publisher(store: Store) -> None:
    candidate = stage(store, "v1.0.0")
    results: list[object] = []

    def attempt(name: str) -> None:
        try:
            results.append(publish(store, candidate, name).manifest.publish_id)
        except ReleaseExistsError as error:
            results.append(error)

    def second(step: str) -> None:
        if step == "S4" and not threads:
            threads.append(threading.Thread(target=attempt, args=("run-2",)))
            threads[0].start()
            time.sleep(0.2)

    threads: list[threading.Thread] = []
    publish(store, candidate, "run-1", checkpoint=second)
    threads[0].join()
    assert isinstance(results[0], ReleaseExistsError)
    # whoever comes later finds it done
    assert publish(store, candidate, "run-3").note == "published already"


def test_versions_do_not_go_backwards(store: Store) -> None:
    release(store, "v1.2.0")
    with pytest.raises(UsageError, match=r"v1\.1\.0 is not above v1\.2\.0"):
        release(store, "v1.1.0", range(9))


def test_a_candidate_whose_parent_is_old_is_stale(store: Store) -> None:
    release(store, "v1.0.0")
    waiting = stage(store, "v1.2.0", range(9))
    release(store, "v1.1.0", range(10))
    with pytest.raises(StaleCandidateError, match=r"follows v1\.0\.0, but the latest is now v1\.1\.0"):
        publish(store, waiting, "run-late")


@pytest.mark.parametrize("folder", ["withdrawals", "redactions"])
def test_a_withdrawal_or_redaction_makes_a_candidate_stale(store: Store, folder: str) -> None:
    waiting = stage(store, "v1.0.0")
    store.put(f"private/{folder}/w1/request.json", b"{}")
    with pytest.raises(StaleCandidateError, match="withdrawals or redactions"):
        publish(store, waiting)
    publish(store, stage(store, "v1.0.0", withdrawals=["w1"]))


def test_yanking_moves_latest_and_keeps_the_files(store: Store) -> None:
    release(store, "v1.0.0")
    release(store, "v1.1.0", range(9))
    latest = yank_release(store, "v1.1.0", why="wrong labels", now=NOW)
    assert (latest.version, latest.seq, latest.announced) == ("v1.0.0", 3, "v1.1.0")
    assert latest_version(store) == resolve_version(store, "latest") == "v1.0.0"
    assert load_release(store, "v1.1.0")[0].is_yanked
    assert yank_release(store, "v1.1.0", why="again", now=NOW).seq == 3
    assert b"wrong labels" in store.get("CHANGELOG.md")
    assert b"again" not in store.get("CHANGELOG.md")
    yank_release(store, "v1.0.0", why="all wrong", now=NOW)
    assert latest_version(store) is None
    with pytest.raises(NotFoundError):
        resolve_version(store, "latest")


def test_a_yank_can_be_taken_back_but_not_a_withdrawal(store: Store) -> None:
    release(store, "v1.0.0")
    release(store, "v1.1.0", range(9))
    yank_release(store, "v1.1.0", why="a mistake", now=NOW)
    assert restore_release(store, "v1.1.0").version == "v1.1.0"
    assert b"Yanked" not in store.get("CHANGELOG.md")
    assert restore_release(store, "v1.1.0").version == "v1.1.0"
    yank_release(store, "v1.1.0", why="a mistake", now=NOW)
    yank_release(store, "v1.1.0", why="participants withdrew", now=NOW, is_final=True)
    with pytest.raises(UsageError, match="cannot be undone"):
        restore_release(store, "v1.1.0")
    assert latest_version(store) == "v1.0.0"


def test_yank_needs_a_reason_and_a_release(store: Store) -> None:
    release(store, "v1.0.0")
    with pytest.raises(UsageError, match="--why"):
        yank_release(store, "v1.0.0", why=" ", now=NOW)
    with pytest.raises(NotFoundError):
        yank_release(store, "v9.0.0", why="x", now=NOW)


def test_latest_is_only_a_hint(store: Store) -> None:
    release(store, "v1.0.0")
    store.delete("latest.json")
    assert resolve_version(store, "latest") == "v1.0.0"


def test_side_files_may_not_take_our_names(store: Store) -> None:
    for name in ("manifest.json", "SHA256SUMS", "../x", "/x"):
        with pytest.raises(UsageError):
            stage(store, "v1.0.0", side_files={name: b"x"})


def test_finishing_what_was_cut_short(store: Store) -> None:
    class CrashError(Exception):
        pass

    def crash(step: str) -> None:
        if step == "S5":
            raise CrashError

    candidate = stage(store, "v1.0.0")
    with pytest.raises(CrashError):
        publish(store, candidate, "run-1", checkpoint=crash)
    assert read_latest(store) == (None, None)
    done = finish_interrupted(store, store.child("private"), publish_id="other", now=NOW)
    assert done == ["v1.0.0"]
    assert read_latest(store)[0].version == "v1.0.0"
    manifest, _ = read_manifest(store, "v1.0.0")
    assert read_tables(store, manifest, views=True)["messages"].height


def test_a_newer_manifest_is_named(store: Store) -> None:
    release(store, "v1.0.0")
    document = json.loads(store.get("releases/v1.0.0/manifest.json"))
    store.put("releases/v1.0.0/manifest.json", json.dumps({**document, "format": "x/9"}).encode())
    with pytest.raises(UsageError, match=r"'x/9'.*upgrade"):
        read_manifest(store, "v1.0.0")
