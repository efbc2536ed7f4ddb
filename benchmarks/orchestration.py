"""What orchestration costs: the release as a Prefect flow, against the same functions called in a loop.

    python -m benchmarks.orchestration 300 200 500

runs the release of 300 generated conversations in shards of 200 messages and in shards of 500, each as a flow
on a warm server and plainly, and prints processor seconds of the flow's process and of the server. Wall time
is printed too; on a machine that does other things processor time is what can be compared. The server's share
is counted in full, though it works beside the flow, on another core where there is one.

The overhead does not depend on the messages, only on the task runs: two sizes of shards give the fixed part
and the part a task. `docs/scaling.md` shows the formula and what it says about other sizes.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from flows.prefect_env import prepare_prefect
from tasks.synth.export import generate, write_export

SEED = 11


def main() -> None:
    """Measure all and print a JSON object a line."""
    if sys.argv[1] in {"flow", "plain"}:
        print(json.dumps(measure(*sys.argv[1:])))
        return
    n_conversations, *shard_sizes = (int(given) for given in sys.argv[1:])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path, n in ((folder / "warm.jsonl", 5), (folder / "export.jsonl", n_conversations)):
            write_export(generate(n, SEED, "published"), path)
        server, environ = start_server(folder)
        try:
            for number, size in enumerate(shard_sizes):
                settings = environ | {"THOUGHTTRACE_INGEST__SHARD_MESSAGES": str(size)}
                for mode in ("plain", "flow"):
                    store = folder / f"{mode}-{number}"
                    before = server_cpu(server.pid)
                    done = run_child([mode, str(folder), str(store)], settings)
                    settle(server.pid)
                    spent = server_cpu(server.pid) - before
                    print(
                        json.dumps({"shard_messages": size, **done, "server_cpu_s": round(spent, 2)}),
                        flush=True,
                    )
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(30)


def measure(mode: str, folder: str, store: str) -> dict[str, Any]:
    """One release after a tiny one that loads every model and module."""
    prepare_prefect(quiet=True)
    import flows.release as module

    release = module.release if mode == "flow" else call_plainly(module)
    parameters = {"approval": "none", "approved_by": "benchmark"}
    release(exports=[f"{folder}/warm.jsonl"], store=f"{store}-warm", **parameters)
    n_before, cpu, wall = count_tasks(), cpu_time(), time.monotonic()
    outcome = release(exports=[f"{folder}/export.jsonl"], store=store, **parameters)
    return {
        "mode": mode,
        "messages": outcome["counts"]["messages"],
        "tasks": count_tasks() - n_before,
        "cpu_s": round(cpu_time() - cpu, 2),
        "wall_s": round(time.monotonic() - wall, 2),
    }


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


def start_server(folder: Path) -> tuple[subprocess.Popen[bytes], dict[str, str]]:
    """A Prefect server on loopback, healthy."""
    prepare_prefect()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environ = os.environ | {
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "THOUGHTTRACE_ID_KEY": "benchmark-key-0123456789abcdef0123456789",
        "THOUGHTTRACE_TAG__MODEL": "none",
        "THOUGHTTRACE_PRIVACY__REVIEW": "mask",
        "THOUGHTTRACE_RUN__WORKERS": "1",
    }
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(command, env=environ, stdout=log, stderr=log)
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/api/health", timeout=5).close()
            return server, environ
        except OSError:
            if server.poll() is not None:
                raise SystemExit((folder / "server.log").read_text()[-2000:]) from None
            time.sleep(0.3)


def run_child(arguments: list[str], environ: dict[str, str]) -> dict[str, Any]:
    """Measure in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.orchestration", *arguments]
    done = subprocess.run(command, env=environ, stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def server_cpu(pid: int) -> float:
    """Processor seconds that the server has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def settle(pid: int) -> None:
    """Wait until the server has recorded what it was told."""
    before = -1.0
    while (now := server_cpu(pid)) - before > 0.3:
        before = now
        time.sleep(3)


if __name__ == "__main__":
    main()
