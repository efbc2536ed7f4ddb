"""How fast and how politely labels are asked for, against a provider on loopback, through real litellm.

`python -m benchmarks.tag_pacing throughput` answers in 200 ms and sends 10,000 calls, 128 in flight: bare
`litellm.acompletion` first, then the runner. `limit` asks a provider that lets 100 calls a second through.
`plan` finds 110,000 questions in a memo of a million answers. The provider is a process of its own, so CPU
seconds are the client's alone. No other load should be on the machine.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.frame import Measurement, Side, Work, alternate

REACH = "≥ 0.9 of litellm's throughput"
MIN_OF_LITELLM = 0.9
MODEL = "openai/gpt-4o-mini"
CONCURRENCY = 128
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def serve(latency_s: float, limit_per_s: int) -> None:
    """Serve until stdin closes; prints the address."""
    from tests.tag_provider import ITEMS, FakeProvider, answer_faithfully

    def answer(body: dict[str, Any]) -> dict[str, Any]:
        # a peer asks in words of its own
        is_ours = ITEMS.search(body["messages"][-1]["content"]) is not None
        return answer_faithfully(body) if is_ours else {"label": "other"}

    provider = FakeProvider()
    provider.answer = answer
    provider.latency_s, provider.limit_per_s = latency_s, limit_per_s
    # what was asked is of no interest here, and would fill the memory
    provider.bodies = deque(maxlen=1)  # type: ignore[assignment]
    print(provider.url, flush=True)
    sys.stdin.read()


def make_calls(n: int) -> list[Any]:
    """Calls of one item each, about 1,100 tokens of prompt."""
    from schemas.taxonomies import load_taxonomies
    from tasks.tag.items import make_item
    from tasks.tag.questions import Question, build_decisions, gather_calls

    decisions = build_decisions(load_taxonomies()["reaction"])
    questions = [
        Question(
            make_item(f"i{i}", "reaction", f"That is what I asked for, number {i}", group=f"c{i}"), decisions
        )
        for i in range(n)
    ]
    return [(call, (i,)) for i, call in enumerate(gather_calls(questions))]


def send_with_litellm(calls: list[Any]) -> None:
    """The same calls with nothing but litellm and pull workers."""
    from tasks.tag.client import import_litellm
    from tasks.tag.prompting import answer_schema
    from tasks.tag.questions import PARAMETERS

    litellm = import_litellm()
    schema = answer_schema(calls[0][0].decisions.choices, multi=False)
    shape = {"type": "json_schema", "json_schema": {"name": "answers", "schema": schema, "strict": True}}
    queue = deque(call for call, _ in calls)

    async def work() -> None:
        while queue:
            call = queue.popleft()
            await litellm.acompletion(
                model=MODEL,
                messages=[
                    {"role": "system", "content": call.decisions.static},
                    {"role": "user", "content": call.body()},
                ],
                max_tokens=call.max_output_tokens,
                num_retries=0,
                max_retries=0,
                response_format=shape,
                **PARAMETERS,
            )

    async def main() -> None:
        await asyncio.gather(*(work() for _ in range(CONCURRENCY)))

    asyncio.run(main())


def send_with_aiohttp(calls: list[Any]) -> None:
    """The same requests over a bare HTTP client: what the wire itself allows."""
    import aiohttp

    from tasks.tag.prompting import answer_schema
    from tasks.tag.questions import PARAMETERS

    schema = answer_schema(calls[0][0].decisions.choices, multi=False)
    shape = {"type": "json_schema", "json_schema": {"name": "answers", "schema": schema, "strict": True}}
    url = f"{os.environ['OPENAI_API_BASE']}/chat/completions"
    parameters = {k: v for k, v in PARAMETERS.items() if k in {"temperature", "seed", "top_p"}}
    queue = deque(call for call, _ in calls)

    async def work(session: aiohttp.ClientSession) -> None:
        while queue:
            call = queue.popleft()
            body = {
                "model": MODEL.partition("/")[2],
                "messages": [
                    {"role": "system", "content": call.decisions.static},
                    {"role": "user", "content": call.body()},
                ],
                "max_tokens": call.max_output_tokens,
                "response_format": shape,
                **parameters,
            }
            async with session.post(url, json=body) as answer:
                answer.raise_for_status()
                await answer.json()

    async def main() -> None:
        connector = aiohttp.TCPConnector(limit=CONCURRENCY)
        async with aiohttp.ClientSession(connector=connector) as session:
            await asyncio.gather(*(work(session) for _ in range(CONCURRENCY)))

    asyncio.run(main())


def send_with_runner(calls: list[Any]) -> tuple[int, int]:
    """The calls as a release sends them; returns answered and refused."""
    from tasks.memo.labels import LabelMemo
    from tasks.storage.local import LocalStore
    from tasks.tag.budget import Budget, Ledger
    from tasks.tag.client import ChatClient
    from tasks.tag.runner import run_calls
    from tasks.tag.sending import RunLimits

    ledger = Ledger()
    with tempfile.TemporaryDirectory() as folder:
        report = run_calls(
            calls,
            [ChatClient(MODEL, 60, allow_unpriced=False)],
            limits=RunLimits(CONCURRENCY, 0, 0),
            budget=Budget(100),
            ledger=ledger,
            memo=LabelMemo(LocalStore(Path(folder))),
            now=NOW,
        )
    return len(report.answered), ledger.line("reaction", MODEL).refused


def name_transport() -> str:
    """Which HTTP client litellm talks through; plain httpx collapses above 100 connections."""
    from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler

    return type(AsyncHTTPHandler._create_async_transport()).__name__


def measure(name: str, n: int, send: Any, calls: list[Any]) -> float:
    """Time one way of sending; prints calls a second and CPU a call, returns the first."""
    wall, cpu = time.perf_counter(), time.process_time()
    said = send(calls)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{name:22} {n / wall:7.1f} calls/s  {1000 * cpu / n:5.2f} ms CPU a call  {said or ''}", flush=True)
    return n / wall


WAYS = {"runner": send_with_runner, "litellm": send_with_litellm, "aiohttp": send_with_aiohttp}


@contextmanager
def provider_process(latency_s: float, limit_per_s: int = 0) -> Iterator[dict[str, str]]:
    """A provider in a process of its own; yields the environment that leads to it."""
    command = [sys.executable, "-m", "benchmarks.tag_pacing", "serve", str(latency_s), str(limit_per_s)]
    provider = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert provider.stdout is not None
    try:
        yield {"OPENAI_API_KEY": "bench", "OPENAI_API_BASE": provider.stdout.readline().strip()}
    finally:
        provider.communicate()


def prepare(way: str, n: str) -> Work:
    """A side: n calls, after enough to open the connections."""
    calls = make_calls(int(n))
    if way != "aiohttp":
        from tasks.tag.client import import_litellm

        import_litellm()
    WAYS[way](calls[: CONCURRENCY + 1])

    def work() -> dict[str, float]:
        began = time.perf_counter()
        WAYS[way](calls)
        return {"calls_per_s": round(int(n) / (time.perf_counter() - began), 1)}

    return work


def measure_throughput(n: int, rounds: int) -> Measurement:
    """Our runner, bare litellm and bare aiohttp against one provider that answers in 200 ms."""
    with provider_process(0.2) as environment:
        sides = [Side(way, "benchmarks.tag_pacing:prepare", (way, str(n)), environment) for way in WAYS]
        runs = alternate(sides, rounds)
    found = Measurement("tag", f"{n:,} calls at 200 ms, {CONCURRENCY} in flight", "calls_per_s", runs, REACH)
    ours = found.ratio("runner", "litellm")
    note = (
        f"runner / litellm {ours:.2f}, runner / aiohttp {found.ratio('runner', 'aiohttp'):.2f} calls a second"
    )
    return replace(found, holds=ours >= MIN_OF_LITELLM, note=note)


def plan(n_questions: int = 110_000, n_known: int = 1_000_000) -> None:
    """Find what is known of many questions in a large memo on disk."""
    import polars as pl

    from schemas.config import TagSettings
    from schemas.fields import LABEL_MEMO
    from tasks.memo.labels import LabelMemo
    from tasks.memo.parts import Parts
    from tasks.storage.local import LocalStore
    from tasks.tag.session import Session

    questions = [call.questions[0] for call, _ in make_calls(n_questions)]
    keys = [q.key(MODEL) for q in questions[: n_questions - 10_000]]
    keys += [f"{i:032x}" for i in range(n_known - len(keys))]
    row = dict.fromkeys(LABEL_MEMO.columns) | {"values": ["scope_fit"], "model": MODEL, "labelled_at": NOW}
    rows = pl.DataFrame([row], schema=LABEL_MEMO.polars_schema()).drop("key")
    frame = pl.DataFrame({"key": keys}).join(rows, how="cross").select(LABEL_MEMO.columns)
    with tempfile.TemporaryDirectory() as folder:
        store = LocalStore(Path(folder))
        parts = Parts(store, "memo/labels", LABEL_MEMO.polars_schema())
        for start in range(0, n_known, 20_000):
            parts.append(frame[start : start + 20_000])
        session = Session(TagSettings(model=MODEL), LabelMemo(store), NOW)
        wall, cpu = time.perf_counter(), time.process_time()
        known = session.list_known(questions)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(
        f"{n_questions:,} questions against {n_known:,} answers in {n_known // 20_000} parts: {wall:.2f} s, "
        f"{cpu:.2f} s CPU, {len(known):,} known"
    )


def main(what: str, n: int) -> None:
    """Run one measurement against a provider of its own."""
    settings = {"throughput": (0.2, 0), "limit": (0.2, 100)}[what]
    with provider_process(*settings) as environment:
        os.environ |= environment
        from tasks.tag.client import import_litellm

        import_litellm()
        print(f"litellm over {name_transport()}, {n:,} calls, {CONCURRENCY} in flight", flush=True)
        calls = make_calls(n)
        if what == "throughput":
            send_with_litellm(calls[:200])
            bare = measure("bare acompletion", n, send_with_litellm, calls)
            ours = measure("runner", n, send_with_runner, calls)
            print(f"runner / bare: {ours / bare:.2f}")
        else:
            found: list[tuple[int, int]] = []
            rate = measure("runner", n, lambda c: found.append(send_with_runner(c)), calls)
            answered, refused = found[0]
            print(
                f"{rate:.0f} % of the limit of 100/s, {refused} refused ({100 * refused / n:.1f} %), "
                f"{n - answered} lost"
            )


if __name__ == "__main__":
    command = sys.argv[1] if len(sys.argv) > 1 else "throughput"
    if command == "serve":
        serve(float(sys.argv[2]), int(sys.argv[3]))
    elif command == "plan":
        plan()
    else:
        main(
            command,
            int(sys.argv[2]) if len(sys.argv) > 2 else {"throughput": 10_000, "limit": 1_500}[command],
        )
