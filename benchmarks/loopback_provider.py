"""A provider of chat completions that costs next to nothing: `python -m benchmarks.loopback_provider LATENCY_S`.

What is measured is the client, so the provider is a process of its own and speaks just enough HTTP: one request
at a time on a connection, a body with its length, an answer after a fixed time. It answers faithfully, because a
wrong answer would be asked for again.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SNAPSHOT = "gpt-4o-mini-2024-07-18"
"""Names the model as OpenAI does: litellm looks the price up under it, and searches long for an unknown name."""
_END_OF_HEAD = b"\r\n\r\n"


class _Connection(asyncio.Protocol):
    def __init__(self, latency_s: float, limit: _Limit) -> None:
        self._latency_s, self._limit = latency_s, limit
        self._received = bytearray()
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(_END_OF_HEAD)
        if end < 0:
            return
        head = bytes(self._received[:end]).lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
        start = end + len(_END_OF_HEAD)
        if len(self._received) < start + length:
            return
        body = bytes(self._received[start : start + length])
        del self._received[: start + length]
        if self._limit.lets_through():
            reply = _render(200, _complete(json.loads(body)))
            asyncio.get_running_loop().call_later(self._latency_s, self._send, reply)
        else:
            self._send(_render(429, {"error": {"message": "slow down"}}, "retry-after: 1\r\n"))

    def _send(self, reply: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(reply)


class _Limit:
    """Lets so many calls through in any second; 0 lets all through."""

    def __init__(self, per_s: int) -> None:
        self._per_s = per_s
        self._accepted: deque[float] = deque()

    def lets_through(self) -> bool:
        if not self._per_s:
            return True
        now = time.monotonic()
        while self._accepted and self._accepted[0] < now - 1:
            self._accepted.popleft()
        if len(self._accepted) >= self._per_s:
            return False
        self._accepted.append(now)
        return True


def _complete(body: dict[str, Any]) -> dict[str, Any]:
    from tests.tag_provider import ITEMS, answer_faithfully, completion

    # a peer asks in words of its own
    is_ours = ITEMS.search(body["messages"][-1]["content"]) is not None
    answer = answer_faithfully(body) if is_ours else {"label": "other"}
    return completion(json.dumps(answer), model=SNAPSHOT)


def _render(status: int, content: dict[str, Any], headers: str = "") -> bytes:
    body = json.dumps(content).encode()
    head = f"HTTP/1.1 {status} -\r\ncontent-type: application/json\r\n{headers}content-length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def _serve(latency_s: float, limit_per_s: int) -> None:
    loop = asyncio.get_running_loop()
    limit = _Limit(limit_per_s)
    server = await loop.create_server(lambda: _Connection(latency_s, limit), "127.0.0.1", 0, backlog=1024)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


@contextmanager
def provider_process(latency_s: float, limit_per_s: int = 0) -> Iterator[dict[str, str]]:
    """A provider in a process of its own; yields the environment that leads to it."""
    command = [sys.executable, "-m", "benchmarks.loopback_provider", str(latency_s), str(limit_per_s)]
    provider = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert provider.stdout is not None
    try:
        yield {"OPENAI_API_KEY": "bench", "OPENAI_API_BASE": provider.stdout.readline().strip()}
    finally:
        provider.communicate()


if __name__ == "__main__":
    asyncio.run(_serve(float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0))
