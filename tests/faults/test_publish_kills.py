"""kill -9 at every step and at random times: what is visible is always sound, a repeat completes it.

`FAULT_KILLS` sets the number of random kills, `FAULT_RACES` that of races (few by default; `make faults`
asks for 50 and 20).
"""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from tasks.publish.candidate import delete_candidate, list_candidates
from tasks.publish.latest import read_latest
from tasks.publish.publish import STEPS
from tasks.publish.releases import latest_version, list_versions, read_manifest
from tasks.publish.verify import verify_release
from tasks.storage.store import Store, open_store
from tests.faults.all_is_well import assert_all_is_well
from tests.faults.publisher import start_publisher
from tests.publishing import publish, release, stage

pytestmark = pytest.mark.faults
_FEW = 4
"""Random kills of the short form, on a folder; a server, where each takes five times as long, gets two."""
KILLS = int(os.environ.get("FAULT_KILLS", _FEW))
RACES = int(os.environ.get("FAULT_RACES", "1"))


@pytest.fixture(params=["local", "weed"])
def store(request, tmp_path: Path) -> Store:
    if request.param == "local":
        return open_store(str(tmp_path / "store"))
    return open_store(request.getfixturevalue("weed_env").new_uri())


def assert_complete(store: Store, version: str, others: int = 0) -> None:
    report = verify_release(store, version)
    assert (report.problems, report.notes) == ([], [])
    assert read_latest(store)[0].version == latest_version(store) == version
    assert not store.list("private/intents/")
    left = {o.key.split("/")[2] for o in store.list("private/candidates/")}
    assert len(left) == others


@pytest.mark.fault(
    "process",
    "publication killed after each of its steps",
    "visible releases verify; a repeat completes it",
)
def test_killed_after_each_step(store: Store, record_property) -> None:
    release(store, "v1.0.0", range(2))
    steps = STEPS if store.is_local or KILLS > _FEW else ("S2", "S5", "S6", "S7")
    for number, step in enumerate(steps, start=1):
        version = f"v1.{number}.0"
        candidate = stage(store, version, range(2 + number))
        child = start_publisher(store.uri, candidate.candidate_id, f"run-{number}", crash_at=step)
        child.join(60)
        assert child.exitcode == -9, step
        assert verify_release(store, latest_version(store)).is_sound, step
        committed = step >= "S5"
        assert (version in list_versions(store)) is committed, step
        assert (read_latest(store)[0].version == version) is (step >= "S7"), step
        # the same run; or, while the commit is unfinished, any run. The dead one's lock holds nobody up
        run = "another" if "S5" <= step < "S8" else f"run-{number}"
        began = time.monotonic()
        published = publish(store, candidate, run)
        assert time.monotonic() - began < 25, step
        assert published.manifest.publish_id == f"run-{number}"
        assert_complete(store, version)
    record_property("rounds", len(steps))
    assert_all_is_well(store)


@pytest.mark.fault(
    "process",
    "publication killed at random times",
    "visible releases verify; a repeat completes it",
)
def test_killed_at_random_times(store: Store, record_property) -> None:
    release(store, "v1.0.0", range(3))
    rng = random.Random(os.environ.get("FAULT_SEED", "7"))
    n_kills = KILLS if KILLS > _FEW or store.is_local else 2
    whole_s, n_killed, number = 0.0, 0, 0
    start_publisher(store.uri, "none", "warm").join(60)
    while n_killed < n_kills:
        number += 1
        assert number <= 5 * n_kills + 1, "nearly every publication was over before it was killed"
        version = f"v1.{number}.0"
        candidate = stage(store, version, range(3 + number % 4))
        began = time.monotonic()
        child = start_publisher(store.uri, candidate.candidate_id, f"run-{number}")
        if whole_s:
            time.sleep(rng.uniform(0, whole_s))
            child.kill()
        child.join(60)
        took = time.monotonic() - began
        n_killed += child.exitcode == -9
        # how long it takes: the first one says, and every one that was over sooner
        whole_s = min(whole_s or took, took) if child.exitcode == 0 else whole_s
        # what is visible now is sound, whenever it was
        visible = list_versions(store)
        assert verify_release(store, visible[-1]).problems == [], version
        publish(store, candidate, f"run-{number}")
        assert_complete(store, version)
    record_property("rounds", n_killed)
    assert_all_is_well(store)


@pytest.mark.fault(
    "concurrency",
    "three publishers at once",
    "one wins, two are exit 2",
)
def test_one_of_three_publishers_wins(store: Store, tmp_path: Path, record_property) -> None:
    record_property("rounds", RACES)
    for number in range(RACES):
        version = f"v1.{number}.0"
        for old in list_candidates(store.child("private")):
            delete_candidate(store.child("private"), old.candidate_id)
        candidates = [stage(store, version, range(2 + number, 4 + number + i)) for i in range(3)]
        said = [tmp_path / f"said-{i}" for i in range(3)]
        children = [
            start_publisher(
                store.uri, c.candidate_id, f"race-{number}-{i}", sleep_at="S4", sleep_s=0.1, said=said[i]
            )
            for i, c in enumerate(candidates)
        ]
        for child in children:
            child.join(120)
        codes = [child.exitcode for child in children]
        messages = [path.read_text() for path in said]
        assert sorted(codes) == [0, 2, 2], messages
        winner = codes.index(0)
        assert read_manifest(store, version)[0].publish_id == f"race-{number}-{winner}"
        assert [m.split(":")[0] for m in messages if m] == ["ReleaseExistsError"] * 2
        assert_complete(store, version, others=2)
    assert_all_is_well(store)
