"""Broken networks, full disks, weak servers: the right result or a clean error, and nothing half-done."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import uuid
from pathlib import Path

import pytest

from schemas.errors import StoreConditionsError, StoreUnavailableError
from schemas.manifest import Candidate
from tasks.ingest.files import digest_inputs
from tasks.publish.publish import publish_candidate
from tasks.publish.pull import pull_release
from tasks.publish.releases import latest_version, list_versions, load_release, read_manifest
from tasks.publish.verify import verify_release
from tasks.storage import s3, s3_reading
from tasks.storage.inputs import list_inputs, open_input
from tasks.storage.store import Store, open_store
from tests.faults.all_is_well import assert_all_is_well
from tests.faults.fault_proxy import FaultProxy
from tests.faults.publisher import start_publisher
from tests.publishing import publish, release, stage
from tests.release_tables import NOW
from tests.storage_servers import READER, S3Server, seaweed

pytestmark = pytest.mark.faults


def in_long_form(case):
    """A case for `make faults` only: what it shows is shown by another one, at another place."""
    return [case] if int(os.environ.get("FAULT_RACES", "1")) > 1 else []


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> tuple[Store, Candidate]:
    """A folder with a release, and the candidate of the next one."""
    store = open_store(str(tmp_path_factory.mktemp("template") / "store"))
    release(store, "v1.0.0", range(2))
    return store, stage(store, "v1.1.0", range(3))


@pytest.fixture
def proxied(template, weed_env: S3Server, monkeypatch):
    """A store that is reached through the proxy, with one release that went in undisturbed, and a candidate."""
    uri, (source, candidate) = weed_env.new_uri(), template
    store = open_store(uri)
    for info in source.list():
        store.put_file(info.key, source.existing(info.key))
    # how often it asks again is what is tested, not that it waits up to seven seconds meanwhile
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.02)
    with FaultProxy(weed_env.port) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        yield open_store(uri), proxy, candidate


@pytest.mark.parametrize(
    ("pattern", "action", "times"),
    [
        (r"PUT \S*/v1\.1\.0/manifest\.json", "lose_response", 1),
        (r"PUT \S*/latest\.json", "lose_response", 1),
        (r"PUT \S*/v1\.1\.0/manifest\.json", "refuse", 2),
        (r"PUT \S*/shards/", "cut_upload", 2),
        (r"PUT \S*/shards/", "refuse", 2),
        (r"PUT \S*/locks/", "lose_response", 1),
        (r"(PUT|GET|HEAD) ", "busy", 3),
        (r"PUT \S*/(shards|locks)/", "error_500", 2),
        *in_long_form((r"PUT \S*/v1\.1\.0/manifest\.json", "error_503", 3)),
    ],
)
@pytest.mark.fault(
    "storage",
    "answers lost, connections refused, uploads cut, 500, 503, SlowDown, for a while",
    "retried; the release is published once and verifies",
)
def test_a_passing_fault_changes_nothing(proxied, pattern: str, action: str, times: int) -> None:
    store, proxy, candidate = proxied
    proxy.add(pattern, action, times)
    published = publish(store, candidate, "run-2")
    assert len(proxy.seen) == times
    assert published.manifest.publish_id == "run-2"
    report = verify_release(store, "v1.1.0")
    assert (report.problems, report.notes) == ([], [])
    assert latest_version(store) == "v1.1.0"


@pytest.mark.parametrize(
    ("pattern", "action", "told"),
    [
        (r"PUT \S*/shards/", "refuse", "no answer from the object store"),
        (r"PUT \S*/v1\.1\.0/manifest\.json", "refuse", "no answer from the object store"),
        (r"PUT \S*/v1\.1\.0/manifest\.json", "error_500", "the server answered 500 InternalError"),
        *in_long_form((r"PUT \S*/shards/", "error_503", "asks for fewer requests; run again later")),
        (r"PUT ", "skewed", "this machine's clock differs from the server's; set it and run again"),
    ],
)
@pytest.mark.fault(
    "storage",
    "connections refused, 500, 503, a client clock that is off, for good",
    "exit 3 that says so, nothing visible; the next run publishes",
)
def test_a_lasting_fault_is_a_clean_error(proxied, pattern: str, action: str, told: str) -> None:
    store, proxy, candidate = proxied
    proxy.add(pattern, action, 10_000)
    with pytest.raises(StoreUnavailableError, match=told):
        publish(store, candidate, "run-2")
    assert list_versions(store) == ["v1.0.0"]
    proxy.rules.clear()
    assert publish(store, candidate, "run-2").version == "v1.1.0"
    assert verify_release(store, "v1.1.0").is_sound


@pytest.mark.parametrize("is_in_parts", [True, *in_long_form(False)])
@pytest.mark.fault(
    "storage",
    "credentials expire after the second shard of a publication, sent whole or in parts",
    "exit 3, the old release stands and verifies; the next run publishes",
)
def test_credentials_that_expire_in_the_middle(proxied, tmp_path: Path, monkeypatch, is_in_parts) -> None:
    store, proxy, candidate = proxied
    # the candidate is elsewhere, so that every shard is uploaded and none copied by the server
    private = open_store(str(tmp_path / "private"))
    for info in store.list("private/"):
        private.put(info.key.removeprefix("private/"), store.get(info.key))
        store.delete(info.key)
    proxy.add(r"PUT \S*/shards/", "pass", 2).add("", "expired", 10_000, after=2)

    def attempt():
        return publish_candidate(
            store, private, candidate.candidate_id, publish_id="run-2", approved_by="t", now=NOW
        )

    with monkeypatch.context() as patch:
        if is_in_parts:
            for name in ("_SINGLE_PUT_BYTES", "_PART_BYTES"):
                patch.setattr(s3, name, 1 << 10)
        with pytest.raises(StoreUnavailableError, match="credentials have expired; fetch new ones"):
            attempt()
    assert any("partNumber" in line for line in proxy.seen) is is_in_parts
    proxy.rules.clear()
    assert list_versions(store) == ["v1.0.0"]
    assert_all_is_well(store)
    assert attempt().version == "v1.1.0"
    assert_all_is_well(store)


READS = {
    "verify": lambda store, _: verify_release(store, "v1.0.0").problems,
    "load": lambda store, _: {n: t.rows() for n, t in load_release(store)[1].items()},
    "pull": lambda store, folder: pull_release(store, "v1.0.0", folder / uuid.uuid4().hex).version,
    "export": lambda store, _: digest_inputs(
        list_inputs([f"{store.uri}/export.jsonl"]), open_input=open_input
    ),
}


@pytest.mark.fault(
    "storage",
    "answers that break off in the middle of their body, while verifying, loading, pulling, reading an export",
    "asked again; where it lasts exit 3, never other data",
)
def test_an_answer_that_breaks_off(proxied, tmp_path: Path, monkeypatch) -> None:
    store, proxy, _ = proxied
    monkeypatch.setattr(s3_reading.time, "sleep", lambda _: None)
    store.put("export.jsonl", b'{"id": 1}\n' * 20_000)
    pattern = r"GET \S*/(export\.jsonl|shards/|v1\.0\.0/\S*\.parquet)"
    for name, read in READS.items():
        expected = read(store, tmp_path)
        proxy.seen.clear()
        proxy.add(pattern, "cut_response", 2)
        assert read(store, tmp_path) == expected, name
        assert len(proxy.seen) == 2, name
        proxy.add(pattern, "cut_response", 10_000)
        with pytest.raises(StoreUnavailableError, match="no answer from the object store"):
            read(store, tmp_path)
        proxy.rules.clear()


@pytest.mark.fault(
    "storage",
    "answers delayed",
    "waited for; published",
)
def test_a_slow_server_is_waited_for(proxied) -> None:
    store, proxy, candidate = proxied
    proxy.add(r"PUT \S*/shards/", "delay", 2, seconds=1.5)
    assert publish(store, candidate, "run-2").version == "v1.1.0"


@pytest.mark.fault(
    "storage",
    "a server that ignores conditional writes",
    "exit 2 before anything is written; `--single-writer` publishes",
)
def test_a_store_without_conditions_is_refused(nanio_env: S3Server) -> None:
    store = open_store(nanio_env.new_uri())
    candidate = stage(store, "v1.0.0", range(2))
    with pytest.raises(StoreConditionsError, match="--single-writer"):
        publish(store, candidate)
    assert all(o.key.startswith("private/candidates/") for o in store.list())
    published = publish(store, candidate, single_writer=True)
    assert verify_release(store, published.version).is_sound
    assert [o.key for o in store.list("private/")] == []


@pytest.mark.fault(
    "concurrency",
    "three publishers on a server that ignores conditional writes",
    "one wins, the release is whole",
)
def test_even_broken_promises_have_one_winner(nanio_env: S3Server, tmp_path: Path) -> None:
    store = open_store(nanio_env.new_uri())
    candidates = [stage(store, "v1.0.0", range(2 + i)) for i in range(3)]
    said = [tmp_path / str(i) for i in range(3)]
    children = [
        start_publisher(
            store.uri,
            c.candidate_id,
            f"race-{i}",
            sleep_at="S4",
            sleep_s=0.2,
            single_writer=True,
            said=said[i],
        )
        for i, c in enumerate(candidates)
    ]
    for child in children:
        child.join(120)
    codes = [child.exitcode for child in children]
    assert codes.count(0) == 1, [p.read_text() for p in said]
    assert read_manifest(store, "v1.0.0")[0].publish_id == f"race-{codes.index(0)}"
    assert verify_release(store, "v1.0.0").is_sound


@pytest.mark.fault(
    "storage",
    "server killed in mid-publication, started again",
    "exit 3, the old release stands; the next run publishes",
)
def test_the_server_dies_and_comes_back(tmp_path_factory, monkeypatch) -> None:
    server = seaweed(tmp_path_factory.mktemp("w"))
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    try:
        server.start()
        store = open_store(server.new_uri())
        release(store, "v1.0.0", range(2))
        candidate = stage(store, "v1.1.0", range(3))

        def kill(step: str) -> None:
            if step == "S4":
                server.stop(kill=True)

        with pytest.raises(StoreUnavailableError):
            publish(store, candidate, "run-2", checkpoint=kill)
        server.start()
        store = open_store(store.uri)
        assert list_versions(store) == ["v1.0.0"]
        assert verify_release(store, "v1.0.0").is_sound
        assert publish(store, candidate, "run-2").version == "v1.1.0"
        assert verify_release(store, "v1.1.0").is_sound
    finally:
        server.stop(kill=True)


@pytest.mark.fault(
    "storage",
    "read-only credentials",
    "reading works, publishing is exit 3 with nothing visible",
)
def test_a_reader_verifies_and_cannot_publish(weed_env: S3Server, monkeypatch) -> None:
    uri = weed_env.new_uri()
    release(open_store(uri), "v1.0.0", range(2))
    candidate = stage(open_store(uri), "v1.1.0", range(3))
    for name, value in weed_env.environment(READER).items():
        monkeypatch.setenv(name, value)
    store = open_store(uri)
    assert verify_release(store, "v1.0.0").is_sound
    assert load_release(store)[1]["messages"].height
    with pytest.raises(StoreUnavailableError, match="these credentials may not do that"):
        publish(store, candidate)
    assert list_versions(store) == ["v1.0.0"]


@pytest.fixture
def small_disk(tmp_path: Path):
    """A file system of 3 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a small file system needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.fault(
    "storage",
    "full disk",
    "exit 3, no leftovers, the old release stands; with space the next run publishes",
)
def test_a_full_disk_leaves_the_old_release_intact(small_disk: Path, tmp_path: Path) -> None:
    store = open_store(str(small_disk / "store"))
    private = open_store(str(tmp_path / "private"))
    release(store, "v1.0.0", range(3))
    candidate = stage(store, "v1.1.0", range(5))
    # the candidate is on another disk, so that the shards are what fills this one
    for info in store.list("private/"):
        private.put(info.key.removeprefix("private/"), store.get(info.key))
        store.delete(info.key)
    filler = small_disk / "filler"
    with pytest.raises(OSError, match="No space left"):
        filler.write_bytes(b"x" * (4 << 20))

    def attempt():
        return publish_candidate(
            store, private, candidate.candidate_id, publish_id="run-2", approved_by="t", now=NOW
        )

    with pytest.raises(StoreUnavailableError, match="no space left"):
        attempt()
    assert list_versions(store) == ["v1.0.0"]
    assert verify_release(store, "v1.0.0").is_sound
    assert not list((small_disk / "store").rglob(".tmp-*"))
    filler.unlink()
    assert attempt().version == "v1.1.0"
    assert verify_release(store, "v1.1.0").is_sound


@pytest.mark.fault(
    "storage",
    "file size quota",
    "exit 3, no half file",
)
def test_a_file_too_large_for_the_quota_is_a_clean_error(tmp_path: Path) -> None:
    store: Store = open_store(str(tmp_path / "store"))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(StoreUnavailableError, match="size limit"):
            store.create("k", b"x" * 2000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(store.list()) == []
    assert not list((tmp_path / "store").iterdir())
