"""A purge of the private store takes what is theirs, and leaves what is everybody else's."""

from __future__ import annotations

import io
from pathlib import Path

import polars as pl
import pytest

from schemas.fields import GOLD_LABELS
from schemas.taxonomies import load_taxonomies
from tasks.memo.parts import Parts, text_key
from tasks.memo.steps import WORK
from tasks.publish.candidate import list_candidates
from tasks.publish.releases import load_release
from tasks.storage.store import Store, open_store
from tasks.tag.features import list_texts
from tasks.tag.gold import load_decisions, load_gold, save_decisions, save_gold
from tasks.tag.items import Gold, collect_items, make_item
from tasks.tag.review import DECISIONS_SCHEMA
from tasks.withdraw.plan import file_request, make_request, remove_participants
from tasks.withdraw.purge import PurgeReport
from tasks.withdraw.purge_private import purge_private
from tasks.withdraw.traces import find_traces
from tests.publishing import release, stage
from tests.release_tables import NOW

GONE = "user3"
GONE_CONVERSATION = "user3_task1_conversation1"
RAW = "5f3c9a7be1d2c4a6b8907f11"
VECTORS = pl.Schema({"key": pl.String(), "vector": pl.Binary()})
LABELS = pl.Schema({"key": pl.String(), "text_key": pl.String()})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = open_store(str(tmp_path / "store"))
    release(store, "v1.0.0", range(6))
    rest = remove_participants(load_release(store)[1], [GONE])
    release(store, "v1.0.1", tables=rest)
    return store


def texts_of(store: Store, version: str) -> dict[str, set[str]]:
    """Participant to the texts that memos are asked for."""
    tables = load_release(store, version)[1]
    owner = dict(tables["conversations"].select("conversation_id", "participant_id").iter_rows())
    found: dict[str, set[str]] = {}
    items = collect_items(tables["conversations"], tables["messages"], tables["thoughts"])
    for facet, of_facet in items.items():
        for item in of_facet:
            found.setdefault(owner[item.group], set()).update(list_texts(facet, [item]))
    return found


def purge(store: Store, **options) -> PurgeReport:
    traces = find_traces(store, ["v1.0.0"], [GONE])
    report = PurgeReport(versions=["v1.0.0"])
    return purge_private(store.child("private"), [GONE, RAW], report, traces=traces, **options)


def read(store: Store, key: str) -> pl.DataFrame:
    return pl.read_parquet(io.BytesIO(store.get(key)))


def test_memos_keep_what_others_wrote(store: Store) -> None:
    private = store.child("private")
    texts = texts_of(store, "v1.0.0")
    theirs = texts.pop(GONE)
    others = set().union(*texts.values())
    keys = [text_key(t) for t in {*theirs, *others}]
    vectors = Parts(private, "memo/vectors/abc", VECTORS)
    vectors.append(pl.DataFrame({"key": keys, "vector": [b"v"] * len(keys)}, schema=VECTORS))
    labels = Parts(private, "memo/labels", LABELS)
    labels.append(pl.DataFrame({"key": keys, "text_key": keys}, schema=LABELS))
    private.put("memo/scrub/x.parquet", b"keyed digests of raw text")
    private.put("memo/heads/x.parquet", b"what gold has part in")
    purge(store)
    wanted = sorted(text_key(t) for t in others)
    assert theirs - others
    assert vectors.read()["key"].to_list() == labels.read()["key"].to_list() == wanted
    assert not private.list("memo/scrub/")
    assert not private.list("memo/heads/")
    before = [o.key for o in private.list()]
    assert purge(store).n_deleted == 0
    assert [o.key for o in private.list()] == before


def test_gold_loses_their_conversations_and_their_texts(store: Store) -> None:
    private = store.child("private")
    by_conversation = make_item("a", "reason", "I just want it done", group=GONE_CONVERSATION)
    tables = load_release(store, "v1.0.0")[1]
    thought = tables["thoughts"].filter(pl.col("conversation_id").str.starts_with(f"{GONE}_"), kind="reason")
    by_text = make_item("b", "reason", thought["content"][0], group="their name elsewhere")
    other = make_item("c", "reason", "Somebody else wrote this", group="user4_task1_conversation1")
    save_gold(
        private, [Gold(i, "reason", "social_and_others") for i in (by_conversation, by_text, other)], "x"
    )
    purge(store)
    [gold] = load_gold(private, load_taxonomies()).gold
    assert gold.item.text == other.text
    [left] = private.list("gold/")
    assert read(private, left.key).schema == GOLD_LABELS.polars_schema()


def test_decisions_and_queues_lose_their_rows(store: Store) -> None:
    private = store.child("private")
    rows = [
        (f"{GONE_CONVERSATION}_message1_reason0", "reason", "x", "ann"),
        ("user4_task1", "topic", "y", "bo"),
    ]
    save_decisions(private, pl.DataFrame(rows, schema=DECISIONS_SCHEMA, orient="row"))
    private.put("review/names.csv", b'participant_id,note\nuser3,"two\nlines"\nuser30,kept\n')
    private.put("audit/a.jsonl", f'{{"id":"{RAW}"}}\n{{"id":"user4"}}\n'.encode())
    purge(store)
    assert load_decisions(private)[0]["item_id"].to_list() == ["user4_task1"]
    assert private.get("review/names.csv") == b"participant_id,note\nuser30,kept\n"
    assert private.get("audit/a.jsonl") == b'{"id":"user4"}\n'


def test_candidates_stay_if_they_honour_the_request(store: Store) -> None:
    private = store.child("private")
    request = make_request([GONE], NOW)
    stage(store, "v1.1.0", range(7))
    file_request(private, request)
    honours = stage(store, "v1.2.0", [0, 1, 2, 4, 5], withdrawals=[request.request_id])
    # says that it honours the request, and holds them all the same: in a Parquet file without an ending
    lies = stage(store, "v1.2.0", range(8), withdrawals=[request.request_id])
    private.put("candidates/half/files/x", b"staging died")
    purge(store, request_id=request.request_id)
    assert [c.candidate_id for c in list_candidates(private)] == [honours.candidate_id]
    assert lies.candidate_id not in {o.key.split("/")[1] for o in private.list("candidates/")}
    assert not private.list("candidates/half/")


def test_work_goes_whole_and_evaluations_of_purged_releases_go(store: Store) -> None:
    private = store.child("private")
    private.put(f"{WORK}/ingest/1/done.json", b"{}")
    private.put("evaluations/next-message/v1.0.0-1a2b3c/figure.svg", b"{}")
    private.put("evaluations/next-message/v1.0.1-1a2b3c/summary.json", b"{}")
    private.put(
        "evaluations/alignment-pairs/v0.9.0-1a2b3c/items.jsonl", b'{"id":"user3_task1_conversation1"}\n'
    )
    private.put("evaluations/alignment-pairs/v0.9.0-1a2b3c/openai/train.jsonl", b"weights")
    private.put("registry/registry.json", b'{"user3_task1": 1}')
    purge(store)
    assert [o.key for o in private.list()] == [
        "evaluations/next-message/v1.0.1-1a2b3c/summary.json",
        "registry/registry.json",
    ]


def test_without_traces_the_memo_goes_whole(store: Store) -> None:
    private = store.child("private")
    Parts(private, "memo/labels", LABELS).append(
        pl.DataFrame({"key": ["a"], "text_key": ["a"]}, schema=LABELS)
    )
    purge_private(private, [GONE], PurgeReport())
    assert not private.list("memo/")
