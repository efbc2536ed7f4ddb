"""How fast labels are asked for: `python -m benchmarks.tag_throughput [CALLS] [ROUNDS] [WAY...]`.

A provider on loopback answers in 200 ms; 128 calls are in flight, one item each. Four ways send the same
messages: the runner of a release; bare `litellm.acompletion` as it comes; the same with the settings of litellm
that our client changes; and a bare HTTP client, for what the wire allows. The provider is a process of its own,
so CPU seconds are the client's alone; on two cores it still takes a tenth of the second one. No other load
should be on the machine.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from benchmarks.frame import Measurement, Side, Work, alternate
from benchmarks.loopback_provider import provider_process
from benchmarks.tag_calls import CONCURRENCY, MODEL, make_calls, send_with_runner

REACH = "≥ 0.9 of litellm's throughput, ≤ 4 ms CPU a call"
MIN_OF_LITELLM, MAX_MS = 0.9, 4.0
OFFLINE = ("LITELLM_LOCAL_MODEL_COST_MAP", "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS", "LITELLM_LOCAL_BLOG_POSTS")


def import_litellm_as_it_comes() -> Any:
    """Bare litellm with its defaults; only its downloads at import are switched off."""
    os.environ |= dict.fromkeys(OFFLINE, "True")
    import litellm

    litellm.suppress_debug_info = True
    return litellm


def import_litellm_as_we_do() -> Any:
    """The module with the settings of our client."""
    from tasks.tag.client import import_litellm

    return import_litellm()


def make_request(call: Any) -> dict[str, Any]:
    """What the runner asks litellm for, as keyword arguments."""
    from tasks.tag.questions import PARAMETERS

    decisions = call.decisions
    shape = {"name": "answers", "schema": decisions.schema, "strict": True}
    return {
        "messages": [
            {"role": "system", "content": decisions.static},
            {"role": "user", "content": call.body()},
        ],
        "max_tokens": call.max_output_tokens,
        "response_format": {"type": "json_schema", "json_schema": shape},
        **PARAMETERS,
    }


def send_with_litellm(litellm: Any, calls: list[Any], set_up: Callable[[], None] = lambda: None) -> None:
    """The calls with nothing but litellm and pull workers.

    Args:
        litellm: the module.
        calls: what to send.
        set_up: called by each worker first.
    """
    queue = deque(call for call, _ in calls)

    async def work() -> None:
        set_up()
        while queue:
            request = make_request(queue.popleft())
            await litellm.acompletion(model=MODEL, num_retries=0, max_retries=0, **request)

    async def main() -> None:
        await asyncio.gather(*(work() for _ in range(CONCURRENCY)))

    asyncio.run(main())


def send_with_aiohttp(calls: list[Any]) -> None:
    """The same requests over a bare HTTP client."""
    import aiohttp

    url = f"{os.environ['OPENAI_API_BASE']}/chat/completions"
    queue = deque(call for call, _ in calls)

    async def work(session: aiohttp.ClientSession) -> None:
        while queue:
            body = {"model": MODEL.partition("/")[2], **make_request(queue.popleft())}
            async with session.post(url, json=body) as answer:
                answer.raise_for_status()
                await answer.json()

    async def main() -> None:
        connector = aiohttp.TCPConnector(limit=CONCURRENCY)
        async with aiohttp.ClientSession(connector=connector) as session:
            await asyncio.gather(*(work(session) for _ in range(CONCURRENCY)))

    asyncio.run(main())


def prepare(way: str, n: str) -> Work:
    """A side: n calls, after enough to open the connections and fill the caches."""
    calls = make_calls(int(n))
    if way == "runner":
        import_litellm_as_we_do()
        send: Any = send_with_runner
    elif way == "aiohttp":
        send = send_with_aiohttp
    elif way == "litellm":
        send = partial(send_with_litellm, import_litellm_as_it_comes())
    else:
        from tasks.tag.client import mute_success_log

        send = partial(send_with_litellm, import_litellm_as_we_do(), set_up=mute_success_log)

    send(calls[: CONCURRENCY + 1])

    def work() -> dict[str, float]:
        wall, cpu = time.perf_counter(), time.process_time()
        send(calls)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        return {"calls_per_s": round(int(n) / wall, 1), "ms_a_call": round(1000 * cpu / int(n), 2)}

    return work


WAYS = ("runner", "litellm", "litellm as we set it", "aiohttp")


def measure_throughput(n: int, rounds: int, ways: tuple[str, ...] = WAYS) -> Measurement:
    """All ways against one provider that answers in 200 ms."""
    with provider_process(0.2) as environment:
        sides = [Side(way, "benchmarks.tag_throughput:prepare", (way, str(n)), environment) for way in ways]
        runs = alternate(sides, rounds)
    found = Measurement("tag", f"{n:,} calls at 200 ms, {CONCURRENCY} in flight", "calls_per_s", runs, REACH)
    ours = found.ratio("runner", "litellm")
    ms = {way: found.median(way, "ms_a_call") for way in ways}
    note = "; ".join(f"{found.ratio('runner', way):.2f} of {way}" for way in ways if way != "runner")
    note += "; CPU a call " + ", ".join(f"{way} {value:.2f} ms" for way, value in ms.items())
    return replace(found, holds=ours >= MIN_OF_LITELLM and ms["runner"] <= MAX_MS, note=note)


def main() -> None:
    """Measure and print."""
    n, rounds = (int(value) for value in [*sys.argv[1:3], "10000", "3"][:2])
    found = measure_throughput(n, rounds, tuple(sys.argv[3:]) or WAYS)
    print(json.dumps(found.as_dict(), indent=1))
    print(found.note)


if __name__ == "__main__":
    main()
