"""kill -9 in the middle of a withdrawal, after any write: what is visible is sound, a repeat completes it.

`FAULT_WITHDRAWALS` sets the number of kills, spread evenly over all writes.
"""

from __future__ import annotations

import io
import json
import os
from collections import Counter
from pathlib import Path
from random import Random

import polars as pl
import pytest

from schemas.errors import NotFoundError
from tasks.assemble.records import RECORDS, compress_records
from tasks.memo.parts import Parts, text_key
from tasks.pseudonymise.keys import derive_keys, keyed_digest
from tasks.pseudonymise.registry import Entry, new_registry
from tasks.pseudonymise.registry_file import save_registry
from tasks.publish.latest import read_latest
from tasks.publish.releases import is_purged, latest_version, list_releases, load_release
from tasks.publish.verify import verify_release
from tasks.storage.store import Store, open_store
from tasks.storage.tables import canonical_json
from tasks.withdraw.mentions import compile_mentions, count_mentions
from tests.faults.all_is_well import assert_all_is_well
from tests.faults.killed_flow import run_flow, start_flow
from tests.faults.publisher import start_publisher
from tests.publishing import release, stage
from tests.release_tables import make_tables
from tests.storage_servers import S3Server

pytestmark = pytest.mark.faults
KILLS = int(os.environ.get("FAULT_WITHDRAWALS", "2"))
RACES = int(os.environ.get("FAULT_RACES", "1"))
KEY = "k" * 40
ENVIRONMENT = {
    "THOUGHTTRACE_ID_KEY": KEY,
    "THOUGHTTRACE_STATS__RESAMPLES": "100",
    "THOUGHTTRACE_TAG__MODEL": "none",
}
GONE, RAW = "user3", "5f3c9a7be1d2c4a6b8907f11"
PEOPLE = range(8)
SURVEY = dict.fromkeys(("age", "gender", "education", "occupation", "frequency"))
DECISIONS = "item_id,facet,value,reviewer\nuser4_task1,topic,cooking,ann\n"
MAY_NAME_THEM = ("private/withdrawals/", "private/registry/")


def fill(store: Store) -> None:
    """Two releases and private files of every kind, as a store has after some months."""
    keys = derive_keys(KEY.encode())
    registry = new_registry(KEY.encode())
    entries = {keyed_digest(keys.ids, f"session:{n}"): Entry(n, "train") for n in PEOPLE}
    entries[keyed_digest(keys.ids, f"session:{RAW}")] = entries.pop(keyed_digest(keys.ids, "session:3"))
    save_registry(store.child("private"), type(registry)(registry.fingerprint, None, 9, entries), None)
    for version, people in (("v1.0.0", [n for n in PEOPLE if n < 6]), ("v1.1.0", PEOPLE)):
        tables = make_tables(people)
        ids = tables["conversations"]["conversation_id"]
        lines = [json.dumps({"id": i, "survey_answers": [SURVEY]}).encode() + b"\n" for i in ids]
        beside = {
            RECORDS: compress_records(lines),
            "report.html": f"<td>{GONE}_task1_conversation1</td>".encode(),
            "privacy.json": canonical_json({"k_required": 2}),
        }
        release(store, version, tables=tables, side_files=beside)
    private = store.child("private")
    sink = io.BytesIO()
    pl.DataFrame(
        {"conversation_id": [f"{GONE}_task1_conversation1", "user4_task1_conversation1"]}
    ).write_parquet(sink)
    private.put("audit/a.parquet", sink.getvalue())
    private.put(
        "review/labels/000001-a.csv",
        DECISIONS.replace("\n", f"\n{GONE}_task1,topic,cooking,ann\n", 1).encode(),
    )
    texts = make_tables(PEOPLE)["messages"]["content"]
    schema = pl.Schema({"key": pl.String(), "vector": pl.Binary()})
    rows = {"key": [text_key(t) for t in texts], "vector": [b"v"] * len(texts)}
    Parts(private, "memo/vectors/m", schema).append(pl.DataFrame(rows, schema=schema))
    private.put("evaluations/next-message/v1.1.0-abc/checkpoint.jsonl", b"{}")
    private.put("work/old/x/raw.jsonl", RAW.encode())


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Store:
    store = open_store(str(tmp_path_factory.mktemp("template") / "store"))
    fill(store)
    return store


@pytest.fixture(params=["local", "weed"])
def place(request, tmp_path: Path, monkeypatch):
    """Makes a new store like the template, in a folder or in a bucket that keeps every version."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    template = request.getfixturevalue("template")
    server: S3Server | None = None
    if request.param == "weed":
        server = request.getfixturevalue("weed_env")
        client = server.client()
        client.create_bucket(Bucket="kills")
        client.put_bucket_versioning(Bucket="kills", VersioningConfiguration={"Status": "Enabled"})

    def make(number: int) -> Store:
        uri = server.new_uri("kills") if server else str(tmp_path / f"store {number}")
        store = open_store(uri)
        for info in template.list():
            store.put_file(info.key, template.existing(info.key))
        return store

    yield make, server
    if server:
        client = server.client()
        found = client.list_object_versions(Bucket="kills")
        for item in [*found.get("Versions", []), *found.get("DeleteMarkers", [])]:
            client.delete_object(Bucket="kills", Key=item["Key"], VersionId=item["VersionId"])
        client.delete_bucket(Bucket="kills")


@pytest.fixture
def ids(tmp_path: Path) -> Path:
    path = tmp_path / "ids.txt"
    path.write_text(f"{RAW}\n")
    return path


def everything(store: Store, server: S3Server | None) -> dict[str, bytes]:
    """Every object, and on S3 every version of it."""
    if server is None:
        return {o.key: store.get(o.key) for o in store.list()}
    bucket, _, prefix = store.uri.removeprefix("s3://").partition("/")
    client = server.client()
    found = client.list_object_versions(Bucket=bucket, Prefix=f"{prefix}/").get("Versions", [])
    return {
        f"{v['Key'].removeprefix(prefix + '/')}#{v['VersionId']}": client.get_object(
            Bucket=bucket, Key=v["Key"], VersionId=v["VersionId"]
        )["Body"].read()
        for v in found
    }


def assert_done(store: Store, server: S3Server | None) -> None:
    assert latest_version(store) == "v1.1.1" == read_latest(store)[0].version
    assert [r.version for r in list_releases(store)] == ["v1.0.0", "v1.1.0", "v1.1.1"]
    report = verify_release(store, "v1.1.1")
    assert (report.problems, report.notes) == ([], [])
    for gone in ("v1.0.0", "v1.1.0"):
        with pytest.raises(NotFoundError, match=r"deleted because participants withdrew; use v1\.1\.1"):
            verify_release(store, gone)
    pattern = compile_mentions([GONE, RAW])
    found = {
        key
        for key, data in everything(store, server).items()
        if not key.startswith(MAY_NAME_THEM) and count_mentions(data, key.partition("#")[0], pattern)
    }
    assert found == set()
    private = store.child("private")
    others = make_tables([n for n in PEOPLE if f"user{n}" != GONE])["messages"]
    kept = {text_key(t) for t in others.filter(role="user")["content"]}
    [part] = private.list("memo/vectors/")
    assert set(pl.read_parquet(io.BytesIO(private.get(part.key)))["key"]) == kept
    assert private.get("review/labels/000001-a.csv") == DECISIONS.encode()
    assert not private.list("evaluations/")
    assert not private.list("candidates/")
    assert not private.list("intents/")
    receipts = [o.key for o in private.list("withdrawals/") if "receipt" in o.key]
    assert len(receipts) == 2
    assert not [k for k in receipts if count_mentions(private.get(k), k, compile_mentions([GONE, RAW]))]


@pytest.mark.fault(
    "process",
    "withdrawal killed after any write",
    "visible releases verify; a repeat leaves no trace of the participant",
)
def test_killed_after_any_write(place, ids: Path, tmp_path: Path, record_property) -> None:
    make, server = place
    n_writes = 240
    if KILLS > 2:  # one or two kills fall before that in any case
        # a bucket takes fewer writes than a folder
        undisturbed = make(0)
        options = {"ids_file": str(ids), "store": undisturbed.uri, "purge_files": True}
        assert run_flow("withdraw", count_to=tmp_path / "count", **options) == 0
        assert_done(undisturbed, server)
        n_writes = int((tmp_path / "count").read_text())
    n_kills = KILLS if server is None or KILLS > 2 else 1
    for number in range(1, n_kills + 1):
        store = make(number)
        options = {"ids_file": str(ids), "store": store.uri, "purge_files": True}
        kill_at = round(number * n_writes / (n_kills + 1))
        assert run_flow("withdraw", kill_at=kill_at, **options) == -9, kill_at
        assert_all_is_well(store)
        assert run_flow("withdraw", **options) == 0, kill_at
        assert_done(store, server)
    record_property("rounds", n_kills)


@pytest.mark.parametrize("place", ["local", "weed"] if RACES > 1 else ["local"], indirect=True)
@pytest.mark.fault(
    "concurrency",
    "publication and withdrawal, two processes at once",
    "refused or withdrawn from as well; the participant is in no release that can be read",
)
def test_beside_a_publication(place, ids: Path, tmp_path: Path, record_property) -> None:
    make, _ = place
    random = Random(5)
    outcomes: Counter[str] = Counter()
    for number in range(RACES):
        store = make(number)
        records = compress_records([json.dumps({"id": "x", "survey_answers": [SURVEY]}).encode() + b"\n"])
        candidate = stage(store, "v1.2.0", tables=make_tables(range(9)), side_files={RECORDS: records})
        options = {"ids_file": str(ids), "store": store.uri, "purge_files": True}
        # whoever is first at the commit, and however far the other is by then
        wait = {"sleep_at": random.choice(["S1", "S3", "S4", "S5", "S7"]), "sleep_s": random.random() * 5}
        said = [tmp_path / f"{side} {number}" for side in ("published", "withdrew")]
        publisher = start_publisher(store.uri, candidate.candidate_id, f"run-{number}", said=said[0], **wait)
        withdrawal = start_flow("withdraw", told_to=said[1], **options)
        publisher.join(60)
        withdrawal.join(120)
        assert_all_is_well(store)
        assert publisher.exitcode in (0, 2), said[0].read_text()
        assert withdrawal.exitcode in (0, 2), said[1].read_text()
        outcomes["published" if publisher.exitcode == 0 else "refused"] += 1
        if withdrawal.exitcode:
            assert "again" in said[1].read_text()
            outcomes["withdrawn in a second run"] += 1
        assert run_flow("withdraw", **options) == 0
        assert_all_is_well(store)
        readable = [r.version for r in list_releases(store) if not is_purged(store, r.version)]
        assert len(readable) == 1
        for version in readable:
            conversations = load_release(store, version)[1]["conversations"]
            assert not conversations["conversation_id"].str.starts_with(f"{GONE}_").any()
    record_property("rounds", RACES)
    record_property("outcomes", str(dict(outcomes)))
