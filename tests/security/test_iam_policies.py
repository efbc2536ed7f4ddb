"""The policy files of deployments/iam, held against the requests that our code really makes."""

from __future__ import annotations

import fnmatch
import json
from datetime import timedelta
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from tasks.publish.gc import collect_garbage
from tasks.publish.pull import pull_release
from tasks.publish.releases import list_releases
from tasks.publish.verify import verify_release
from tasks.publish.yank import restore_release, yank_release
from tasks.storage.store import Store, open_store
from tests import storage_servers
from tests.faults.fault_proxy import FaultProxy
from tests.publishing import publish, release, stage
from tests.release_tables import NOW

BY_METHOD = {
    "GET": "s3:GetObject",
    "HEAD": "s3:GetObject",
    "PUT": "s3:PutObject",
    "DELETE": "s3:DeleteObject",
}
BUCKET_LISTS = {"list-type": "s3:ListBucket", "versions": "s3:ListBucketVersions", "uploads": "s3:ListBucketMultipartUploads"}  # fmt: skip


def read_policy(role: str, bucket: str, prefix: str) -> list[dict]:
    return json.loads(storage_servers.read_policy(role, bucket, prefix))["Statement"]


def name_request(line: str) -> tuple[str, str, str]:
    """The action, resource and listed prefix of a request's first line."""
    method, target, _ = line.split(" ")
    parts = urlsplit(target)
    bucket, _, key = unquote(parts.path).lstrip("/").partition("/")
    query = parse_qs(parts.query, keep_blank_values=True)
    if not key:
        action = next(a for name, a in BUCKET_LISTS.items() if name in query)
        return action, f"arn:aws:s3:::{bucket}", query.get("prefix", [""])[0]
    action = BY_METHOD[method]
    if "versionId" in query:
        action += "Version"
    if "uploadId" in query and method == "DELETE":
        action = "s3:AbortMultipartUpload"
    return action, f"arn:aws:s3:::{bucket}/{key}", ""


def is_allowed(policy: list[dict], action: str, resource: str, prefix: str = "") -> bool:
    """IAM's rule: some statement allows it and none denies it."""
    effects = set()
    for statement in policy:
        wanted = statement.get("Condition", {}).get("StringLike", {}).get("s3:prefix")
        if (
            any(fnmatch.fnmatchcase(action, a) for a in statement["Action"])
            and any(fnmatch.fnmatchcase(resource, r) for r in statement["Resource"])
            and (wanted is None or any(fnmatch.fnmatchcase(prefix, w) for w in wanted))
        ):
            effects.add(statement["Effect"])
    return effects == {"Allow"}


@pytest.fixture(scope="module")
def recorded(weed, tmp_path_factory):
    """Requests of each role's work on one store, on a real server."""
    seen: dict[str, list[str]] = {}
    with pytest.MonkeyPatch.context() as patch, FaultProxy(weed.port) as proxy:
        for name, value in weed.environment().items():
            patch.setenv(name, value)
        patch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        uri = weed.new_uri()

        def record(role: str, work) -> None:
            proxy.requests.clear()
            work(open_store(uri))
            seen.setdefault(role, []).extend(proxy.requests)

        def publisher(store: Store) -> None:
            release(store, "v1.0.0", range(2))
            publish(store, stage(store, "v1.1.0", range(3)), "run-2")
            yank_release(store, "v1.0.0", why="test", now=NOW)

        def reader(store: Store) -> None:
            list_releases(store)
            verify_release(store, "v1.1.0")
            pull_release(store, "v1.1.0", tmp_path_factory.mktemp("pulled"))

        def maintainer(store: Store) -> None:
            restore_release(store, "v1.0.0")
            store.child("private").put("candidates/dead/x", b"x")
            collect_garbage(store, store.child("private"), grace=timedelta(0), now=NOW.replace(year=2100))
            store.put("releases/v1.0.0/old", b"x")
            store.purge("releases/v1.0.0/old")
            store.purge_history("releases/")

        record("publisher", publisher)
        record("reader", reader)
        record("maintainer", maintainer)
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    return seen, bucket, prefix


@pytest.mark.parametrize("role", ["reader", "publisher", "maintainer"])
def test_a_role_stays_within_its_policy(recorded, role: str) -> None:
    seen, bucket, prefix = recorded
    policy = read_policy(role, bucket, prefix)
    asked = {name_request(line) for line in seen[role]}
    assert len(asked) > 5
    outside = [line for line in seen[role] if not is_allowed(policy, *name_request(line))]
    assert outside == []


def test_a_reader_has_nothing_of_the_private_folder(recorded) -> None:
    _, bucket, prefix = recorded
    policy, root = read_policy("reader", bucket, prefix), f"arn:aws:s3:::{bucket}"
    for action in ("s3:GetObject", "s3:PutObject", "s3:DeleteObject"):
        assert not is_allowed(policy, action, f"{root}/{prefix}/private/registry/registry.json")
    for listed in ("", f"{prefix}/", f"{prefix}/private/", "other/"):
        assert not is_allowed(policy, "s3:ListBucket", root, listed)
    for action in ("s3:PutObject", "s3:DeleteObject"):
        assert not is_allowed(policy, action, f"{root}/{prefix}/latest.json")
    assert is_allowed(policy, "s3:GetObject", f"{root}/{prefix}/latest.json")


def test_a_publisher_deletes_no_release_and_no_registry(recorded) -> None:
    _, bucket, prefix = recorded
    policy, root = read_policy("publisher", bucket, prefix), f"arn:aws:s3:::{bucket}/{prefix}"
    for key in (
        "releases/v1.0.0/manifest.json",
        "shards/ab/x.parquet",
        "private/registry/x",
        "private/withdrawals/x",
    ):
        assert not is_allowed(policy, "s3:DeleteObject", f"{root}/{key}"), key
        assert not is_allowed(policy, "s3:DeleteObjectVersion", f"{root}/{key}"), key
    assert not is_allowed(policy, "s3:PutObject", f"arn:aws:s3:::{bucket}/elsewhere/x")


def test_no_role_reaches_beyond_the_prefix(recorded) -> None:
    _, bucket, prefix = recorded
    for role in ("reader", "publisher", "maintainer"):
        policy = read_policy(role, bucket, prefix)
        for action in (
            "s3:GetObject",
            "s3:PutObject",
            "s3:DeleteObject",
            "s3:PutBucketPolicy",
            "s3:DeleteBucket",
        ):
            for resource in (
                f"arn:aws:s3:::{bucket}",
                f"arn:aws:s3:::{bucket}/other/x",
                "arn:aws:s3:::else/x",
            ):
                assert not is_allowed(policy, action, resource), (role, action, resource)
