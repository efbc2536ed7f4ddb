"""A whole release, with a provider that is paid, killed after any write, ended at any time, out of memory.

After each: what is visible verifies, the next plain run succeeds, its funnel reconciles, no question was
answered twice, and a planted address stands nowhere. `FAULT_RELEASES` sets the number of kills.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import resource
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from schemas.params import TaggingOptions
from tasks.publish.releases import list_versions, load_release
from tasks.publish.verify import verify_release
from tasks.storage.store import Store, open_store
from tasks.synth.export import generate
from tests.faults.all_is_well import assert_all_is_well
from tests.faults.killed_flow import run_flow, start_flow
from tests.storage_servers import S3Server
from tests.tag_provider import MODEL, FakeProvider, read_items

pytestmark = pytest.mark.faults
KILLS = int(os.environ.get("FAULT_RELEASES", "1"))
PLANTED = "petra.lindqvist.7741@posteo.example"
MAY_HOLD_RAW_TEXT = "private/steps/"
"""Intermediate files of a run that has not published; gone when it has."""


class Place:
    """An export with a planted address, a store, and what the provider was asked."""

    server: S3Server | None = None
    """Where the stores are; None means in the folder."""

    def __init__(self, folder: Path, provider: FakeProvider) -> None:
        self.folder, self.provider = folder, provider
        records = [json.loads(r) for r in generate(8, 3, "published", short=True).to_bytes().splitlines()]
        for record in records:
            record["messages"][0]["content"] += f" Write to {PLANTED}, please."
        self.export = folder / "export.jsonl"
        self.export.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records))
        self.n_conversations = len(records)
        self.reset("store")

    def reset(self, name: str) -> None:
        self.provider.reset()
        self.provider.fault = self._note
        self.asked: dict[str, list[float]] = {}
        self.store: Store = open_store(self.server.new_uri() if self.server else str(self.folder / name))
        self.options = {
            "exports": [str(self.export)],
            "store": self.store.uri,
            "tagging": TaggingOptions(model=MODEL, budget_usd=1),
            "approval": "none",
            "approved_by": "Ada",
            "has_light_head": True,
        }

    def _note(self, _: int, body: dict[str, Any]) -> None:
        for item in read_items(body):
            text = {k: v for k, v in item.items() if k != "id"}
            question = hashlib.sha256(json.dumps([body["messages"][0], text]).encode()).hexdigest()
            self.asked.setdefault(question, []).append(time.monotonic())

    def count_paid_twice(self, ended_at: float, grace_s: float) -> int:
        """Questions asked again although their answer came more than this before the run ended."""
        return sum(len(at) > 1 and at[0] < ended_at - grace_s for at in self.asked.values())

    def assert_next_run_completes(self, grace_s: float = 0) -> None:
        ended_at = time.monotonic()
        assert_all_is_well(self.store, [PLANTED], (MAY_HOLD_RAW_TEXT,))
        assert run_flow("release", **self.options) == 0
        assert_all_is_well(self.store, [PLANTED], (MAY_HOLD_RAW_TEXT,))
        assert list_versions(self.store) == ["v1.0.0"]
        report = verify_release(self.store, "v1.0.0")
        assert (report.problems, report.notes) == ([], [])
        tables = load_release(self.store, "v1.0.0")[1]
        first = tables["funnel"].filter(stage="ingest", table_name="conversations")["n_in"].item()
        assert first == self.n_conversations == tables["conversations"].height
        assert self.count_paid_twice(ended_at, grace_s) == 0
        assert not self.store.list(MAY_HOLD_RAW_TEXT)
        assert not self.store.list("private/intents/")


@pytest.fixture
def place(tmp_path: Path, provider: FakeProvider, monkeypatch) -> Place:
    monkeypatch.setenv("THOUGHTTRACE_ID_KEY", "k" * 40)
    monkeypatch.setenv("THOUGHTTRACE_STATS__RESAMPLES", "100")
    monkeypatch.setenv("THOUGHTTRACE_INGEST__SHARD_MESSAGES", "30")
    return Place(tmp_path, provider)


@pytest.fixture(params=["local", "weed"] if KILLS > 1 else ["local"])
def anywhere(request: pytest.FixtureRequest, place: Place) -> Place:
    if request.param == "weed":
        place.server = request.getfixturevalue("weed_env")
    return place


@pytest.mark.fault(
    "process",
    "release killed after any write to the store",
    "nothing broken or unscrubbed is visible; the next run completes, no label paid twice, the funnel reconciles",
)
def test_killed_after_any_write(anywhere: Place, record_property) -> None:
    place, n_writes = anywhere, 40
    if KILLS > 1:  # a single kill falls somewhere before that in any case
        place.reset("undisturbed")
        assert run_flow("release", count_to=place.folder / "count", **place.options) == 0
        n_writes = int((place.folder / "count").read_text())
    for number in range(1, KILLS + 1):
        place.reset(f"store-{number}")
        # publication has kills of its own: here most fall before it
        kill_at = round(number * n_writes * 0.98 / (KILLS + 1))
        assert run_flow("release", kill_at=kill_at, **place.options) == -9, kill_at
        place.assert_next_run_completes()
    record_property("rounds", KILLS)


@pytest.mark.fault(
    "process",
    "release ended by SIGTERM at a random time",
    "nothing broken or unscrubbed is visible; the next run completes, only calls under way are asked again",
)
def test_ended_at_a_random_time(place: Place, record_property) -> None:
    if KILLS == 1:  # the short form: after a write in the middle of tagging, always the same
        assert run_flow("release", kill_at=24, kill_by=signal.SIGTERM, **place.options) == -signal.SIGTERM
        place.assert_next_run_completes(grace_s=4)
        record_property("rounds", 1)
        return
    rng = random.Random(os.environ.get("FAULT_SEED", "7"))
    n_ended = 0
    rounds = max(1, KILLS // 2)
    for number in range(rounds):
        place.reset(f"store-{number}")
        process = start_flow("release", **place.options)
        time.sleep(rng.uniform(0.2, 8))
        process.terminate()
        process.join(240)
        assert process.exitcode in {0, -signal.SIGTERM}
        n_ended += process.exitcode != 0
        # answers are saved every two seconds, and at the end of a shard
        place.assert_next_run_completes(grace_s=4)
    record_property("rounds", n_ended)


def wait_for_children(pid: int, deadline: float) -> list[int]:
    """Processes that scrub: children of the flow's process which have loaded their models."""
    while time.monotonic() < deadline:
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                words = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if parent == pid and b"spawn_main" in words:
                found.append(int(entry.name))
        if found:
            return found
        time.sleep(0.02)
    return []


@pytest.mark.fault(
    "process",
    "a scrub worker killed for want of memory, or refused more",
    "exit 1 that says so, nothing visible; the next run completes",
)
@pytest.mark.parametrize("how", ["killed", "refused"] if KILLS > 1 else ["refused"])
def test_a_worker_without_memory(place: Place, how: str, record_property) -> None:
    told = place.folder / "told"
    process = start_flow("release", n_scrubbers=2, told_to=told, **place.options)
    [worker, *_] = wait_for_children(process.pid, time.monotonic() + 120)
    if how == "killed":
        time.sleep(1)
        os.kill(worker, signal.SIGKILL)
    else:
        resource.prlimit(worker, resource.RLIMIT_AS, (300 << 20, 300 << 20))
    process.join(240)
    assert process.exitcode == 1
    assert "memory" in told.read_text()
    assert list_versions(place.store) == []
    place.assert_next_run_completes()
    record_property("rounds", 1)


@pytest.fixture
def disk(place: Place):
    """The store's folder as a file system of its own, and how to change it: read-only, small, large."""
    folder = place.folder / "disk"
    folder.mkdir()

    def mount(*options: str) -> bool:
        words = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(folder)]
        return subprocess.run(words, capture_output=True, check=False).returncode == 0

    if not mount("size=64m"):
        pytest.skip("mounting a file system needs root")
    place.reset("disk/store")
    yield mount
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize(
    ("fault", "told"),
    [("ro", "the file system is read-only"), *([("size=256k", "no space left")] if KILLS > 1 else [])],
)
@pytest.mark.fault(
    "storage",
    "a whole release on a read-only file system, on a full one",
    "exit 3 that says so, nothing visible; the next run completes",
)
def test_a_disk_that_takes_nothing(place: Place, disk, fault: str, told: str) -> None:
    assert disk("remount", fault)
    said = place.folder / "told"
    assert run_flow("release", told_to=said, **place.options) == 3
    assert told in said.read_text()
    assert disk("remount", "rw", "size=64m")
    assert list_versions(place.store) == []
    if KILLS > 1:
        place.assert_next_run_completes()
