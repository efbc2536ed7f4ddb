from __future__ import annotations

import asyncio
import random
from collections import Counter, deque

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests_now import NOW

from schemas.taxonomies import load_taxonomies
from tasks.memo.labels import LabelMemo
from tasks.tag.budget import Budget, CostLine, Ledger
from tasks.tag.call_errors import RATE_LIMITED, CallError
from tasks.tag.client import ChatClient, Reply
from tasks.tag.items import make_item
from tasks.tag.pacing import Pacer
from tasks.tag.questions import Question, build_decisions, gather_calls
from tasks.tag.runner import run_calls
from tasks.tag.sending import Message, RunLimits, Sender
from tests.tag_provider import MODEL
from tests.virtual_time import run_virtually

LIMIT = 100


class SimulatedServer:
    """A model on a server that lets 100 calls a second through, in virtual time.

    Args:
        kind: how the limit is kept: over the last second, in each second of the clock, or with an
            allowance for a burst of 100.
        latency_s: mean time to an answer; a refusal comes at once.
    """

    model = "m"

    def __init__(self, kind: str, latency_s: float) -> None:
        self._kind, self._latency_s = kind, latency_s
        self._accepted: deque[float] = deque()
        self._window, self._in_window = -1, 0
        self._allowance, self._asked_at = float(LIMIT), 0.0
        self._random = random.Random(1)
        self.answered: Counter[str] = Counter()
        self.n_refused = 0

    def price(self, input_tokens: int, output_tokens: int) -> float:
        return 0.0

    async def complete(self, static: str, body: str, *_: object, logprobs: bool = False) -> Reply:
        await asyncio.sleep(0.005 + 0.01 * self._random.random())
        if not self._lets_through(asyncio.get_running_loop().time()):
            self.n_refused += 1
            raise CallError(RATE_LIMITED, 1.0)
        await asyncio.sleep(self._latency_s * (0.7 + 0.6 * self._random.random()))
        self.answered[body] += 1
        return Reply("{}", "m", 1, 1, 0.0, is_cut=False)

    def _lets_through(self, now: float) -> bool:
        if self._kind == "last second":
            while self._accepted and self._accepted[0] <= now - 1:
                self._accepted.popleft()
            is_open = len(self._accepted) < LIMIT
            if is_open:
                self._accepted.append(now)
            return is_open
        if self._kind == "each second":
            if int(now) != self._window:
                self._window, self._in_window = int(now), 0
            self._in_window += 1
            return self._in_window <= LIMIT
        self._allowance = min(LIMIT, self._allowance + (now - self._asked_at) * LIMIT)
        self._asked_at = now
        is_open = self._allowance >= 1
        self._allowance -= is_open
        return is_open


async def send_all(server: SimulatedServer, n: int, rpm: int = 0) -> tuple[float, CostLine]:
    """Send n calls with 128 pull workers; returns virtual seconds and the costs."""
    loop = asyncio.get_running_loop()
    started, line = loop.time(), CostLine()
    sender = Sender([server], RunLimits(128, rpm, 0), Budget(1))
    queue = deque(str(i) for i in range(n))

    async def work() -> None:
        while queue:
            reply, _ = await sender.send(Message("", queue.popleft(), {}, 1, 1), lambda _: line)
            assert isinstance(reply, Reply)

    await asyncio.gather(*(work() for _ in range(128)))
    return loop.time() - started, line


@pytest.mark.parametrize("latency_s", [0.2, 0.5])
@pytest.mark.parametrize("kind", ["last second", "each second", "burst"])
def test_an_unknown_limit_of_100_a_second_is_used_to_90_percent_with_2_percent_refused(
    kind: str, latency_s: float
) -> None:
    server = SimulatedServer(kind, latency_s)
    elapsed, line = run_virtually(send_all(server, 1500))
    assert set(server.answered.values()) == {1}
    assert len(server.answered) == line.calls == 1500
    assert line.refused == server.n_refused <= 0.02 * 1500
    # the first second, in which the limit is looked for, is in it
    assert 1500 / elapsed >= 0.9 * LIMIT


def test_a_known_limit_is_kept_without_a_refusal() -> None:
    server = SimulatedServer("last second", 0.2)
    elapsed, line = run_virtually(send_all(server, 1000, rpm=95 * 60))
    assert (line.calls, line.refused) == (1000, 0)
    assert 0.9 * LIMIT <= 1000 / elapsed <= 96


@pytest.mark.fault(
    "provider",
    "429 by an unknown limit",
    "paced below it, no call lost",
)
def test_calls_over_http_are_paced_and_none_is_lost(provider) -> None:
    # through real litellm; how close it comes to the limit on a quiet machine: python -m benchmarks.tag_pacing
    decisions = build_decisions(load_taxonomies()["reaction"])
    questions = [
        Question(make_item(f"i{i}", "reaction", f"note {i}", group=f"c{i}"), decisions) for i in range(60)
    ]
    provider.limit_per_s = 30
    ledger = Ledger()
    report = run_calls(
        [(call, (i,)) for i, call in enumerate(gather_calls(questions))],
        [ChatClient(MODEL, 30, allow_unpriced=False)],
        limits=RunLimits(64, 0, 0), budget=Budget(10), ledger=ledger, memo=LabelMemo(None), now=NOW,
    )  # fmt: skip
    assert (len(report.answered), report.faults) == (60, {})
    assert ledger.line("reaction", MODEL).refused == provider.statuses[429] > 0


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


@pytest.mark.fault(
    "provider",
    "429 with a long retry-after",
    "waited for",
)
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
@pytest.mark.fault(
    "provider",
    "any order of 429, errors and answers",
    "the rate stays within its bounds",
)
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
