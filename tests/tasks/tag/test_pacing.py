from __future__ import annotations

import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests_now import NOW

from schemas.taxonomies import load_taxonomies
from tasks.memo.labels import LabelMemo
from tasks.tag.budget import Budget, Ledger
from tasks.tag.client import ChatClient
from tasks.tag.items import make_item
from tasks.tag.pacing import Pacer
from tasks.tag.questions import Question, build_decisions, gather_calls
from tasks.tag.runner import run_calls
from tasks.tag.sending import RunLimits
from tests.tag_provider import MODEL


def make_calls(n: int):
    decisions = build_decisions(load_taxonomies()["reaction"])
    questions = [
        Question(make_item(f"i{i}", "reaction", f"note {i}", group=f"c{i}"), decisions) for i in range(n)
    ]
    return [(call, (i,)) for i, call in enumerate(gather_calls(questions))]


def run(n: int, concurrency: int = 128, rpm: int = 0):
    ledger = Ledger()
    client = ChatClient(MODEL, 30, allow_unpriced=False)
    start, cpu = time.monotonic(), time.process_time()
    report = run_calls(
        make_calls(n), [client], limits=RunLimits(concurrency, rpm, 0), budget=Budget(10),
        ledger=ledger, memo=LabelMemo(None), now=NOW,
    )  # fmt: skip
    return report, ledger.line("reaction", MODEL), time.monotonic() - start, time.process_time() - cpu


@pytest.mark.faults
def test_at_an_unknown_limit_little_is_wasted_and_nothing_lost(provider) -> None:
    run(5)
    provider.reset()
    provider.limit_per_s, provider.latency_s = 40, 0.1
    report, line, _, _ = run(500)
    assert len(report.answered) == 500
    assert not report.faults
    # how close to the limit the pacing comes, and the 2 % of refusals that are asked for, are timings of a
    # quiet machine and not shown here
    assert line.refused <= 0.1 * 500


def test_a_known_limit_is_kept_without_a_refusal(provider) -> None:
    run(5)
    provider.reset()
    provider.limit_per_s = 30
    report, line, elapsed, _ = run(40, rpm=25 * 60)
    assert len(report.answered) == 40
    assert line.refused == 0
    assert elapsed >= 1.3


class FakeClock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch):
    from tasks.tag import pacing

    fake = FakeClock()
    monkeypatch.setattr(pacing.asyncio, "sleep", fake.sleep)
    return fake


def test_a_long_wait_asked_for_is_honoured(clock) -> None:
    pacer = Pacer(clock)

    async def scenario() -> float:
        await pacer.take()
        pacer.refused(30.0)
        before = clock.now
        await pacer.take()
        return clock.now - before

    assert asyncio.run(scenario()) >= 30


def test_tokens_a_minute_are_kept(clock) -> None:
    pacer = Pacer(clock, tokens_per_minute=6000)

    async def scenario() -> float:
        start = clock.now
        for _ in range(20):
            await pacer.take(50)
        return clock.now - start

    assert asyncio.run(scenario()) == pytest.approx((20 * 50 - 100) / 100, rel=0.05)


@given(st.lists(st.booleans(), max_size=200))
def test_the_rate_stays_sensible_whatever_happens(events) -> None:
    clock = FakeClock()
    pacer = Pacer(clock, requests_per_minute=6000)
    for accepted in events:
        clock.now += 0.1
        if accepted:
            pacer.accepted()
        else:
            pacer.refused(None)
        assert 0.5 <= pacer.rate <= 100
