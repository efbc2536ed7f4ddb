"""A participant takes the data back: from recruitment id to an empty store, and a later export is filtered."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import zstandard

from tasks.publish.releases import list_releases, load_release
from tasks.publish.verify import verify_release
from tasks.storage.store import open_store
from tasks.synth.export import generate, write_export
from tasks.withdraw.mentions import compile_mentions, count_mentions

KEY = "k3Y-0123456789-abcdefghijklmnopqrstuvwxyz"


@pytest.fixture(scope="module")
def export(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("export") / "export.jsonl"
    write_export(generate(16, 11, "session", short=True), path)
    return path


@pytest.fixture(scope="module")
def withdrawn(prefect_server, export, tmp_path_factory):
    from flows.release import release
    from flows.withdraw import withdraw

    folder = tmp_path_factory.mktemp("withdraw")
    store, ids = folder / "store", folder / "ids.txt"
    gone = json.loads(export.read_text().splitlines()[0])["recruitment_id"]
    ids.write_text(f"# list of the ethics office\n{gone}\n\nffffffffffffffffffffffff  # unknown\n")
    options = {
        "store": str(store),
        "approval": "none",
        "tagging": {"model": "none"},
        "privacy": {"review": "mask"},
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THOUGHTTRACE_ID_KEY", KEY)
        first = release(exports=[str(export)], **options)
        outcome = withdraw(ids_file=str(ids), store=str(store), purge_files=True)
        again = withdraw(ids_file=str(ids), store=str(store), purge_files=True)
        later = release(exports=[str(export)], **options)
    return {
        "first": first,
        "outcome": outcome,
        "again": again,
        "later": later,
        "store": store,
        "gone": gone,
        "ids": ids,
    }


def test_what_was_done(withdrawn) -> None:
    outcome = withdrawn["outcome"]
    assert outcome["n_participants"] == 1
    assert outcome["unknown_lines"] == [4]
    assert (outcome["yanked"], outcome["latest"]) == (["v1.0.0"], "v1.0.1")
    assert outcome["receipt"]["n_rows_removed"]["participants"] == 1
    assert outcome["receipt"]["purged"]["releases"] == ["v1.0.0"]
    assert withdrawn["again"] == outcome


def test_the_patch_is_sound_and_holds_the_others(withdrawn) -> None:
    store = open_store(str(withdrawn["store"]))
    released = [(r.version, r.is_yanked) for r in list_releases(store)]
    assert released[:2] == [("v1.0.0", True), ("v1.0.1", False)]
    assert verify_release(store, "v1.0.1").problems == []
    tables = load_release(store, "v1.0.1")[1]
    assert tables["participants"].height == withdrawn["first"]["counts"]["participants"] - 1
    removed = tables["changes"].filter(change="removed")
    assert set(removed["reason"]) == {"withdrawn"}
    assert tables["funnel"].filter(stage="withdraw", table_name="participants")["n_removed"].item() == 1


def test_a_later_export_that_carries_them_is_filtered(withdrawn) -> None:
    # attributes may be generalised anew for those who stay; nobody comes or goes
    store = open_store(str(withdrawn["store"]))
    ids = [load_release(store, v)[1]["participants"]["participant_id"] for v in ("v1.0.1", "latest")]
    assert ids[0].equals(ids[1])


def test_nothing_speaks_of_them_any_more(withdrawn) -> None:
    store = open_store(str(withdrawn["store"]))
    requests = [o.key for o in store.list("private/withdrawals/") if o.key.endswith("request.json")]
    [public_id] = json.loads(store.get(requests[0]))["participant_ids"]
    pattern = compile_mentions([public_id, withdrawn["gone"]])
    allowed = ("private/withdrawals/", "private/registry/", "private/steps/")
    found = [
        o.key
        for o in store.list()
        if not o.key.startswith(allowed) and count_mentions(store.get(o.key), o.key, pattern)
    ]
    assert found == []
    receipts = [o.key for o in store.list("private/withdrawals/") if "receipt" in o.key]
    assert receipts
    assert not [k for k in receipts if count_mentions(store.get(k), k, pattern)]


def test_others_keep_their_ids_and_records(withdrawn) -> None:
    store = open_store(str(withdrawn["store"]))
    lines = (
        zstandard.ZstdDecompressor().stream_reader(store.get("releases/v1.0.1/thoughttrace.jsonl.zst")).read()
    )
    ids = {json.loads(line)["id"] for line in lines.splitlines()}
    assert ids == set(load_release(store, "v1.0.1")[1]["conversations"]["conversation_id"])
