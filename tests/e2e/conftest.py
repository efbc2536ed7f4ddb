"""The whole pipeline as `thoughttrace up` starts it: object store, Prefect server, worker, deployments."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from postgres import Database, run_postgres

from tests.tag_provider import FakeProvider

REPO = Path(__file__).parents[2]
FINAL = {"Completed", "Published", "Rejected", "Failed", "Crashed", "Cancelled"}


@dataclass(frozen=True)
class Pipeline:
    """A running pipeline.

    Attributes:
        url: address of the Prefect server.
        environ: environment that reaches server and store.
        folder: everything it keeps.
        children: its processes.
        database: Prefect's Postgres; None means SQLite.
    """

    url: str
    environ: dict[str, str]
    folder: Path
    children: Any
    database: Database | None

    def read_database(self) -> bytes:
        """Everything that the server has stored."""
        if self.database:
            return self.database.dump()
        return b"".join(path.read_bytes() for path in (self.folder / "prefect").glob("prefect.db*"))

    def api(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.url}/api{path}", method=method, data=data, headers={"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read()[:500]!r}") from None
        return json.loads(text) if text else None

    def wait_healthy(self, timeout_s: float = 120) -> None:
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{self.url}/api/health", timeout=5):
                    return
            except OSError:
                time.sleep(0.2)
        raise AssertionError(self.children.read_log("server", 40))

    def deployment(self, name: str) -> dict[str, Any]:
        return self.api("GET", f"/deployments/name/{name}")

    def start(self, name: str, *, env: dict[str, str] | None = None, **parameters: Any) -> str:
        body = {"parameters": parameters, "job_variables": {"env": env} if env else {}}
        return self.api("POST", f"/deployments/{self.deployment(name)['id']}/create_flow_run", body)["id"]

    def run(self, flow_run: str) -> dict[str, Any]:
        return self.api("GET", f"/flow_runs/{flow_run}")

    def wait(self, flow_run: str, *states: str, timeout_s: float = 400) -> dict[str, Any]:
        """Wait for one of these states (any final one if none is named); a wrong end fails at once."""
        wanted, deadline = set(states) or FINAL, time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            found = self.run(flow_run)
            name = found["state"]["name"] if found["state"] else "none"
            if name in wanted:
                return found
            if name in FINAL:
                break
            time.sleep(1)
        worker = self.children.read_log("worker", 40)
        raise AssertionError(f"{found['name']} is {name}: {found['state'].get('message')}\n{worker}")

    def resume(self, flow_run: str, **answer: Any) -> None:
        told = self.api("POST", f"/flow_runs/{flow_run}/resume", {"run_input": answer})
        assert told["status"] == "ACCEPT", told

    def artifacts(self, flow_run: str) -> list[dict[str, Any]]:
        body = {"artifacts": {"flow_run_id": {"any_": [flow_run]}}}
        return self.api("POST", "/artifacts/filter", body)

    def cli(self, *arguments: str) -> Any:
        done = subprocess.run(
            [sys.executable, "-m", "flows.cli.app", *arguments, "--json"],
            env=self.environ,
            cwd=REPO,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return json.loads(done.stdout)


def find_port() -> int:
    """A free port on loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def run_pipeline(provider_url: str, database: Database | None = None) -> Iterator[Pipeline]:
    """Start everything in a new folder; stop and delete it in the end. Without a database: SQLite."""
    from deployments.children import Children
    from deployments.up import start_all
    from tasks.synth.export import generate, write_export

    # a short path: sockets and screenshots show it
    folder = Path(tempfile.mkdtemp(prefix="tt-"))
    (folder / "exports").mkdir()
    write_export(generate(30, 3, "published", short=True), folder / "exports/first.jsonl")
    # of so few people k-anonymity hides many a language, other ones under every key: its share may jump
    shipped = (REPO / "tasks/gate/policy.yaml").read_text()
    policy = shipped.replace("- name: language\n", "- {name: language, max_points: null}\n")
    assert policy != shipped
    (folder / "gate.yaml").write_text(policy)
    port = find_port()
    children = Children(folder / "logs")
    with pytest.MonkeyPatch.context() as patch:
        for name in [n for n in os.environ if n.startswith(("AWS_", "PREFECT_"))]:
            patch.delenv(name)
        patch.setenv("PREFECT_WORKER_QUERY_SECONDS", "2")
        patch.setenv("THOUGHTTRACE_TAG__MODEL", "none")
        patch.setenv("THOUGHTTRACE_PRIVACY__REVIEW", "mask")
        patch.setenv("THOUGHTTRACE_GATE__POLICY_FILE", str(folder / "gate.yaml"))
        patch.setenv("THOUGHTTRACE_INGEST__SHARD_MESSAGES", "100")
        patch.setenv("PREFECT_SERVER_METRICS_ENABLED", "true")
        patch.setenv("PREFECT_CLIENT_METRICS_ENABLED", "true")
        patch.setenv("PREFECT_CLIENT_METRICS_PORT", str(find_port()))
        patch.setenv("OPENAI_API_KEY", "test")
        if sys.dont_write_bytecode:
            # every flow is a process of its own, and compiling what it imports takes longer than its work
            patch.setenv("PYTHONDONTWRITEBYTECODE", "")
            patch.setenv("PYTHONPYCACHEPREFIX", str(folder / "bytecode"))
        patch.setenv("OPENAI_API_BASE", provider_url)
        try:
            environ = start_all(children, folder, port, database=database.url if database else "")
            yield Pipeline(f"http://127.0.0.1:{port}", environ, folder, children, database)
        finally:
            children.stop()
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def pipeline(_provider: FakeProvider) -> Iterator[Pipeline]:
    with run_postgres() as database:
        if database is None:
            warnings.warn(
                "no Postgres here: Prefect's server ran on SQLite (apt-get install postgresql)", stacklevel=1
            )
        with run_pipeline(_provider.url, database) as started:
            yield started
