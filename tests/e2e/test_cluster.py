"""The same release from threads, processes, a standing Dask cluster and Ray: the same bytes."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from crash_rounds import find_descendants

from tasks.storage.store import open_store
from tasks.synth.export import generate, write_export

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

REPO = Path(__file__).parents[2]
N_SHARDS = 3


@pytest.fixture(scope="module")
def environ(tmp_path_factory) -> dict[str, str]:
    home = tmp_path_factory.mktemp("prefect-home")
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_API_", "PREFECT_SERVER_SERV"))}
    return clean | {
        "PYTHONPATH": os.pathsep.join(filter(None, [str(REPO), os.environ.get("PYTHONPATH", "")])),
        "PREFECT_HOME": str(home),
        "THOUGHTTRACE_ID_KEY": "test-key-0123456789abcdef0123456789abcdef",
        "THOUGHTTRACE_INGEST__SHARD_MESSAGES": "40",
    }


@pytest.fixture(scope="module")
def export(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("export") / "export.jsonl"
    write_export(generate(12, 3, "published", short=True), path)
    return path


def run_release(export: Path | str, store: Path | str, environ: dict[str, str]) -> dict[str, str]:
    """Content of the release: path to digest."""
    arguments = ["release", str(export), "--store", str(store), "--model", "none", "--yes", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli.app", *arguments],
        cwd=REPO,
        env=environ,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    manifest = json.loads(open_store(str(store)).get("releases/v1.0.0/manifest.json"))
    files = [f for t in ("tables", "views") for table in manifest[t].values() for f in table["files"]]
    return {f["path"]: f["sha256"] for f in [*files, *manifest["side_files"]]}


@pytest.fixture(scope="module")
def local(export, environ, tmp_path_factory) -> dict[str, str]:
    return run_release(export, tmp_path_factory.mktemp("local"), environ)


@contextmanager
def dask_cluster(environ: dict[str, str], folder: Path) -> Iterator[str]:
    """A scheduler and two workers, each in a folder of its own, as they would stand on other machines."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    scheduler = ["scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"]
    worker = ["worker", address, "--nworkers", "1", "--nthreads", "1", "--no-dashboard"]
    children = []
    try:
        for number, command in enumerate((scheduler, worker, worker)):
            home = folder / f"machine-{number}"
            for part in ("work", "tmp", "prefect"):
                (home / part).mkdir(parents=True)
            own = {"TMPDIR": str(home / "tmp"), "PREFECT_HOME": str(home / "prefect")}
            with (folder / f"dask-{number}.log").open("wb") as log:
                children.append(
                    subprocess.Popen(
                        [sys.executable, "-m", "dask", *command],
                        env=environ | own,
                        cwd=home / "work",
                        stdout=log,
                        stderr=log,
                        start_new_session=True,
                    )
                )
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline and "Registered to" not in (folder / "dask-2.log").read_text():
            time.sleep(0.2)
        yield address
    finally:
        for child in reversed(children):
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()


def test_processes_give_the_same_bytes(export, environ, local, tmp_path) -> None:
    chosen = environ | {"THOUGHTTRACE_RUN__TASK_RUNNER": "processes"}
    assert run_release(export, tmp_path, chosen) == local


def test_dask_gives_the_same_bytes(export, environ, local, tmp_path, weed_env) -> None:
    """Only the object store is shared: store and export lie there, all else is a machine's own."""
    if importlib.util.find_spec("prefect_dask") is None:
        pytest.skip("prefect-dask is not installed: pip install thoughttrace[dask]")
    place = weed_env.new_uri()
    open_store(place).put(export.name, export.read_bytes())
    shared = environ | weed_env.environment()
    with dask_cluster(shared, tmp_path) as address:
        chosen = shared | {
            "THOUGHTTRACE_RUN__TASK_RUNNER": "dask",
            "THOUGHTTRACE_RUN__TASK_RUNNER_ADDRESS": address,
        }
        assert run_release(f"{place}/{export.name}", f"{place}/store", chosen) == local
        log = (tmp_path / "dask-1.log").read_text() + (tmp_path / "dask-2.log").read_text()
    assert "scrub shard" in log, "no task ran on the cluster"


@contextmanager
def ray_cluster(environ: dict[str, str]) -> Iterator[str]:
    """A head that takes no work and two nodes, as they would stand on other machines."""
    # sockets have names of at most 107 characters, and Ray's are long
    folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address, memory = f"127.0.0.1:{port}", ["--object-store-memory", "100000000"]
    start = [
        sys.executable,
        "-m",
        "ray.scripts.scripts",
        "start",
        "--block",
        "--disable-usage-stats",
        *memory,
    ]
    head = ["--head", "--node-ip-address", "127.0.0.1", "--port", str(port), "--num-cpus", "0"]
    head += ["--include-dashboard", "false", "--temp-dir", str(folder)]
    node = ["--address", address, "--node-ip-address", "127.0.0.1", "--num-cpus", "1"]
    children = []
    try:
        for number, command in enumerate((head, node, node)):
            path = folder / f"node-{number}.log"
            with path.open("wb") as log:
                children.append(
                    subprocess.Popen(
                        [*start, *command], env=environ, stdout=log, stderr=log, start_new_session=True
                    )
                )
            deadline = time.monotonic() + 120
            while "Ray runtime started" not in path.read_text():
                assert children[-1].poll() is None, path.read_text()[-3000:]
                assert time.monotonic() < deadline, path.read_text()[-3000:]
                time.sleep(0.2)
        yield address
    finally:
        for child in reversed(children):
            for pid in [*find_descendants(child.pid), child.pid]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            child.wait()
        shutil.rmtree(folder, ignore_errors=True)


def test_ray_gives_the_same_bytes(export, environ, local, tmp_path) -> None:
    if importlib.util.find_spec("prefect_ray") is None:
        pytest.skip("prefect-ray is not installed: pip install thoughttrace[ray]")
    quiet = environ | {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
    with ray_cluster(quiet) as address:
        chosen = quiet | {
            "THOUGHTTRACE_RUN__TASK_RUNNER": "ray",
            "THOUGHTTRACE_RUN__TASK_RUNNER_ADDRESS": address,
        }
        assert run_release(export, tmp_path, chosen) == local
