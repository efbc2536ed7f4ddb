"""Processes that scrub: they end with the run, and a death is told plainly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from schemas.errors import InternalError, KeyMissingError
from tasks.scrub.workers import in_worker, scrub_workers, start_in_worker


def own_pid() -> int:
    return os.getpid()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def refuse() -> None:
    raise KeyMissingError("no key")


def leave_trace(folder: Path) -> None:
    (folder / str(os.getpid())).touch()


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_gone(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def test_one_worker_is_this_process() -> None:
    with scrub_workers(1):
        assert in_worker(own_pid) == os.getpid()
    assert in_worker(own_pid) == os.getpid()


def test_workers_are_others_tell_errors_and_end_with_the_block() -> None:
    with scrub_workers(2):
        pid = in_worker(own_pid)
        assert pid != os.getpid()
        with pytest.raises(KeyMissingError, match="no key"):
            in_worker(refuse)
    assert is_gone(pid)


def test_each_worker_is_prepared_once_before_its_first_work(tmp_path) -> None:
    with scrub_workers(2, partial(leave_trace, tmp_path)):
        # the call finds its worker ready
        assert (tmp_path / str(in_worker(own_pid))).exists()
        wait_until(lambda: len(list(tmp_path.iterdir())) == 2)


def test_work_is_started_in_a_worker_or_done_here_at_once() -> None:
    assert start_in_worker(own_pid)() == os.getpid()
    with scrub_workers(2):
        waits = [start_in_worker(own_pid) for _ in range(2)]
        assert os.getpid() not in {wait() for wait in waits}
        with pytest.raises(KeyMissingError, match="no key"):
            start_in_worker(refuse)()
        with pytest.raises(InternalError, match="want of memory"):
            start_in_worker(die)()
        # one that died is no reason to lose what was paid for since
        assert start_in_worker(own_pid)() == os.getpid()


def test_what_fails_while_preparing_fails_again_where_it_is_needed() -> None:
    with scrub_workers(2, refuse):
        assert in_worker(own_pid) != os.getpid()
        with pytest.raises(KeyMissingError, match="no key"):
            in_worker(refuse)


@pytest.mark.fault(
    "process",
    "scrub worker killed",
    "told plainly",
)
def test_a_killed_worker_is_told_plainly(record_property) -> None:
    with scrub_workers(2), pytest.raises(InternalError, match="want of memory"):
        in_worker(die)
    record_property("rounds", 1)


def test_workers_end_when_their_parent_is_killed(tmp_path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "import os, time\n"
        "from tasks.scrub.workers import in_worker, scrub_workers\n"
        "if __name__ == '__main__':\n"
        "    with scrub_workers(2):\n"
        "        print(in_worker(os.getpid), flush=True)\n"
        "        time.sleep(60)\n"
    )
    repo = Path(__file__).parents[3]
    with subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(repo)},
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    assert is_gone(pid)
