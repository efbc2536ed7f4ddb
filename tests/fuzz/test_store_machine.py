"""The store protocol under any order of publications, kills, yanks, collections and withdrawals, against a model.

Inputs are the steps that the machine took.
"""

from __future__ import annotations

import shutil
import tempfile
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from schemas.errors import ConflictError, StaleCandidateError, ThoughttraceError
from tasks.publish.candidate import delete_candidate, list_candidates
from tasks.publish.gc import collect_garbage
from tasks.publish.latest import read_latest
from tasks.publish.publish import STEPS
from tasks.publish.releases import is_purged, latest_version, list_releases, list_versions, load_release
from tasks.publish.verify import verify_release
from tasks.publish.yank import restore_release, yank_release
from tasks.storage.store import open_store
from tasks.withdraw.plan import file_request, honoured_requests, make_request
from tests.fuzz.budget import share
from tests.publishing import publish, stage
from tests.release_tables import NOW, make_tables

pytestmark = pytest.mark.fuzz
LATER = NOW.replace(year=2100)
STEPS_A_RUN = 8
_tables: dict[tuple[int, ...], dict[str, pl.DataFrame]] = {}


class Killed(BaseException):
    """What a kill looks like from inside: nothing of ours runs after it."""


def tables_of(people: tuple[int, ...]) -> dict[str, pl.DataFrame]:
    if people not in _tables:
        _tables[people] = make_tables(people)
    return dict(_tables[people])


class StoreMachine(RuleBasedStateMachine):
    """A folder store beside what it should hold."""

    n_steps = 0

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="machine-"))
        self.store = open_store(str(self.folder / "store"))
        self.private = self.store.child("private")
        self.people: dict[str, tuple[int, ...]] = {}
        self.yanked: set[str] = set()
        self.withdrawn: set[int] = set()
        self.unfinished: tuple[str, str, tuple[int, ...]] | None = None
        self.n_runs = 0

    def teardown(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def _publish(self, candidate_id: str, version: str, people: tuple[int, ...], at: str, run: str) -> None:
        def checkpoint(step: str) -> None:
            if step == at:
                raise Killed

        candidate = next(c for c in list_candidates(self.private) if c.candidate_id == candidate_id)
        try:
            publish(self.store, candidate, run, checkpoint=checkpoint, wait_s=1)
        except Killed:
            self.unfinished = (candidate_id, version, people)
            if at >= "S5":
                self.people[version] = people
        except StaleCandidateError:
            assert self.withdrawn & set(people)
        else:
            self.people[version] = people
            self.unfinished = None

    def _next_version(self) -> str:
        known = list_versions(self.store)
        return f"v1.{int(known[-1].split('.')[1]) + 1}.0" if known else "v1.0.0"

    @rule(people=st.sets(st.integers(0, 3), min_size=1), at=st.sampled_from(["", "", "", *STEPS]))
    def publish_next(self, people: set[int], at: str) -> None:
        StoreMachine.n_steps += 1
        chosen, version = tuple(sorted(people)), self._next_version()
        for old in list_candidates(self.private):
            if self.unfinished is None or self.unfinished[0] != old.candidate_id:
                delete_candidate(self.private, old.candidate_id)
        usable = latest_version(self.store)
        honoured = honoured_requests(self.private, [f"user{n}" for n in chosen])
        candidate = stage(self.store, version, tables=tables_of(chosen), parent=usable, withdrawals=honoured)
        self.n_runs += 1
        try:
            self._publish(candidate.candidate_id, version, chosen, at, f"run-{self.n_runs}")
        except ConflictError:
            # an unfinished publication of the same version was completed first
            assert self.unfinished is not None
            _, version, chosen = self.unfinished
            self.people[version], self.unfinished = chosen, None

    @rule()
    def collect(self) -> None:
        StoreMachine.n_steps += 1
        collect_garbage(self.store, self.private, grace=timedelta(0), now=LATER)
        if self.unfinished and self.unfinished[1] not in self.people:
            self.unfinished = None

    @precondition(lambda self: self.people)
    @rule(data=st.data())
    def yank(self, data: st.DataObject) -> None:
        StoreMachine.n_steps += 1
        version = data.draw(st.sampled_from(sorted(self.people)))
        yank_release(self.store, version, why="fuzz", now=NOW)
        self.yanked.add(version)

    @precondition(lambda self: self.yanked)
    @rule(data=st.data())
    def restore(self, data: st.DataObject) -> None:
        StoreMachine.n_steps += 1
        version = data.draw(st.sampled_from(sorted(self.yanked)))
        restore_release(self.store, version)
        self.yanked.discard(version)

    @rule(person=st.integers(0, 3))
    def ask_to_withdraw(self, person: int) -> None:
        StoreMachine.n_steps += 1
        file_request(self.private, make_request([f"user{person}"], NOW))
        self.withdrawn.add(person)

    @rule()
    def read(self) -> None:
        StoreMachine.n_steps += 1
        try:
            loaded, tables = load_release(self.store)
        except ThoughttraceError:
            assert not set(self.people) - self.yanked
            return
        assert tables["participants"].height == len(self.people[loaded.version])

    @invariant()
    def what_is_visible_is_whole(self) -> None:
        assert set(list_versions(self.store)) == set(self.people)
        for item in list_releases(self.store):
            assert item.is_yanked == (item.version in self.yanked)
            assert not is_purged(self.store, item.version)
            assert verify_release(self.store, item.version).problems == []
        pointer, _ = read_latest(self.store)
        assert pointer is None or pointer.version is None or pointer.version in self.people


def test_any_order_of_steps(record_property) -> None:
    # a step takes ten thousand times as long as a document
    n = max(3, share(1) // 200)
    given = settings(
        max_examples=n,
        stateful_step_count=STEPS_A_RUN,
        deadline=None,
        derandomize=True,
        phases=(Phase.generate,),
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    StoreMachine.n_steps = 0
    run_state_machine_as_test(StoreMachine, settings=given)
    record_property("inputs", StoreMachine.n_steps)
