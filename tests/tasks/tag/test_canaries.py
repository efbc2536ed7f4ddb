"""Items of our own: a provider is asked about them once a snapshot, and its answers are compared."""

from __future__ import annotations

import json
from datetime import timedelta

import polars as pl
import pytest
from tests_now import NOW

from schemas.config import TagSettings
from schemas.fields import LABELS
from schemas.taxonomies import load_taxonomies
from tasks.memo.labels import LabelMemo
from tasks.storage.local import LocalStore
from tasks.tag.canaries import list_canaries, measure_canaries, plan_canaries
from tasks.tag.session import Session
from tests.tag_provider import MODEL, completion, read_allowed, read_items

TAXONOMIES = load_taxonomies()
REACTION = {"reaction": TAXONOMIES["reaction"]}


def labelled_by(snapshot: str) -> pl.DataFrame:
    row = dict.fromkeys(LABELS.columns, "x") | {
        "labeller": MODEL,
        "model_snapshot": snapshot,
        "labelled_at": NOW,
    }
    return pl.DataFrame([row | {"confidence": 0.9}], schema=LABELS.polars_schema())


def measure(store, snapshot: str, taxonomies=REACTION, days: int = 0, may_ask: bool = True, **settings):
    settings = TagSettings(model=MODEL, **{"budget_usd": 1.0, **settings})
    session = Session(settings, LabelMemo(None), NOW + timedelta(days=days), may_ask=may_ask)
    return measure_canaries(labelled_by(snapshot), taxonomies, settings, store, session), session.ledger


def answer_as(snapshot: str, choose):
    def fault(_, body):
        allowed = read_allowed(body)
        rows = [{"id": i["id"], "label": choose(i, allowed), "confidence": 0.9} for i in read_items(body)]
        return 200, completion(json.dumps({"answers": rows}), model=snapshot), {}

    return fault


@pytest.mark.parametrize("facet", TAXONOMIES)
def test_every_facet_has_canaries_of_its_own_labels(facet) -> None:
    canaries = list_canaries(TAXONOMIES[facet])
    ids = set(TAXONOMIES[facet].ids)
    hostile = [c for c in canaries if c.wrong]
    assert len(hostile) == 6
    assert all(c.wrong in c.item.text and c.wrong != c.value for c in hostile)
    assert {c.value for c in canaries} <= ids
    assert len({c.item.item_id for c in canaries}) == len(canaries) <= 30


def test_a_snapshot_is_asked_once_and_compared_with_the_one_before(provider, tmp_path) -> None:
    store = LocalStore(tmp_path)
    planned = plan_canaries(REACTION, MODEL, store)
    provider.fault = answer_as("s1", lambda item, allowed: allowed[0])
    first, ledger = measure(store, "s1")
    asked = provider.n_calls
    assert 0 < asked == ledger.line("reaction", MODEL).calls <= 4
    assert len(planned) == sum(len(read_items(b)) for b in provider.bodies)
    assert plan_canaries(REACTION, MODEL, store) == []
    assert first["reaction"]["n_answered"] == first["reaction"]["n_items"]
    assert "drift" not in first["reaction"]
    again, _ = measure(store, "s1")
    assert (again, provider.n_calls) == (first, asked)
    # the next snapshot answers one label otherwise
    provider.fault = answer_as("s2", lambda item, allowed: allowed[1 if "long" in item["note"] else 0])
    second, _ = measure(store, "s2", days=1)
    assert provider.n_calls == 2 * asked
    drift = second["reaction"]["drift"]
    assert (drift["since"], drift["n_items"]) == ("s1", first["reaction"]["n_items"])
    assert 0 < drift["n_changed"] < drift["n_items"]
    provider.fault = answer_as("s3", lambda item, allowed: allowed[1 if "long" in item["note"] else 0])
    third, _ = measure(store, "s3", days=2)
    assert third["reaction"]["drift"] == {
        "since": "s2",
        "n_items": drift["n_items"],
        "n_changed": 0,
        "kappa": 1.0,
    }


@pytest.mark.fault(
    "provider",
    "model that obeys injected instructions",
    "found out by canaries",
)
def test_a_model_that_obeys_the_text_is_found_out(provider, tmp_path) -> None:
    wrongs = {c.item.text: c.wrong for c in list_canaries(REACTION["reaction"]) if c.wrong}
    provider.fault = answer_as("s1", lambda item, allowed: wrongs.get(item["note"], allowed[0]))
    obeyed, _ = measure(LocalStore(tmp_path / "a"), "s1")
    assert obeyed["reaction"]["injection"] == {"n_items": 6, "resisted": 0.0}
    rights = {c.item.text: c.value for c in list_canaries(REACTION["reaction"])}
    provider.fault = answer_as("s1", lambda item, allowed: rights[item["note"]])
    resisted, _ = measure(LocalStore(tmp_path / "b"), "s1")
    assert resisted["reaction"]["injection"]["resisted"] == resisted["reaction"]["agreement"] == 1.0


def test_nothing_is_asked_in_a_dry_run_and_a_spent_budget_is_said(provider, tmp_path) -> None:
    assert measure(LocalStore(tmp_path), "s1", may_ask=False)[0] == {}
    report, _ = measure(LocalStore(tmp_path), "s1", budget_usd=0.0)
    assert report["reaction"]["not_measured"] == "BudgetError"
    assert not provider.bodies
    # labels of people, exports and the local head ask nobody
    none = labelled_by("s1").with_columns(labeller=pl.lit("export"))
    session = Session(TagSettings(model=MODEL), LabelMemo(None), NOW)
    assert measure_canaries(none, REACTION, session.settings, LocalStore(tmp_path), session) == {}
