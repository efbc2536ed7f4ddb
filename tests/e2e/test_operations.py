"""A maintainer's day on a real server with a real worker: candidate, approval, rejection, renaming, checks.

The tests tell one story in order: each starts from the store that the one before left.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
import urllib.request
from contextlib import suppress

import pytest
from browser import choose, fill, open_browser, shoot
from crash_rounds import find_descendants

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

DONE = ["COMPLETED", "FAILED", "CRASHED", "CANCELLED"]


def find_run(pipeline, deployment: str) -> str:
    """The one run of a deployment that has not ended."""
    body = {
        "deployments": {"id": {"any_": [deployment]}},
        "flow_runs": {"state": {"type": {"not_any_": DONE}}},
    }
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if found := pipeline.api("POST", "/flow_runs/filter", body):
            return found[0]["id"]
        time.sleep(0.5)
    raise AssertionError("submitting the form made no run")


def found_name(pipeline, run: str) -> str:
    return pipeline.run(run)["name"]


def change_export(pipeline, step: int) -> None:
    """Put conversations beside those of the first export: some more at every step, so that the gate finds no jump."""
    from tasks.synth.export import generate

    lines = generate(40, 4, "flat-study", short=True).to_bytes().splitlines(keepends=True)
    (pipeline.folder / "exports/second.jsonl").write_bytes(b"".join(lines[: 20 + 2 * step]))


def wait_for_graph(page) -> None:
    """The graph of a run is painted and says nothing of it; it moves into place for some seconds."""
    page.locator("canvas").first.wait_for()
    page.wait_for_timeout(8000)


def test_forms_have_words_for_titles(pipeline) -> None:
    schema = pipeline.deployment("release/release")["parameter_openapi_schema"]
    titles = [field["title"] for field in schema["properties"].values()]
    assert "Config file" in titles
    assert all(title[0].isupper() and "_" not in title for title in titles)


def test_a_wrong_parameter_is_refused_before_the_run(pipeline) -> None:
    with pytest.raises(AssertionError, match=r"409|422"):
        pipeline.start("release/release", publishing={"set_version": "one"})


def test_fill_the_form_approve_and_see_it_published(pipeline) -> None:
    deployment = pipeline.deployment("release/release")["id"]
    with open_browser() as page:
        page.goto(f"{pipeline.url}/deployments")
        page.get_by_text("verify-nightly").wait_for()
        shoot(page, "deployments")
        page.goto(f"{pipeline.url}/deployments/deployment/{deployment}/run")
        page.get_by_text("Uncertain spans").wait_for()
        # the form is filled with the defaults once they have been fetched
        page.wait_for_timeout(2000)
        fill(page, "Run Name", "first release")
        choose(page, "Uncertain spans", "mask")
        fill(page, "Model", "none")
        page.set_viewport_size({"width": 1300, "height": 2900})
        shoot(page, "form")
        page.set_viewport_size({"width": 1300, "height": 1000})
        page.get_by_role("button", name="Submit").click()
        page.get_by_text("first release").first.wait_for()
        run = find_run(pipeline, deployment)
        pipeline.wait(run, "Suspended")
        page.goto(f"{pipeline.url}/runs/flow-run/{run}")
        page.get_by_role("button", name="Resume").wait_for()
        wait_for_graph(page)
        shoot(page, "waiting")
        page.get_by_role("button", name="Resume").click()
        page.get_by_text("Open the report").wait_for()
        choose(page, "Decision", "publish")
        fill(page, "Your name", "Ada Maintainer")
        shoot(page, "approval")
        report = page.context.new_page()
        report.goto(page.get_by_role("link", name="Open the report").get_attribute("href"))
        report.get_by_role("heading", level=1).first.wait_for()
        shoot(report, "report")
        page.get_by_role("button", name="Submit").click()
        pipeline.wait(run, "Completed")
        page.goto(f"{pipeline.url}/runs/flow-run/{run}")
        page.get_by_text("Completed").first.wait_for()
        page.get_by_role("button", name="Artifacts").or_(
            page.get_by_text("Artifacts", exact=True)
        ).first.click()
        wait_for_graph(page)
        shoot(page, "published")
    shown = pipeline.cli("show", "latest")
    assert shown["version"] == "v1.0.0"
    assert shown["approved_by"] == "Ada Maintainer"
    pages = [a["data"] for a in pipeline.artifacts(run) if a["type"] == "markdown"]
    assert any("v1.0.0 published" in page for page in pages)


def test_the_same_export_again_asks_nobody(pipeline) -> None:
    run = pipeline.start("release/release")
    pipeline.wait(run, "Completed")
    assert [r["version"] for r in pipeline.cli("list")["releases"]] == ["v1.0.0"]


def test_rejection_with_a_reason(pipeline) -> None:
    change_export(pipeline, 4)
    run = pipeline.start("release/release")
    pipeline.wait(run, "Suspended")
    assert len(pipeline.cli("candidates")) == 1
    status = pipeline.cli("status")
    assert (status["latest"], status["n_releases"], status["n_candidates"]) == ("v1.0.0", 1, 1)
    assert {"name": found_name(pipeline, run), "state": "Suspended"}.items() <= status["runs"][0].items()
    told = pipeline.api(
        "POST", f"/flow_runs/{run}/resume", {"run_input": {"decision": "reject", "reviewer": "Ada"}}
    )
    assert told["status"] == "REJECT", "the server asks for a reason and the run waits on"
    assert "'reason' is a required property" in told["details"]["reason"]
    pipeline.resume(run, decision="reject", reviewer="Ada", reason="the funnel looks odd")
    found = pipeline.wait(run)
    assert found["state"]["name"] == "Rejected"
    assert "Ada: the funnel looks odd" in found["state"]["message"]
    assert pipeline.cli("candidates") == []
    assert pipeline.cli("show", "latest")["version"] == "v1.0.0"


def test_publishing_under_another_version(pipeline) -> None:
    run = pipeline.start("release/release")
    pipeline.wait(run, "Suspended")
    pipeline.resume(run, decision="publish", reviewer="Ada", set_version="v3.0.0")
    pipeline.wait(run, "Completed")
    shown = pipeline.cli("show", "latest")
    assert (shown["version"], shown["approved_by"]) == ("v3.0.0", "Ada")
    assert pipeline.cli("candidates") == []


def test_a_candidate_that_another_release_overtook_is_not_published(pipeline) -> None:
    n_before = len(pipeline.cli("list")["releases"])
    change_export(pipeline, 5)
    overtaken = pipeline.start("release/release", source={"allow_removals": True})
    pipeline.wait(overtaken, "Suspended")
    (waiting,) = pipeline.cli("candidates")
    change_export(pipeline, 6)
    pipeline.cli("release", str(pipeline.folder / "exports"), "--allow-removals", "--yes")
    winner = pipeline.cli("show", "latest")["manifest_sha256"]
    pipeline.resume(overtaken, decision="publish", reviewer="Ada")
    # it plans again on the new parent and finds nothing left to publish or to ask
    pipeline.wait(overtaken, "Completed")
    assert pipeline.cli("show", "latest")["manifest_sha256"] == winner
    assert len(pipeline.cli("list")["releases"]) == n_before + 1
    pipeline.cli("reject", waiting["candidate_id"], "--why", "overtaken")


def test_metrics_of_server_and_worker(pipeline) -> None:
    worker = f"http://127.0.0.1:{pipeline.environ['PREFECT_CLIENT_METRICS_PORT']}"
    for url in (f"{pipeline.url}/api/metrics", f"{worker}/metrics"):
        with urllib.request.urlopen(url, timeout=30) as answer:
            assert b"process_cpu_seconds_total" in answer.read()


def test_nightly_verification(pipeline) -> None:
    run = pipeline.start("verify/verify-nightly")
    found = pipeline.wait(run, "Completed")
    assert found["name"] == "verify latest"
    (page,) = pipeline.artifacts(run)
    assert "is sound" in page["data"]


def test_nothing_leaves_text_or_secrets_with_the_server(pipeline) -> None:
    database = pipeline.read_database()
    assert b"verify-nightly" in database
    key = (pipeline.folder / "id-key").read_bytes()
    assert key not in database
    assert pipeline.environ["AWS_SECRET_ACCESS_KEY"].encode() not in database
    exports = (pipeline.folder / "exports").glob("*.jsonl")
    for path in exports:
        for line in path.read_text().splitlines()[:20]:
            for message in json.loads(line)["messages"][:2]:
                text = (message.get("content") or message.get("text") or "")[:40]
                assert len(text) < 20 or text.encode() not in database


def test_a_killed_flow_process_is_reported_and_a_repetition_publishes(pipeline) -> None:
    n_before = len(pipeline.cli("list")["releases"])
    change_export(pipeline, 7)
    parameters = {"approval": "none", "source": {"allow_removals": True}}
    run = pipeline.start("release/release", **parameters)
    pipeline.wait(run, "Running")
    for child in find_descendants(pipeline.children.pid("worker")):
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    assert pipeline.wait(run, timeout_s=120)["state"]["name"] == "Crashed"
    again = pipeline.start("release/release", approved_by="Ada", **parameters)
    pipeline.wait(again, "Completed")
    assert len(pipeline.cli("list")["releases"]) == n_before + 1
    assert pipeline.cli("show", "latest")["approved_by"] == "Ada"


@pytest.fixture(autouse=True)
def _room() -> None:
    if shutil.disk_usage("/tmp").free < 1e9:
        pytest.skip("less than 1 GB free for the Prefect database and the object store")
