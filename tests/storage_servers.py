"""Real object stores on loopback: SeaweedFS, and one that silently ignores conditional writes."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

PUBLISHER = ("PUBLISHERKEY", "publishersecret")
READER = ("READERKEY", "readersecret")
BUCKET = "releases"
PUBLIC_BUCKET = "public"
ROLES = ("reader", "publisher", "maintainer")
ROLES_PREFIX = "roles"
"""Folder of the bucket to which the policies of deployments/iam apply for the keys `role_key`."""
BIN = Path(sys.executable).parent
POLICIES = Path(__file__).parents[1] / "deployments" / "iam"


@dataclass
class S3Server:
    """A running server; `environment` is what a process needs to reach it."""

    name: str
    port: int
    command: list[str]
    folder: Path
    environ: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen | None = None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def environment(self, key: tuple[str, str] = PUBLISHER, endpoint: str | None = None) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": endpoint or self.endpoint,
            "AWS_ACCESS_KEY_ID": key[0],
            "AWS_SECRET_ACCESS_KEY": key[1],
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def start(self) -> S3Server:
        clean = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        log = (self.folder / "server.log").open("ab")
        self.process = subprocess.Popen(
            self.command,
            env=clean | self.environ,
            stdout=log,
            stderr=log,
            cwd=self.folder,
            start_new_session=True,
        )
        log.close()
        self._wait()
        return self

    def stop(self, *, kill: bool = False) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def new_uri(self, bucket: str = BUCKET) -> str:
        """Address of a place that no other test uses."""
        return f"s3://{bucket}/t{uuid.uuid4().hex[:12]}"

    def client(self):
        import botocore.config
        import botocore.session

        return botocore.session.Session().create_client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=PUBLISHER[0],
            aws_secret_access_key=PUBLISHER[1],
            region_name="us-east-1",
            config=botocore.config.Config(
                s3={"addressing_style": "path"},
                connect_timeout=3,
                read_timeout=30,
                retries={"total_max_attempts": 1},
            ),
        )

    def _wait(self) -> None:
        client, deadline = self.client(), time.monotonic() + 60
        while True:
            try:
                for bucket in (BUCKET, PUBLIC_BUCKET):
                    try:
                        client.create_bucket(Bucket=bucket)
                    except client.exceptions.ClientError as error:
                        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 409:
                            raise
                    client.put_object(Bucket=bucket, Key="hello", Body=b"x" * 1000)
                return
            except Exception as error:
                died = self.process is None or self.process.poll() is not None
                if died or time.monotonic() > deadline:
                    log = (self.folder / "server.log").read_text()[-2000:]
                    raise RuntimeError(f"{self.name} did not come up: {error!r}\n{log}") from error
                time.sleep(0.03)


def role_key(role: str) -> tuple[str, str]:
    """Key of an identity that has the policy of this role and no other right."""
    return (f"{role.upper()}ROLE", f"{role}rolesecret")


def read_policy(role: str, bucket: str, prefix: str) -> str:
    """The policy file of a role, with bucket and prefix filled in."""
    text = (POLICIES / f"{role}.json").read_text(encoding="utf-8")
    return text.replace("BUCKET", bucket).replace("PREFIX", prefix)


def free_port() -> int:
    """A port that is free together with port + 10000, which SeaweedFS also opens."""
    while True:
        port = random.randint(20_000, 29_000)
        try:
            for candidate in (port, port + 10_000):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", candidate))
        except OSError:
            continue
        return port


def seaweed(folder: Path) -> S3Server:
    """SeaweedFS in a folder, not started; telemetry off, loopback only."""
    folder.mkdir(parents=True, exist_ok=True)
    identities = [
        _identity("publisher", PUBLISHER, ["Admin", "Read", "List", "Tagging", "Write"]),
        _identity("reader", READER, [f"Read:{BUCKET}", f"List:{BUCKET}"]),
        {"name": "anonymous", "actions": [f"Read:{PUBLIC_BUCKET}", f"List:{PUBLIC_BUCKET}"]},
    ]
    policies = [{"name": role, "content": read_policy(role, BUCKET, ROLES_PREFIX)} for role in ROLES]
    identities += [_identity(f"role-{r}", role_key(r), []) | {"policyNames": [r]} for r in ROLES]
    config = folder / "s3.json"
    config.write_text(json.dumps({"identities": identities, "policies": policies}))
    (folder / "data").mkdir(exist_ok=True)
    port, *others = (free_port() for _ in range(5))
    options = {
        "dir": folder / "data",
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        "master.telemetry": "false",
        "s3.autoCreateBucket": "false",
        "s3.config": config,
        "s3.port": port,
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        "admin.ui": "false",
        "webdav": "false",
        "filer.localSocket": folder / "f.sock",
        "s3.localSocket": folder / "s.sock",
    }
    options |= dict(zip(("master.port", "volume.port", "filer.port", "admin.port"), others, strict=True))
    command = [str(BIN / "weed"), "-logtostderr=true", "mini", *(f"-{k}={v}" for k, v in options.items())]
    return S3Server("weed", port, command, folder, {"GOMEMLIMIT": "256MiB"})


def nanio_server(folder: Path) -> S3Server:
    """nanio in a folder, not started."""
    (folder / "data").mkdir(parents=True, exist_ok=True)
    port = free_port()
    options = [
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--data-dir",
        str(folder / "data"),
        "--no-access-log",
    ]
    environ = {"NANIO_ACCESS_KEY": PUBLISHER[0], "NANIO_SECRET_KEY": PUBLISHER[1]}
    return S3Server("nanio", port, [str(BIN / "nanio"), "serve", *options], folder, environ)


def _identity(name: str, key: tuple[str, str], actions: list[str]) -> dict:
    return {"name": name, "credentials": [{"accessKey": key[0], "secretKey": key[1]}], "actions": actions}


def _running(make, program: str) -> Iterator[S3Server]:
    if not (BIN / program).exists():
        pytest.skip(f"{program} is not installed (dev dependency)")
    # a short path: sockets have names of at most 108 characters
    folder = Path(tempfile.mkdtemp(prefix="s3-"))
    server = make(folder)
    try:
        yield server.start()
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def weed() -> Iterator[S3Server]:
    """A SeaweedFS server for the whole session; use `new_uri()` for a place of your own."""
    yield from _running(seaweed, "weed")


@pytest.fixture(scope="session")
def nanio() -> Iterator[S3Server]:
    """A server that accepts conditional writes and ignores the condition."""
    yield from _running(nanio_server, "nanio")


@pytest.fixture
def weed_env(weed: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """The server, with this process's environment pointing to it as the publisher."""
    for name, value in weed.environment().items():
        monkeypatch.setenv(name, value)
    return weed


@pytest.fixture
def nanio_env(nanio: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """The same for the server without conditional writes."""
    for name, value in nanio.environment().items():
        monkeypatch.setenv(name, value)
    return nanio
