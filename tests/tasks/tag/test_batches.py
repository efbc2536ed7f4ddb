"""Cold backfills through a batch API: half the price, found again after a kill, the rest asked singly."""

from __future__ import annotations

import json

import pytest
from tests_now import NOW

from schemas.config import TagSettings
from schemas.errors import ProviderError
from schemas.taxonomies import load_taxonomies
from tasks.memo.labels import LabelMemo
from tasks.storage.local import LocalStore
from tasks.tag import batches
from tasks.tag.items import make_item
from tasks.tag.questions import Question, build_decisions
from tasks.tag.session import Session
from tests.tag_provider import MODEL, read_items

DECISIONS = build_decisions(load_taxonomies()["reaction"])
N = 20


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(batches.run_batches, "__kwdefaults__", {"sleep": lambda _: None})


def ask(store, n: int = N, **settings):
    settings = TagSettings(model=MODEL, **{"budget_usd": 1.0, "batch_from": 10, **settings})
    session = Session(settings, LabelMemo(store), NOW)
    questions = [
        Question(make_item(f"i{i}", "reaction", f"Note {i}", group=f"c{i}"), DECISIONS) for i in range(n)
    ]
    return *session.ask(questions), session.ledger.line("reaction", MODEL)


def test_a_large_backfill_goes_as_one_batch_at_half_the_price(provider, tmp_path) -> None:
    store = LocalStore(tmp_path)
    rows, faults, line = ask(store)
    assert (len(rows), faults) == (N, {})
    assert (len(provider.batches), provider.n_calls, line.calls) == (1, 0, N)
    assert line.usd == pytest.approx(N * (100 * 0.075e-6 + 20 * 0.3e-6))
    sent = [json.loads(x) for x in provider.files["file-0"].splitlines()]
    assert {x["body"]["model"] for x in sent} == {"gpt-4o-mini"}
    assert all(x["body"]["response_format"]["json_schema"]["strict"] for x in sent)
    assert len({x["custom_id"] for x in sent}) == N
    # the answers are in the memo like any other
    _, _, line = ask(store)
    assert (line.calls, line.memo_hits, len(provider.batches)) == (0, N, 1)


def test_a_small_increment_and_another_provider_go_singly(provider, tmp_path) -> None:
    ask(LocalStore(tmp_path), n=9)
    assert (len(provider.batches), provider.n_calls) == (0, 9)


def test_what_a_batch_does_not_answer_is_asked_singly(provider, tmp_path) -> None:
    def fail_some(_, body):
        number = int(read_items(body)[0]["note"].split()[1])
        is_batch = not provider.bodies
        return (500, {"error": {"message": "no"}}, {}) if is_batch and number % 4 == 0 else None

    provider.fault = fail_some
    rows, faults, line = ask(LocalStore(tmp_path))
    assert (len(rows), faults, line.calls) == (N, {}, N)
    assert provider.n_calls == N // 4


@pytest.mark.parametrize("status", ["failed", "expired"])
def test_a_batch_that_comes_to_nothing_is_asked_singly(provider, tmp_path, status) -> None:
    provider.batch_status = status
    rows, _, _ = ask(LocalStore(tmp_path))
    assert (len(rows), len(provider.batches), provider.n_calls) == (N, 1, N)


def test_a_killed_run_finds_its_batch_again(provider, tmp_path) -> None:
    store = LocalStore(tmp_path)
    provider.batch_looks = 1_000_000
    with pytest.raises(ProviderError, match="the same command goes on waiting"):
        ask(store, batch_hours=0.1)
    provider.batch_looks = 0
    rows, _, line = ask(store)
    assert (len(rows), len(provider.batches), provider.n_calls, line.calls) == (N, 1, 0, N)


def test_a_batch_that_the_provider_forgot_is_asked_singly(provider, tmp_path) -> None:
    store = LocalStore(tmp_path)
    provider.batch_looks = 1_000_000
    with pytest.raises(ProviderError):
        ask(store, batch_hours=0.1)
    provider.batches.clear()
    rows, _, _ = ask(store)
    assert (len(rows), provider.n_calls) == (N, N)


def test_a_budget_that_cannot_hold_the_batch_submits_none(provider, tmp_path) -> None:
    from schemas.errors import BudgetError

    with pytest.raises(BudgetError):
        ask(LocalStore(tmp_path), budget_usd=0.00001)
    assert not provider.batches
