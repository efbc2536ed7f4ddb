"""What only S3 can do to us: keys, buckets, endpoints, versions; each failure is named plainly."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from schemas.errors import ConflictError, NotFoundError, StoreUnavailableError, UsageError
from tasks.storage import conditions, s3
from tasks.storage.conditions import probe_conditions
from tasks.storage.inputs import list_inputs, open_input
from tasks.storage.s3_errors import translate_s3_error
from tasks.storage.store import open_store
from tasks.storage.transfer import transfer
from tests.storage_servers import BUCKET, PUBLIC_BUCKET, READER, S3Server, free_port


def use(monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)


def test_addresses() -> None:
    with pytest.raises(UsageError, match="no bucket"):
        open_store("s3://")
    with pytest.raises(UsageError):
        open_store("s3://bucket/../other")


def test_missing_bucket(weed_env: S3Server) -> None:
    store = open_store("s3://no-such-bucket/x")
    for attempt in (lambda: store.put("k", b"1"), store.list, lambda: store.get("k")):
        with pytest.raises(StoreUnavailableError, match="bucket does not exist"):
            attempt()


def test_wrong_keys(weed: S3Server, monkeypatch) -> None:
    use(monkeypatch, weed.environment(("PUBLISHERKEY", "wrong")))
    with pytest.raises(StoreUnavailableError, match="secret key does not belong"):
        open_store(weed.new_uri()).put("k", b"1")
    use(monkeypatch, weed.environment(("NOBODY", "wrong")))
    with pytest.raises(StoreUnavailableError, match="access key is unknown"):
        open_store(weed.new_uri()).list()


def test_endpoint_down(monkeypatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(StoreUnavailableError, match=r"no answer from the object store .*AWS_ENDPOINT_URL"):
        open_store("s3://bucket/x").get("k")


def test_reader_reads_and_cannot_write(weed_env: S3Server, monkeypatch) -> None:
    uri = weed_env.new_uri()
    open_store(uri).put("k", b"1")
    use(monkeypatch, weed_env.environment(READER))
    store = open_store(uri)
    assert store.get("k") == b"1"
    assert [o.key for o in store.list()] == ["k"]
    for attempt in (lambda: store.put("k", b"2"), lambda: probe_conditions(store), lambda: store.delete("k")):
        with pytest.raises(StoreUnavailableError, match="these credentials may not do that"):
            attempt()


def test_anonymous_reader(weed_env: S3Server, monkeypatch) -> None:
    uri = weed_env.new_uri(PUBLIC_BUCKET)
    open_store(uri).put("k", b"1")
    monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
    store = open_store(uri)
    assert store.get("k") == b"1"
    with pytest.raises(StoreUnavailableError, match="may not"):
        store.put("k", b"2")
    with pytest.raises(StoreUnavailableError):
        open_store(weed_env.new_uri(BUCKET)).list()


def test_listings_are_never_cached(weed_env: S3Server) -> None:
    uri = weed_env.new_uri()
    one, two = open_store(uri), open_store(uri)
    assert list(one.list()) == []
    two.put("k", b"1")
    assert [o.key for o in one.list()] == ["k"]
    two.put("k", b"22")
    info = one.head("k")
    assert info is not None
    assert info.size == 2
    two.delete("k")
    assert one.head("k") is None


def test_long_listings_are_read_to_the_end(weed_env: S3Server) -> None:
    store = open_store(weed_env.new_uri())
    calls: list[str] = []
    real = store._fs.call_s3

    def paged(method: str, *args, **kwargs):
        calls.append(method)
        return real(method, *args, **kwargs, **({"MaxKeys": 3} if method == "list_objects_v2" else {}))

    for i in range(8):
        store.put(f"k{i}", b"1")
    store._fs.call_s3 = paged
    assert len(store.list()) == 8
    assert calls.count("list_objects_v2") == 3


def test_the_server_keeps_our_digest(weed_env: S3Server, tmp_path: Path) -> None:
    store = open_store(weed_env.new_uri())
    store.put("k", b"data")
    info = store.head("k")
    assert info is not None
    assert info.sha256 == hashlib.sha256(b"data").hexdigest()
    other = open_store(weed_env.new_uri())
    transfer(store, "k", other, "copy", info.sha256)
    assert other.get("copy") == b"data"
    local = open_store(str(tmp_path))
    transfer(store, "k", local, "back", info.sha256)
    transfer(local, "back", store, "again", info.sha256)
    assert store.get("again") == b"data"


def test_large_files_go_in_parts(weed_env: S3Server, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(s3, "_SINGLE_PUT_BYTES", 5 << 20)
    monkeypatch.setattr(s3, "_PART_BYTES", 6 << 20)
    path = tmp_path / "large"
    path.write_bytes(b"0123456789abcdef" * (15 << 16))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    store = open_store(weed_env.new_uri())
    store.put_file("large", path, sha256=digest)
    info = store.head("large")
    assert info is not None
    assert (info.size, info.sha256) == (15 << 20, "")
    store.get_file("large", tmp_path / "back")
    assert hashlib.sha256((tmp_path / "back").read_bytes()).hexdigest() == digest


def test_open_uploads_are_swept(weed_env: S3Server) -> None:
    uri = weed_env.new_uri()
    prefix = uri.removeprefix(f"s3://{BUCKET}/")
    client = weed_env.client()
    client.create_multipart_upload(Bucket=BUCKET, Key=f"{prefix}/large")
    store = open_store(uri)
    assert store.sweep(datetime.now(UTC) - timedelta(hours=1)) == 0
    assert store.sweep(datetime.now(UTC) + timedelta(hours=1)) == 1
    assert not client.list_multipart_uploads(Bucket=BUCKET, Prefix=prefix).get("Uploads")


def test_purge_leaves_no_old_version(weed_env: S3Server) -> None:
    client = weed_env.client()
    client.create_bucket(Bucket="versioned")
    client.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})
    store = open_store("s3://versioned/x")
    store.put("k", b"one")
    store.put("k", b"two")
    store.put("k2", b"other")
    store.delete("k")
    assert store.purge("k") >= 2
    left = client.list_object_versions(Bucket="versioned", Prefix="x/")
    assert [v["Key"] for v in left.get("Versions", [])] == ["x/k2"]
    assert not left.get("DeleteMarkers")


def test_conditions_are_probed_not_believed(weed_env: S3Server) -> None:
    store = open_store(weed_env.new_uri())
    assert probe_conditions(store) == conditions.Conditions(create=True, swap=True)
    assert list(store.list()) == []


def test_a_server_that_ignores_conditions_is_seen(nanio_env: S3Server) -> None:
    store = open_store(nanio_env.new_uri())
    assert probe_conditions(store) == conditions.Conditions(create=False, swap=False)


def test_inputs_on_s3(weed_env: S3Server) -> None:
    uri = weed_env.new_uri()
    store = open_store(uri)
    store.put("in/a.jsonl", b"1234567890")
    store.put("in/b.jsonl.gz", b"2")
    store.put("in/readme.txt", b"3")
    assert [f.name for f in list_inputs([f"{uri}/in"])] == ["a.jsonl", "b.jsonl.gz"]
    assert [f.name for f in list_inputs([f"{uri}/in/*.jsonl"])] == ["a.jsonl"]
    [file] = list_inputs([f"{uri}/in/a.jsonl"])
    with open_input(file) as stream:
        assert stream.read(3) == b"123"
        stream.seek(8)
        assert stream.read() == b"90"
    with pytest.raises(UsageError, match="no export at"):
        list_inputs([f"{uri}/none"])


@pytest.mark.parametrize(
    ("status", "code", "says"),
    [
        (400, "ExpiredToken", "expired"),
        (403, "RequestTimeTooSkewed", "clock differs"),
        (403, "", "may not do that"),
        (403, "AccessDenied", "may not do that"),
        (404, "NoSuchBucket", "bucket does not exist"),
        (503, "SlowDown", "fewer requests"),
        (500, "InternalError", "500 InternalError"),
        (507, "InsufficientStorage", "no space"),
    ],
)
def test_what_a_server_answers_is_said_plainly(status: int, code: str, says: str) -> None:
    answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    wrapped = OSError("wrapped")
    wrapped.__cause__ = ClientError(answer, "PutObject")
    error = translate_s3_error(wrapped, "s3://b/p", "put", "k")
    assert isinstance(error, StoreUnavailableError)
    assert says in str(error)
    assert error.exit_code == 3


def test_missing_object_and_lost_race_are_ours() -> None:
    missing = ClientError(
        {"Error": {"Code": "404"}, "ResponseMetadata": {"HTTPStatusCode": 404}}, "HeadObject"
    )
    assert isinstance(translate_s3_error(missing, "s3://b", "head", "k"), NotFoundError)
    assert translate_s3_error(ConflictError("x"), "s3://b", "put", "k").exit_code == 2
