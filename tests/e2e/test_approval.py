"""What can happen to a run that waits for a person: a terminal was quicker, it dies after the answer, it is cancelled."""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest
from crash_rounds import find_descendants

from tasks.memo.steps import WORK
from tasks.publish.candidate import list_candidates
from tasks.publish.releases import list_versions, read_manifest
from tasks.storage.store import Store, open_store
from tasks.synth.export import generate, write_export

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def folder(pipeline) -> Path:
    """A store of this story's own."""
    return pipeline.folder / "approval"


@pytest.fixture(scope="module")
def store(folder) -> Store:
    return open_store(str(folder))


def start(pipeline, folder: Path, **parameters) -> str:
    export = str(pipeline.folder / "exports/first.jsonl")
    return pipeline.start("release/release", **{"exports": [export], "store": str(folder), **parameters})


def find_candidate(store: Store) -> str:
    (candidate,) = list_candidates(store.child("private"))
    return candidate.candidate_id


def test_a_terminal_rejects_while_the_form_waits(pipeline, folder, store) -> None:
    run = start(pipeline, folder)
    pipeline.wait(run, "Suspended")
    pipeline.cli("reject", find_candidate(store)[:8], "--why", "too early", "--store", str(folder))
    state = pipeline.wait(run)["state"]
    assert (state["name"], state["type"]) == ("Rejected", "COMPLETED")
    assert "too early" in state["message"]
    assert list_candidates(store.child("private")) == []
    assert list_versions(store) == []


def test_a_retry_after_the_answer_publishes_and_asks_nobody_again(pipeline, folder, store) -> None:
    run = start(pipeline, folder)
    pipeline.wait(run, "Suspended")
    # nobody answers in time; the run is retried and asks again
    state = {"type": "FAILED", "name": "Failed", "message": "nobody answered"}
    pipeline.api("POST", f"/flow_runs/{run}/set_state", {"state": state, "force": True})
    retry(pipeline, run)
    pipeline.wait(run, "Suspended")
    pipeline.resume(run, decision="publish", reviewer="Ada")
    pipeline.wait(run, "Running")
    for pid in find_descendants(pipeline.children.pid("worker")):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert pipeline.wait(run, timeout_s=120)["state"]["name"] == "Crashed"
    # at once, while the worker still looks for hooks of the dead process
    retry(pipeline, run)
    pipeline.wait(run, "Completed")
    states = pipeline.api("GET", f"/flow_run_states/?flow_run_id={run}")
    assert [s["name"] for s in states].count("Crashed") == 1, (
        "the death was reported again, to the new attempt"
    )
    assert list_versions(store) == ["v1.0.0"]
    assert read_manifest(store, "v1.0.0")[0].approved_by == "Ada"
    assert list_candidates(store.child("private")) == []


def retry(pipeline, run: str) -> None:
    """What the button `Retry` of the UI sends."""
    state = {"type": "SCHEDULED", "name": "AwaitingRetry", "message": "Retry from the UI"}
    told = pipeline.api("POST", f"/flow_runs/{run}/set_state", {"state": state})
    assert told["status"] == "ACCEPT", told


def test_a_terminal_approves_while_the_form_waits(pipeline, folder, store) -> None:
    before = list_versions(store)
    run = start(pipeline, folder, privacy={"policy": "strict"})
    pipeline.wait(run, "Suspended")
    outcome = pipeline.cli("approve", find_candidate(store), "--store", str(folder))
    state = pipeline.wait(run)["state"]
    assert (state["name"], state["type"]) == ("Published", "COMPLETED")
    assert outcome["version"] in state["message"]
    assert list_versions(store) == [*before, outcome["version"]]
    assert list_candidates(store.child("private")) == []


def list_tasks(pipeline, run: str) -> dict[str, str]:
    """Task runs: name to type of state."""
    body = {"flow_runs": {"id": {"any_": [run]}}}
    return {t["name"]: t["state_type"] for t in pipeline.api("POST", "/task_runs/filter", body)}


def cancel(pipeline, run: str) -> float:
    """Send what the button `Cancel` of the UI sends; return after how many seconds nothing ran any more."""
    asked_at = time.monotonic()
    state = {"type": "CANCELLING", "name": "Cancelling"}
    pipeline.api("POST", f"/flow_runs/{run}/set_state", {"state": state})
    pipeline.wait(run, "Cancelled", timeout_s=60)
    while find_descendants(pipeline.children.pid("worker")):
        assert time.monotonic() < asked_at + 60
        time.sleep(0.1)
    return time.monotonic() - asked_at


def test_cancelling_does_not_wait_for_a_long_shard(pipeline) -> None:
    export = pipeline.folder / "long.jsonl"
    write_export(generate(400, 5, "published"), export)
    folder = pipeline.folder / "cancelled-long"
    parameters = {"exports": [str(export)], "store": str(folder), "approval": "none"}
    whole = {"THOUGHTTRACE_INGEST__SHARD_MESSAGES": "100000"}
    run = pipeline.start("release/release", env=whole, **parameters)
    deadline = time.monotonic() + 200
    while list_tasks(pipeline, run).get("scrub shard 0001") != "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    time.sleep(5)
    assert cancel(pipeline, run) <= 15
    assert not list((folder / "private" / WORK).glob("scrub/*/done.json"))
    assert list_versions(open_store(str(folder))) == []


def test_a_cancelled_run_stops_within_15_s_and_leaves_nothing(pipeline) -> None:
    folder = pipeline.folder / "cancelled"
    store = open_store(str(folder))
    run = start(pipeline, folder, approval="none", approved_by="Ada")
    deadline = time.monotonic() + 200
    while not list((folder / "private" / WORK).glob("scrub/*/done.json")):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    # what a maintainer sees meanwhile: how far the step is, by name
    while not any("shards" in a["description"] for a in pipeline.artifacts(run) if a["type"] == "progress"):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert {"read exports", "scrub shard 0001"} <= list_tasks(pipeline, run).keys()
    assert cancel(pipeline, run) <= 15
    logs = pipeline.api("POST", "/logs/filter", {"logs": {"flow_run_id": {"any_": [run]}}, "limit": 200})
    lines = [json.loads(log["message"]) for log in logs if log["message"].startswith("{")]
    assert {"reading exports", "scrubbing"} <= {line["step"] for line in lines}
    assert list_versions(store) == []
    assert list_candidates(store.child("private")) == []
    assert not store.list("private/intents/")
    # what is kept is invisible and speeds the next run up, which is not in the way of anything
    again = start(pipeline, folder, approval="none", approved_by="Ada")
    pipeline.wait(again, "Completed")
    assert list_versions(store) == ["v1.0.0"]
