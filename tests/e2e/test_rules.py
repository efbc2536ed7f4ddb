"""The server's rules on a real server: what arrives is planned, what fails is told."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.taxonomy_files import merged_reactions

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

REPO = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def published(pipeline) -> str:
    """The latest version of the pipeline's own store."""
    if not pipeline.cli("list")["releases"]:
        pipeline.wait(pipeline.start("release/release", approval="none", approved_by="Ada"), "Completed")
    return pipeline.cli("show", "latest")["version"]


def wait_for_runs(pipeline, deployment: str, since: str, n: int) -> list[dict]:
    """Runs of a deployment that a rule made."""
    body = {
        "deployments": {"id": {"any_": [pipeline.deployment(deployment)["id"]]}},
        "flow_runs": {"start_time": {"after_": since}},
    }
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        found = pipeline.api("POST", "/flow_runs/filter", body)
        if len(found) >= n and all(run["state"]["type"] == "COMPLETED" for run in found):
            return found
        time.sleep(1)
    states = [(run["name"], run["state"]["name"], run["state"]["message"]) for run in found]
    raise AssertionError(f"{deployment}: {states}")


def test_what_arrives_is_planned_and_nothing_else_happens(pipeline, published) -> None:
    arrivals = pipeline.folder / "arrivals"
    arrivals.mkdir()
    looked_at = {"exports": [str(arrivals)], "taxonomies": [str(arrivals / "*.yaml")]}
    before = pipeline.wait(pipeline.start("watch/watch", **looked_at), "Completed")
    (arrivals / "new.jsonl").write_text("{}\n")
    merged_reactions(arrivals / "reaction.yaml")
    pipeline.wait(pipeline.start("watch/watch", **looked_at), "Completed")

    plans = wait_for_runs(pipeline, "plan-retag/plan-retag", before["end_time"], 2)
    pages = [page["data"] for run in plans for page in pipeline.artifacts(run["id"])]
    assert any("merge" in page and "noted" in page for page in pages)
    assert any("Nothing to re-tag" in page for page in pages)
    (dry,) = wait_for_runs(pipeline, "release/release", before["end_time"], 1)
    assert dry["parameters"]["publishing"] == {"dry_run": True}
    assert pipeline.cli("candidates") == []
    assert pipeline.cli("show", "latest")["version"] == published


@contextmanager
def mailbox() -> Iterator[tuple[str, list[dict]]]:
    """A web hook on loopback."""
    received: list[dict] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", received
    finally:
        server.shutdown()


def deploy(pipeline, **environ: str) -> str:
    """Run the deployment script again."""
    done = subprocess.run(
        [sys.executable, "-m", "deployments.deploy"],
        cwd=REPO,
        env=pipeline.environ | environ,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def switch(pipeline, deployment: str, *, on: bool) -> bool:
    """Switch the schedule of a deployment, as the UI does; returns what it was."""
    known = pipeline.deployment(deployment)
    (schedule,) = known["schedules"]
    pipeline.api("PATCH", f"/deployments/{known['id']}/schedules/{schedule['id']}", {"active": on})
    return schedule["active"]


SAVE_BLOCK = """
import sys
from prefect.blocks.notifications import CustomWebhookNotificationBlock as Hook
message = {"subject": "{{subject}}", "body": "{{body}}"}
Hook(name="maintainers", url=sys.argv[1], json_data=message).save("maintainers", overwrite=True)
"""


@pytest.mark.usefixtures("published")
def test_a_failed_gate_is_told(pipeline) -> None:
    first = (pipeline.folder / "exports/first.jsonl").read_text().splitlines(keepends=True)
    (pipeline.folder / "short.jsonl").write_text("".join(first[:10]))
    rules = pipeline.api("POST", "/automations/filter", {})
    with mailbox() as (url, received):
        subprocess.run([sys.executable, "-c", SAVE_BLOCK, url], env=pipeline.environ, check=True, timeout=120)
        told = deploy(pipeline, RELEASE_NOTIFY_BLOCK="custom-webhook/maintainers")
        assert "rule created: tell of a failed or crashed run" in told
        assert "rule updated: crash a run without heartbeat" in told
        switch(pipeline, "release/release", on=True)
        switch(pipeline, "verify/verify-nightly", on=False)
        deploy(pipeline, RELEASE_NOTIFY_BLOCK="custom-webhook/maintainers")
        assert switch(pipeline, "release/release", on=False), "what a person switched on stays on"
        assert not switch(pipeline, "verify/verify-nightly", on=True), "and what was switched off stays off"
        names = [rule["name"] for rule in pipeline.api("POST", "/automations/filter", {})]
        assert len(names) == len(set(names)) == len(rules) + 2
        run = pipeline.start(
            "release/release", exports=[str(pipeline.folder / "short.jsonl")], approval="none"
        )
        failed = pipeline.wait(run, "Failed")
        deadline = time.monotonic() + 60
        while not received and time.monotonic() < deadline:
            time.sleep(0.2)
    assert failed["name"] in received[0]["subject"]
    assert "Failed" in received[0]["subject"]
    assert "allow-removals" in received[0]["body"]
    assert run in received[0]["body"]
