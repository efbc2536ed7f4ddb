"""Others at work during a publication: the collector, a withdrawal, a reader. Nothing is lost, nothing half seen."""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from schemas.errors import StaleCandidateError
from tasks.publish.gc import collect_garbage
from tasks.publish.latest import read_latest
from tasks.publish.publish import STEPS
from tasks.publish.releases import latest_version, list_versions, load_release
from tasks.publish.verify import verify_release
from tasks.storage.store import Store, open_store
from tasks.withdraw.plan import file_request, make_request, plan_withdrawal
from tests.faults.all_is_well import assert_all_is_well
from tests.publishing import publish, release, stage
from tests.release_tables import NOW

pytestmark = pytest.mark.faults
AHEAD = datetime.now(UTC) + timedelta(days=8)
"""The collector's clock is off, by more than the days that it leaves files alone."""


STORES = ["local", "weed"] if int(os.environ.get("FAULT_RACES", "1")) > 1 else ["local"]


@pytest.fixture(params=STORES)
def store(request, tmp_path: Path) -> Store:
    if request.param == "local":
        return open_store(str(tmp_path / "store"))
    return open_store(request.getfixturevalue("weed_env").new_uri())


@pytest.mark.fault(
    "concurrency",
    "gc during a publication, its clock eight days ahead",
    "gc waits; nothing that is used is deleted",
)
def test_the_collector_waits_for_the_publisher(store: Store) -> None:
    private = store.child("private")
    release(store, "v1.0.0", range(2))
    candidate = stage(store, "v1.1.0", range(4))
    threads: list[threading.Thread] = []

    def collect() -> None:
        other = open_store(store.uri)
        collect_garbage(other, other.child("private"), grace=timedelta(0), now=AHEAD)

    def start(step: str) -> None:
        if step == "S2" and not threads:
            threads.append(threading.Thread(target=collect))
            threads[0].start()

    publish(store, candidate, "run-2", checkpoint=start)
    threads[0].join(60)
    assert list_versions(store) == ["v1.0.0", "v1.1.0"]
    assert_all_is_well(store)
    assert not private.list("candidates/")


@pytest.mark.parametrize("at", ["S1", "S3", "S4"])
@pytest.mark.fault(
    "concurrency",
    "withdrawal requested before the commit of a publication",
    "the publication is refused",
)
def test_a_withdrawal_before_the_commit_stops_it(store: Store, at: str) -> None:
    private = store.child("private")
    release(store, "v1.0.0", range(3))
    request = make_request(["user1"], NOW)

    def withdraw(step: str) -> None:
        if step == at:
            file_request(private, request)

    with pytest.raises(StaleCandidateError, match="withdrawals or redactions were requested"):
        publish(store, stage(store, "v1.1.0", range(4)), "run-2", checkpoint=withdraw)
    assert list_versions(store) == ["v1.0.0"]


@pytest.mark.fault(
    "concurrency",
    "withdrawal requested after the commit of a publication",
    "the new release is withdrawn from, too",
)
def test_a_withdrawal_after_the_commit_sees_the_release(store: Store) -> None:
    private = store.child("private")
    release(store, "v1.0.0", range(3))
    request = make_request(["user1"], NOW)
    planned: list[str] = []

    def withdraw(step: str) -> None:
        if step == "S5":
            file_request(private, request)
            planned.extend(a.version for a in plan_withdrawal(store, private, request).releases)

    publish(store, stage(store, "v1.1.0", range(4)), "run-2", checkpoint=withdraw)
    assert planned == ["v1.0.0", "v1.1.0"]


@pytest.mark.fault(
    "concurrency",
    "reader during a publication",
    "reads the whole old or the whole new release",
)
def test_a_reader_sees_whole_releases_only(store: Store) -> None:
    release(store, "v1.0.0", range(2))
    people = {"v1.0.0": 2, "v1.1.0": 4}
    seen: list[tuple[str, str]] = []
    begun: set[str] = set()
    lock = threading.Lock()

    def read(step: str) -> None:
        with lock:  # S2 comes once a shard, from several threads
            if step in begun:
                return
            begun.add(step)
        loaded, tables = load_release(store)
        assert tables["participants"].height == people[loaded.version]
        assert verify_release(store, latest_version(store)).problems == []
        pointer, _ = read_latest(store)
        assert verify_release(store, pointer.version).notes == []
        seen.append((step, pointer.version))

    publish(store, stage(store, "v1.1.0", range(4)), "run-2", checkpoint=read)
    before = [s for s in STEPS if s < "S7"]
    assert seen == [*((s, "v1.0.0") for s in before), ("S7", "v1.1.0"), ("S8", "v1.1.0")]
