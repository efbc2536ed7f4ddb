"""What orchestration costs: the release as a Prefect flow, against the same functions called in a loop.

    python -m benchmarks.orchestration [--rounds 3] [--conversations 40] [--real 0]

runs the release of 40 generated conversations in shards of 20 messages and in shards of 200, each as a flow
on a warm server and plainly in the same process, in turns, and counts processor seconds of the process, of its
children and of the server (less what it uses when idle). Processor time can be compared on a machine that does
other things too. The server's share is counted in full, though it works beside the flow, on another core where
there is one.

The overhead does not depend on the messages, only on the task runs: the two sizes of shards give the fixed part
and the part a task. `--real 2155` then runs a release of that size once, as a flow, and says what share of its
processor time that is. `docs/scaling.md` shows the formula and what it says about other sizes.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from benchmarks.prefect_server import warm_server
from tasks.synth.export import generate, write_export

SEED = 11
SMALL, LARGE = 20, 200
"""Messages a shard."""
SETTINGS = {
    "THOUGHTTRACE_ID_KEY": "benchmark-key-0123456789abcdef0123456789",
    "THOUGHTTRACE_TAG__MODEL": "none",
    "THOUGHTTRACE_PRIVACY__REVIEW": "mask",
    "THOUGHTTRACE_RUN__WORKERS": "1",
}


def main() -> None:
    """Measure all and print a JSON object a line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--conversations", type=int, default=40)
    parser.add_argument("--real", type=int, default=0, help="conversations of a release whose share is told")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with warm_server(folder) as server:
            os.environ |= SETTINGS | server.address
            # loads every model and module
            from flows.release import release as flow

            release_once(flow, folder, "warm", 5)
            settle(server.pid)
            idle = measure_idle(server.pid)
            found: dict[tuple[str, int], list[dict[str, Any]]] = {}
            for number in range(given.rounds):
                for mode in ("flow", "plain"):
                    for size in (SMALL, LARGE):
                        os.environ["THOUGHTTRACE_INGEST__SHARD_MESSAGES"] = str(size)
                        name = f"{mode}-{size}-{number}"
                        with plain_release() if mode == "plain" else nullcontext(flow) as release:
                            done = measure(release, folder, name, given.conversations, server.pid, idle)
                        found.setdefault((mode, size), []).append(done)
                        say({"mode": mode, "shard_messages": size, **done})
            fixed_s, task_s = fit(found)
            say({"fixed_s": round(fixed_s, 2), "task_s": round(task_s, 4)})
            if given.real:
                del os.environ["THOUGHTTRACE_INGEST__SHARD_MESSAGES"]
                done = measure(flow, folder, "real", given.real, server.pid, idle)
                overhead = fixed_s + task_s * done["tasks"]
                work = done["cpu_s"] + done["server_cpu_s"] - overhead
                say({**done, "overhead_s": round(overhead, 2), "share": round(overhead / work, 4)})


def say(row: dict[str, Any]) -> None:
    """Print a row at once."""
    print(json.dumps(row), flush=True)


def fit(found: dict[tuple[str, int], list[dict[str, Any]]]) -> tuple[float, float]:
    """The part of the overhead that every run has, and the part of a task run, in processor seconds."""
    total = {
        key: statistics.median(row["cpu_s"] + row["server_cpu_s"] for row in rows)
        for key, rows in found.items()
    }
    over = {size: total["flow", size] - total["plain", size] for size in (SMALL, LARGE)}
    tasks = {size: found["flow", size][0]["tasks"] for size in (SMALL, LARGE)}
    task_s = (over[SMALL] - over[LARGE]) / (tasks[SMALL] - tasks[LARGE])
    return over[LARGE] - task_s * tasks[LARGE], task_s


def measure(release: Any, folder: Path, name: str, n: int, server: int, idle: float) -> dict[str, Any]:
    """One release: what this process and the server spent on it."""
    n_before, cpu, wall, served = count_tasks(), cpu_time(), time.monotonic(), server_cpu(server)
    outcome = release_once(release, folder, name, n)
    cpu, took = cpu_time() - cpu, time.monotonic() - wall
    settle(server)
    served = server_cpu(server) - served - idle * (time.monotonic() - wall)
    return {
        "messages": outcome["counts"]["messages"],
        "tasks": count_tasks() - n_before,
        "cpu_s": round(cpu, 2),
        "server_cpu_s": round(served, 2),
        "wall_s": round(took, 2),
    }


def release_once(release: Any, folder: Path, name: str, n: int) -> dict[str, Any]:
    """Publish so many conversations into a store of its own."""
    export = folder / f"export-{n}.jsonl"
    if not export.exists():
        write_export(generate(n, SEED, "published"), export)
    return release(exports=[str(export)], store=str(folder / name), approval="none", approved_by="benchmark")


@contextmanager
def plain_release() -> Iterator[Any]:
    """The release with its tasks as plain functions, shards one after the other."""
    from prefect import Task

    import flows.release

    class Done:
        def __init__(self, step: str, work: Any, run: Any, shards: Any, *shared: Any) -> None:
            self._results = tuple(work(run, shard, number, *shared) for number, shard in enumerate(shards, 1))

        def wait(self, n_left: int = 0) -> None:
            del n_left

        def results(self) -> tuple[Any, ...]:
            return self._results

    @contextmanager
    def no_side_tasks(_: bool) -> Iterator[Any]:
        def do_now(work: Any, *args: Any, **kwargs: Any) -> Any:
            done: Future[Any] = Future()
            done.set_result(work(*args, **kwargs))
            return done

        yield do_now

    stands_for = {"start_shards": Done, "side_tasks": no_side_tasks}
    kept: list[tuple[Any, str, Any]] = []
    for module in [m for name, m in sys.modules.items() if name.startswith("flows.")]:
        for name, value in list(vars(module).items()):
            if isinstance(value, Task) or name in stands_for:
                kept.append((module, name, value))
                setattr(module, name, value.fn if isinstance(value, Task) else stands_for[name])
    try:
        yield flows.release.release.fn
    finally:
        for module, name, value in kept:
            setattr(module, name, value)


def cpu_time() -> float:
    """Processor seconds of this process and of those it waited for."""
    return sum(
        getattr(resource.getrusage(who), field)
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        for field in ("ru_utime", "ru_stime")
    )


def count_tasks() -> int:
    """Task runs that the server knows."""
    url = f"{os.environ['PREFECT_API_URL']}/task_runs/count"
    request = urllib.request.Request(url, data=b"{}", headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return int(answer.read())


def server_cpu(pid: int) -> float:
    """Processor seconds that the server has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure_idle(pid: int) -> float:
    """Processor seconds a second that the server uses without work."""
    before = server_cpu(pid)
    time.sleep(10)
    return (server_cpu(pid) - before) / 10


def settle(pid: int) -> None:
    """Wait until the server has recorded what it was told."""
    before = -1.0
    for _ in range(20):
        if (now := server_cpu(pid)) - before < 0.5:
            return
        before = now
        time.sleep(3)


if __name__ == "__main__":
    main()
