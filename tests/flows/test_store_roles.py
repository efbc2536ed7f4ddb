"""The policies of deployments/iam, enforced by a real server: what each role may do, and what it is told if not."""

from __future__ import annotations

import os
from datetime import timedelta

import polars as pl
import pytest

from schemas.errors import StoreUnavailableError
from tasks.publish.gc import collect_garbage
from tasks.publish.releases import list_versions, load_release
from tasks.publish.verify import verify_release
from tasks.publish.yank import restore_release, yank_release
from tasks.storage.store import Store, open_store
from tests.publishing import publish, release, stage
from tests.release_tables import NOW, make_tables
from tests.storage_servers import BUCKET, ROLES_PREFIX, S3Server, role_key

URI = f"s3://{BUCKET}/{ROLES_PREFIX}"
REFUSED = "these credentials may not do that"
WHAT_NOW = "use a key with the role"


@pytest.fixture(scope="module")
def become(weed: S3Server):
    """Take the key of a role and open the store with it; the publisher has published two releases."""
    with pytest.MonkeyPatch.context() as patch:

        def take(role: str) -> Store:
            for name, value in weed.environment(role_key(role)).items():
                patch.setenv(name, value)
            return open_store(URI)

        store = take("publisher")
        release(store, "v1.0.0", range(2))
        release(store, "v1.1.0", range(3))
        yield take


def refused(work, *arguments: object) -> None:
    with pytest.raises(StoreUnavailableError, match=f"{REFUSED}.*{WHAT_NOW}"):
        work(*arguments)


def test_a_reader_verifies_pulls_and_loads(become, run) -> None:
    become("reader")
    for command in (
        ["list"],
        ["show", "v1.1.0"],
        ["verify"],
        ["diff", "v1.0.0", "v1.1.0"],
        ["pull", "v1.1.0", "OUT"],
    ):
        code, said = run(*command, "--store", URI)
        assert code == 0, said
    frame = pl.scan_parquet(
        f"{URI}/releases/v1.1.0/messages/part-*.parquet",
        storage_options={"aws_endpoint_url": os.environ["AWS_ENDPOINT_URL"], "aws_allow_http": "true"},
    )
    assert frame.select(pl.len()).collect().item() == make_tables(range(3))["messages"].height


def test_a_reader_writes_nothing_and_is_told_what_to_do(become, run) -> None:
    store: Store = become("reader")
    for command in (["yank", "v1.0.0", "--why", "x"], ["gc", "--yes"]):
        code, said = run(*command, "--store", URI)
        assert (code, REFUSED in said, WHAT_NOW in said) == (3, True, True), said
    refused(publish, store, _staged(become, "v1.9.0"))
    store = become("reader")
    for key in ("latest.json", "shards/ab/x", "releases/v1.0.0/x", "private/registry/x", ".probe/x"):
        refused(store.put, key, b"x")
        refused(store.delete, key)
    assert list_versions(store) == ["v1.0.0", "v1.1.0"]


def test_a_reader_sees_nothing_private(become) -> None:
    become("publisher").put("private/registry/registry.json", b"{}")
    store = become("reader")
    refused(store.get, "private/registry/registry.json")
    refused(store.list, "private/")
    refused(store.list, "")


def test_a_publisher_yanks_but_deletes_no_release_and_no_registry(become, run) -> None:
    store: Store = become("publisher")
    yank_release(store, "v1.0.0", why="test", now=NOW)
    store.child("private").put("withdrawals/x/request.json", b"{}")
    shard = store.list("shards/")[0].key
    for key in ("releases/v1.0.0/manifest.json", shard, "latest.json", "private/withdrawals/x/request.json"):
        refused(store.delete, key)
        refused(store.purge, key)
    refused(store.purge_history, "releases/")
    refused(restore_release, store, "v1.0.0")
    assert verify_release(store, "v1.1.0").is_sound
    become("maintainer").delete("private/withdrawals/x/request.json")


def test_a_maintainer_restores_collects_and_purges(become) -> None:
    store: Store = become("maintainer")
    yank_release(store, "v1.0.0", why="test", now=NOW)
    restore_release(store, "v1.0.0")
    store.put("shards/ab/orphan.parquet", b"x")
    gone = collect_garbage(store, store.child("private"), grace=timedelta(0), now=NOW.replace(year=2100))
    assert "shards/ab/orphan.parquet" in {item.info.key for item in gone}
    store.put("releases/v1.0.0/old", b"x")
    assert store.purge("releases/v1.0.0/old") == 1
    store.purge_history("releases/")
    assert load_release(store)[0].version == "v1.1.0"


@pytest.mark.parametrize("role", ["reader", "publisher", "maintainer"])
def test_no_role_reaches_beyond_its_prefix(become, role: str) -> None:
    become(role)
    elsewhere = open_store(f"s3://{BUCKET}/elsewhere")
    refused(elsewhere.put, "x", b"x")
    refused(elsewhere.get, "x")
    refused(elsewhere.list, "")
    refused(elsewhere.delete, "x")


def _staged(become, version: str):
    """A candidate that waits, and the reader's key again."""
    candidate = stage(become("publisher"), version, range(4))
    become("reader")
    return candidate
