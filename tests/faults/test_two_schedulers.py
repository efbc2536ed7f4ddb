"""Two schedulers fire at once: one release, and one clear refusal of the other run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tasks.publish.candidate import list_candidates
from tasks.publish.latest import read_latest
from tasks.publish.releases import list_versions
from tasks.storage.store import open_store
from tasks.synth.export import generate, write_export
from tests.faults.all_is_well import assert_all_is_well
from tests.faults.killed_flow import start_flow

pytestmark = pytest.mark.faults
ROUNDS = int(os.environ.get("FAULT_ROUNDS", "1"))


@pytest.mark.parametrize("number", range(ROUNDS))
@pytest.mark.parametrize("where", ["local", "weed"] if ROUNDS > 1 else ["local"])
@pytest.mark.fault(
    "concurrency",
    "two release runs started at once",
    "one release, one clear refusal",
)
def test_one_release_and_one_refusal(number, where, request, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("THOUGHTTRACE_ID_KEY", "k" * 40)
    monkeypatch.setenv("THOUGHTTRACE_TAG__MODEL", "none")
    exports = [tmp_path / f"export-{i}.jsonl" for i in range(2)]
    # by turns the same export and another one
    for path, seed in zip(exports, (3, 3 + number % 2), strict=True):
        write_export(generate(8, seed, "published", short=True), path)
    store = request.getfixturevalue("weed_env").new_uri() if where == "weed" else str(tmp_path / "store")
    given = {"store": store, "approval": "none", "approved_by": "Ada"}
    runs = [
        start_flow("release", exports=[str(path)], told_to=path.with_suffix(".told"), **given)
        for path in exports
    ]
    for run in runs:
        run.join(240)
    (refusal,) = [path.read_text() for path in tmp_path.glob("*.told")]
    assert sorted(run.exitcode for run in runs) == [0, 2], refusal
    assert "v1.0.0" in refusal
    opened = open_store(store)
    assert list_versions(opened) == ["v1.0.0"]
    assert read_latest(opened)[0].version == "v1.0.0"
    assert_all_is_well(opened)
    # what lost may be released as the next version, by running it again
    assert len(list_candidates(opened.child("private"))) <= 1
