"""kill -9 of a real run at a random point, and what must hold afterwards.

A round starts a release of its own (paid labels from a provider on loopback, a store of its own), kills the
flow process, the worker, both, or the server, starts again what a supervisor would, waits for the end of the
run and runs it once more if it did not complete. Then: the release verifies, its bytes are those of an
undisturbed run that finds the same memo, and nothing that was answered before the kill was asked again.
What a run has cost is the one difference: who finds all answers in the memo pays nothing.

Where everything dies, only the server's rule ends the run, after 90 s without heartbeat. The repetition does not
wait for that: it comes from a terminal, as a maintainer's would.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from schemas.params import TaggingOptions
from tasks.memo.steps import WORK
from tasks.publish.latest import read_latest
from tasks.publish.releases import list_versions
from tasks.publish.verify import verify_release
from tasks.storage.store import open_store
from tasks.synth.export import generate, write_export
from tests.tag_provider import MODEL, FakeProvider, read_items

KINDS = ("flow", "worker", "both", "server")
FINAL = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
RESTART_S = 3
"""A supervisor waits so long before it starts a dead process again."""
IN_FLIGHT_S = 3
"""An answer so fresh at the kill may not have reached the memo, which is written every two seconds."""
COST = "cost"
"""Key of what a run has paid, in the files that show it beside the report."""
N_CONVERSATIONS = 20


@dataclass(frozen=True)
class Round:
    """What a round saw.

    Attributes:
        kind: what was killed.
        at_s: seconds after the flow process appeared at which it was killed.
        done_steps: finished steps at the kill.
        ended_as: state of the killed run.
        running_s: how long it was still shown as running.
        runs: 1 if it completed by itself, 2 after one repetition.
        n_paid: answers paid for.
        n_in_flight: of them, answers of calls under way at the kill, asked again.
        seconds: whole round.
    """

    kind: str
    at_s: float
    done_steps: int
    ended_as: str
    running_s: float
    runs: int
    n_paid: int
    n_in_flight: int
    seconds: float


class Ledger:
    """When the provider answered what."""

    def __init__(self, provider: FakeProvider) -> None:
        self.answers: list[tuple[float, str]] = []
        provider.reset()
        provider.latency_s = 0.1
        provider.fault = self._note

    def _note(self, n: int, body: dict[str, Any]) -> None:
        for item in read_items(body):
            question = [body["messages"][0]["content"], {k: v for k, v in item.items() if k != "id"}]
            self.answers.append((time.time(), hashlib.sha256(json.dumps(question).encode()).hexdigest()))

    def count_repeats(self, killed_at: float) -> tuple[int, int]:
        """How many questions were asked again: in flight at the kill, and answered well before it."""
        first: dict[str, float] = {}
        in_flight = paid_twice = 0
        for at, question in self.answers:
            if question not in first:
                first[question] = at
            elif killed_at - IN_FLIGHT_S <= first[question] <= killed_at + IN_FLIGHT_S:
                in_flight += 1
            else:
                paid_twice += 1
        return in_flight, paid_twice


def _count_done(folder: Path) -> int:
    """Finished steps of the run that works there."""
    return len(list((folder / "private" / WORK).glob("*/*/done.json")))


def find_descendants(pid: int) -> list[int]:
    """Processes that descend from this one."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            # the name in brackets may hold spaces
            parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    found = [pid]
    for parent in found:
        found += [child for child, known in parents.items() if known == parent]
    return found[1:]


class Crashes:
    """Rounds on a running pipeline."""

    def __init__(self, pipeline: Any, provider: FakeProvider, seed: int) -> None:
        self.pipeline, self.provider = pipeline, provider
        self.random = random.Random(seed)
        self.n_steps, self.step_s = 0, 0.0
        self.export = pipeline.folder / "crash.jsonl"
        write_export(generate(N_CONVERSATIONS, 3, "published"), self.export)

    def measure(self) -> None:
        """Run undisturbed; its steps and their mean length bound the points. Twice: the first fills caches."""
        for name in ("first", "second"):
            Ledger(self.provider)
            folder = self._folder(name)
            run = self._start(folder)
            began = self._wait_for_process(run)
            self.n_steps = 0
            while self._state(run) not in FINAL:
                self.n_steps = max(self.n_steps, _count_done(folder))
                time.sleep(0.2)
            assert self._state(run) == "COMPLETED", self.pipeline.run(run)["state"]
            self.step_s = (time.time() - began) / self.n_steps

    def play(self, kind: str) -> Round:
        """One round.

        Raises:
            AssertionError: something that must hold does not.
        """
        folder = self._folder(f"{kind}-{self.random.randrange(10**6)}")
        ledger, round_began = Ledger(self.provider), time.time()
        run = self._start(folder)
        began = self._wait_for_process(run)
        # a number of finished steps and a while more: a busy machine takes longer, and would be killed too early
        n_before, more_s = self.random.randint(0, self.n_steps), self.random.uniform(0, 2 * self.step_s)
        while _count_done(folder) < n_before and self._state(run) not in FINAL:
            time.sleep(0.1)
        time.sleep(more_s)
        done = _count_done(folder)
        killed_at = time.time()
        at_s = killed_at - began
        self._kill(kind)
        self._check_visible(folder)
        runs = 1
        if kind == "both" and not list_versions(open_store(str(folder))):
            runs = 2
            self._repeat_at_terminal(folder)
        self._wait_final(run)
        ended = self.pipeline.run(run)["state"]
        final_at = datetime.fromisoformat(ended["timestamp"]).timestamp()
        if ended["type"] != "COMPLETED" and runs == 1:
            runs = 2
            again = self._start(folder)
            self._wait_final(again)
            state = self.pipeline.run(again)["state"]
            log = self.pipeline.children.read_log("worker", 60)
            assert state["type"] == "COMPLETED", (kind, at_s, state, log)
        self._check_visible(folder)
        assert list_versions(open_store(str(folder))) == ["v1.0.0"]
        in_flight, paid_twice = ledger.count_repeats(killed_at)
        assert paid_twice == 0, f"{kind} at {at_s:.1f} s: {paid_twice} labels paid twice"
        n_paid = len(ledger.answers)
        self._check_bytes(folder)
        assert len(ledger.answers) == n_paid, "the undisturbed run had to pay"
        shutil.rmtree(folder)
        return Round(
            kind=kind,
            at_s=round(at_s, 1),
            done_steps=done,
            ended_as=ended["name"],
            running_s=round(max(0.0, final_at - killed_at), 1),
            runs=runs,
            n_paid=n_paid,
            n_in_flight=in_flight,
            seconds=round(time.time() - round_began, 1),
        )

    def _folder(self, name: str) -> Path:
        folder = self.pipeline.folder / "crash" / name
        folder.mkdir(parents=True)
        return folder

    def _parameters(self, folder: Path) -> dict[str, Any]:
        return {
            "exports": [str(self.export)],
            "store": str(folder),
            "tagging": {"model": MODEL, "budget_usd": 1},
            "approval": "none",
            "approved_by": "Ada",
        }

    def _start(self, folder: Path) -> str:
        return self.pipeline.start("release/release", **self._parameters(folder))

    def _repeat_at_terminal(self, folder: Path) -> None:
        money = ("--model", MODEL, "--budget", "1")
        told = self.pipeline.cli("release", str(self.export), "--store", str(folder), *money, "--yes")
        assert told["status"] in {"published", "unchanged"}, told

    def _state(self, run: str) -> str:
        state = self.pipeline.run(run)["state"]
        return state["type"] if state else ""

    def _wait_for_process(self, run: str) -> float:
        worker, deadline = self.pipeline.children.pid("worker"), time.monotonic() + 120
        while not find_descendants(worker):
            assert time.monotonic() < deadline, self.pipeline.children.read_log("worker", 60)
            time.sleep(0.1)
        return time.time()

    def _wait_final(self, run: str) -> None:
        deadline = time.monotonic() + 240
        while self._state(run) not in FINAL:
            assert time.monotonic() < deadline, (
                self.pipeline.run(run)["state"],
                self.pipeline.children.read_log("worker", 60),
            )
            time.sleep(0.5)

    def _kill(self, kind: str) -> None:
        children = self.pipeline.children
        worker = children.pid("worker")
        doomed = {
            "flow": find_descendants(worker),
            "worker": [worker],
            "both": [worker, *find_descendants(worker)],
            "server": [children.pid("server"), *find_descendants(children.pid("server"))],
        }[kind]
        for pid in doomed:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(RESTART_S)
        if kind in {"worker", "both"}:
            children.restart("worker")
        if kind == "server":
            children.restart("server")
            self.pipeline.wait_healthy()

    def _check_visible(self, folder: Path) -> None:
        """What readers see is whole: nothing, or a release that verifies."""
        store = open_store(str(folder))
        for version in list_versions(store):
            assert verify_release(store, version).problems == []
        pointer, _ = read_latest(store)
        if pointer is not None:
            assert pointer.version in list_versions(store)

    def _check_bytes(self, folder: Path) -> None:
        """An undisturbed run that finds the same memo makes the same files."""
        from tests.faults.killed_flow import run_flow

        replica = Path(f"{folder}-replica")
        shutil.copytree(folder / "private/memo", replica / "private/memo")
        settings = {n: v for n, v in self.pipeline.environ.items() if n.startswith("THOUGHTTRACE_")}
        given = self._parameters(replica) | {"tagging": TaggingOptions(model=MODEL, budget_usd=1)}
        with _environment(settings):
            assert run_flow("release", is_drawing=True, **given) == 0
        ours, theirs = dict(_digests(folder)), dict(_digests(replica))
        different = {p for p in ours.keys() | theirs.keys() if ours.get(p) != theirs.get(p)}
        different -= {"releases/v1.0.0/report.html"}
        for path in ("releases/v1.0.0/stats.json", "releases/v1.0.0/metrics.json"):
            assert _without_cost(folder / path) == _without_cost(replica / path), path
            different.discard(path)
        assert not different, sorted(different)
        shutil.rmtree(replica)


def _without_cost(path: Path) -> dict[str, Any]:
    return {k: v for k, v in json.loads(path.read_text()).items() if k.partition(".")[0] != COST}


def _digests(folder: Path) -> Iterator[tuple[str, str]]:
    manifest = json.loads((folder / "releases/v1.0.0/manifest.json").read_text())
    for kind in ("tables", "views"):
        for table in manifest[kind].values():
            yield from ((f["path"], f["sha256"]) for f in table["files"])
    yield from ((f["path"], f["sha256"]) for f in manifest["side_files"])


class _environment:  # noqa: N801
    def __init__(self, settings: dict[str, str]) -> None:
        self._settings = settings

    def __enter__(self) -> None:
        self._before = dict(os.environ)
        os.environ.update(self._settings)

    def __exit__(self, *_: object) -> None:
        os.environ.clear()
        os.environ.update(self._before)


def write_report(path: Path, seen: Round) -> None:
    """Append a round to a report of one JSON object a line."""
    with path.open("a") as file:
        file.write(json.dumps({**asdict(seen), "at": datetime.now(UTC).isoformat(timespec="seconds")}) + "\n")
