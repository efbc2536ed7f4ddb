"""kill -9 of flow process, worker, both and server at random points of real runs (`make crash`: ten each)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from crash_rounds import KINDS, Crashes, write_report

from tests.fault_table import CRASHES

pytestmark = [pytest.mark.e2e, pytest.mark.faults, pytest.mark.timeout(900)]

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "1"))
SEED = int(os.environ.get("CRASH_SEED", "7"))
REPORT = os.environ.get("CRASH_REPORT", "")


@pytest.fixture(scope="module")
def crashes(pipeline, _provider) -> Crashes:
    made = Crashes(pipeline, _provider, SEED)
    made.measure()
    return made


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("number", range(ROUNDS))
@pytest.mark.fault(
    "process",
    CRASHES,
    "shown as crashed within 2 min; the next run completes, same bytes, nothing paid twice",
)
def test_killed_at_a_random_point(crashes, kind, number) -> None:
    seen = crashes.play(kind)
    if REPORT:
        write_report(Path(REPORT), seen)
    assert seen.running_s <= 120
