"""A killed run goes on where it stopped: finished shards are not done again, the end is the same."""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path

import pytest

from tasks.memo.steps import WORK
from tasks.synth.export import generate, write_export

N_SHARDS = 8
"""At least; the export below gives a few more."""
STEPS = ("ingest", "scrub", "tag", "build")


@pytest.fixture(scope="module")
def export(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("export") / "export.jsonl"
    write_export(generate(80, 3, "published", short=True), path)
    return path


def arguments(export: Path, store: Path) -> list[str]:
    return ["release", str(export), "--store", str(store), "--model", "none", "--yes", "--json"]


def finished(store: Path, step: str) -> dict[str, int]:
    """Record of each finished step and when it was written."""
    records: dict[str, int] = {}
    for path in (store / "private" / WORK / step).glob("*/done.json"):
        # a finished run deletes its work while we look
        with contextlib.suppress(FileNotFoundError):
            records[path.parent.name] = path.stat().st_mtime_ns
    return records


def content(store: Path) -> dict[str, str]:
    manifest = json.loads((store / "releases/v1.0.0/manifest.json").read_text())
    files = [f for t in ("tables", "views") for table in manifest[t].values() for f in table["files"]]
    return {f["path"]: f["sha256"] for f in [*files, *manifest["side_files"]]}


@pytest.fixture(scope="module")
def undisturbed(start_cli, export, tmp_path_factory) -> dict[str, str]:
    store = tmp_path_factory.mktemp("undisturbed")
    process = start_cli(*arguments(export, store), THOUGHTTRACE_INGEST__SHARD_MESSAGES="50")
    _, errors = process.communicate(timeout=200)
    assert process.returncode == 0, errors
    return content(store)


@pytest.mark.fault(
    "process",
    "run killed during ingest, scrub, tag and build",
    "finished shards are not done again; the same bytes",
)
def test_a_run_killed_again_and_again_resumes(
    start_cli, export, undisturbed, tmp_path, record_property
) -> None:
    environment = {"THOUGHTTRACE_INGEST__SHARD_MESSAGES": "50", "THOUGHTTRACE_RUN__WORKERS": "1"}
    before: dict[str, dict[str, int]] = {name: {} for name in STEPS}
    for step, at in (("ingest", 1), ("scrub", 3), ("tag", N_SHARDS - 1), ("build", 1)):
        process = start_cli(*arguments(export, tmp_path), **environment)
        deadline = time.monotonic() + 120
        while len(finished(tmp_path, step)) < at:
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.kill()
        process.communicate()
        assert not (tmp_path / "releases").exists(), "nothing is visible before publication"
        now = {name: finished(tmp_path, name) for name in STEPS}
        for name, records in before.items():
            assert records.items() <= now[name].items(), f"{name} was done again before the kill in {step}"
        before = now

    seen: dict[str, dict[str, int]] = {name: {} for name in STEPS}
    process = start_cli(*arguments(export, tmp_path), **environment)
    while process.poll() is None:
        for name in seen:
            seen[name] |= finished(tmp_path, name)
        time.sleep(0.01)
    assert process.returncode == 0, process.communicate()[1]
    process.communicate()
    for name, records in before.items():
        assert records.items() <= seen[name].items(), f"{name} was done again"
    assert len(seen["scrub"]) == len(seen["tag"]) >= N_SHARDS
    record_property("rounds", len(STEPS))
    assert content(tmp_path) == undisturbed
