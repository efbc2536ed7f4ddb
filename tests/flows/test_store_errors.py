"""Bad stores at the command line, against a real server: what is said, and the exit code."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import botocore.auth
import pytest

from tasks.publish.releases import list_versions, read_manifest
from tasks.storage.store import Store, open_store
from tests.faults.fault_proxy import FaultProxy
from tests.publishing import release
from tests.storage_servers import READER, S3Server, free_port

READS = (["list"], ["show", "v1.0.0"], ["verify"], ["pull", "v1.0.0", "OUT"], ["diff", "v1.0.0", "v1.0.0"])
WRITES = (["yank", "v1.0.0", "--why", "x"], ["gc", "--yes"])


@pytest.fixture(scope="module")
def published(weed: S3Server) -> str:
    """A store whose address holds a space and letters that ASCII has not."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in weed.environment().items():
            patch.setenv(name, value)
        uri = f"{weed.new_uri()}/my données/日本"
        release(open_store(uri), "v1.0.0", range(2))
    return uri


def use(monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)


def test_spaces_and_unicode_in_the_address(weed_env, published: str, run, tmp_path: Path) -> None:
    for command in READS:
        code, said = run(*command, "--store", published)
        assert code == 0, said
    assert (tmp_path / "out" / "messages" / "part-00000.parquet").is_file()


@pytest.mark.parametrize("command", [*READS, *WRITES], ids=lambda c: c[0])
@pytest.mark.fault(
    "storage",
    "bucket missing",
    "exit 3, named",
)
def test_a_bucket_that_is_not_there(weed_env, run, command: list[str]) -> None:
    code, said = run(*command, "--store", "s3://no-such-bucket/x")
    assert (code, "bucket does not exist" in said) == (3, True), said


@pytest.mark.fault(
    "storage",
    "wrong credentials",
    "exit 3, named",
)
def test_wrong_keys(weed: S3Server, published: str, run, monkeypatch) -> None:
    for key, says in (
        (("PUBLISHERKEY", "wrong"), "secret key does not belong"),
        (("NOBODY", "x"), "unknown"),
    ):
        use(monkeypatch, weed.environment(key))
        code, said = run("list", "--store", published)
        assert (code, says in said) == (3, True), said


@pytest.mark.fault(
    "storage",
    "credentials expired",
    "exit 3, named",
)
def test_credentials_that_have_expired(weed_env: S3Server, published: str, run, monkeypatch) -> None:
    with FaultProxy(weed_env.port) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        proxy.add("^(GET|PUT) ", "expired", 10_000)
        for command in (READS[0], WRITES[0]):
            code, said = run(*command, "--store", published)
            assert (code, "credentials have expired" in said) == (3, True), said


@pytest.mark.fault(
    "storage",
    "clock two hours off",
    "exit 3, named",
)
def test_a_clock_that_is_wrong(weed_env: S3Server, published: str, run, monkeypatch) -> None:
    real = botocore.auth.get_current_datetime
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: real() - timedelta(hours=2))
    code, said = run("list", "--store", published)
    assert (code, "clock differs" in said) == (3, True), said


@pytest.mark.fault(
    "storage",
    "endpoint down",
    "exit 3, named",
)
def test_an_endpoint_that_is_down(published: str, run, monkeypatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    code, said = run("list", "--store", published)
    assert (code, "no answer from the object store" in said) == (3, True), said


@pytest.mark.fault(
    "storage",
    "read-only store",
    "reading works, writing is exit 3",
)
def test_a_reader_reads_and_cannot_write(weed: S3Server, published: str, run, monkeypatch) -> None:
    use(monkeypatch, weed.environment(READER))
    for command in READS:
        assert run(*command, "--store", published)[0] == 0, command
    for command in WRITES:
        code, said = run(*command, "--store", published)
        assert (code, "these credentials may not do that" in said) == (3, True), said
    use(monkeypatch, weed.environment())
    assert open_store(published).head("releases/v1.0.0/yanked.json") is None


@pytest.mark.fault(
    "storage",
    "objects altered, deleted, exchanged",
    "`verify` names each, exit 1",
)
def test_a_shard_altered_deleted_swapped_and_a_newer_manifest(weed_env: S3Server, run) -> None:
    store: Store = open_store(weed_env.new_uri())
    release(store, "v1.0.0", range(2))
    release(store, "v1.1.0", range(3))
    shards = {v: read_manifest(store, v)[0].tables["messages"].files[0].path for v in list_versions(store)}
    target = shards["v1.0.0"]
    good = store.get(target)

    def verify(expected: int, says: str) -> None:
        code, said = run("verify", "v1.0.0", "--store", store.uri)
        assert (code, says in said) == (expected, True), said

    store.put(target, good[:50] + b"x" + good[51:])
    verify(1, f"{target} was altered")
    store.delete(target)
    verify(1, f"{target} is missing")
    other = read_manifest(store, "v1.1.0")[0].tables["messages"].files[-1].path
    assert other != target
    store.copy(other, target)
    verify(1, f"{target} was altered")
    store.put(target, good)
    manifest = json.loads(store.get("releases/v1.0.0/manifest.json"))
    store.put(
        "releases/v1.0.0/manifest.json", json.dumps({**manifest, "format": "thoughttrace-release/9"}).encode()
    )
    verify(2, "upgrade thoughttrace")
