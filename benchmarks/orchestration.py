"""What orchestration costs: the release as a Prefect flow, against the same functions called in a loop.

    python -m benchmarks.orchestration 40 20 200

runs the release of 40 generated conversations in shards of 20 messages and in shards of 200, each as a flow
on a warm server and plainly in the same process, and prints processor seconds of the process and of the server
(less what it uses when idle). Wall time is printed too; on a machine that does other things processor time is what can be compared. The server's share
is counted in full, though it works beside the flow, on another core where there is one.

The overhead does not depend on the messages, only on the task runs: two sizes of shards give the fixed part
and the part a task. `docs/scaling.md` shows the formula and what it says about other sizes.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from benchmarks.prefect_server import warm_server
from tasks.synth.export import generate, write_export

SEED = 11
SETTINGS = {
    "THOUGHTTRACE_ID_KEY": "benchmark-key-0123456789abcdef0123456789",
    "THOUGHTTRACE_TAG__MODEL": "none",
    "THOUGHTTRACE_PRIVACY__REVIEW": "mask",
    "THOUGHTTRACE_RUN__WORKERS": "1",
}


def main() -> None:
    """Measure all and print a JSON object a line."""
    n_conversations, *shard_sizes = (int(given) for given in sys.argv[1:])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path, n in ((folder / "warm.jsonl", 5), (folder / "export.jsonl", n_conversations)):
            write_export(generate(n, SEED, "published"), path)
        with warm_server(folder) as server:
            os.environ |= SETTINGS | server.address
            import flows.release as module

            # loads every model and module
            release_once(module.release, folder, "warm")
            settle(server.pid)
            idle = measure_idle(server.pid)
            for mode in ("flow", "plain"):
                release = module.release if mode == "flow" else call_plainly(module)
                for size in shard_sizes:
                    os.environ["THOUGHTTRACE_INGEST__SHARD_MESSAGES"] = str(size)
                    done = measure(release, folder, f"{mode}-{size}", server.pid, idle)
                    print(json.dumps({"mode": mode, "shard_messages": size, **done}), flush=True)


def measure(release: Any, folder: Path, name: str, server: int, idle: float) -> dict[str, Any]:
    """One release: what this process and the server spent on it."""
    n_before, cpu, wall, served = count_tasks(), cpu_time(), time.monotonic(), server_cpu(server)
    outcome = release_once(release, folder, name)
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


def release_once(release: Any, folder: Path, name: str) -> dict[str, Any]:
    """Publish into a store of its own."""
    export = folder / ("warm.jsonl" if name == "warm" else "export.jsonl")
    return release(exports=[str(export)], store=str(folder / name), approval="none", approved_by="benchmark")


def call_plainly(module: Any) -> Any:
    """The release with its tasks as plain functions, shards one after the other."""
    from prefect import Task

    for name, value in list(vars(module).items()):
        if isinstance(value, Task):
            setattr(module, name, value.fn)

    def loop(step: str, work: Any, run: Any, shards: Any, *shared: Any) -> tuple[Any, ...]:
        return tuple(
            work.fn(run, s, n, *shared) if isinstance(work, Task) else work(run, s, n, *shared)
            for n, s in enumerate(shards, 1)
        )

    module.over_shards = loop
    return module.release.fn


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
