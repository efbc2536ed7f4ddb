"""A broken network on loopback: an HTTP proxy that loses answers, cuts uploads, refuses and delays.

A rule counts requests whose first line matches; everything else passes.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import struct
import threading
from dataclasses import dataclass, field

_ANSWERS = {
    action: (status, b"<?xml version='1.0'?><Error><Code>%s</Code></Error>" % code)
    for action, status, code in (
        ("busy", b"503 Slow Down", b"SlowDown"),
        ("error_500", b"500 Internal Server Error", b"InternalError"),
        ("error_503", b"503 Service Unavailable", b"ServiceUnavailable"),
        ("skewed", b"403 Forbidden", b"RequestTimeTooSkewed"),
        ("expired", b"400 Bad Request", b"ExpiredToken"),
    )
}
"""Answers that the proxy gives itself."""


@dataclass
class Rule:
    pattern: bytes
    action: str
    times: int
    seconds: float = 0.0
    after: int = 0


@dataclass
class FaultProxy:
    """Use as a context manager; `port` is where it listens."""

    upstream: int
    rules: list[Rule] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    port: int = 0

    def add(
        self, pattern: str, action: str, times: int = 1, seconds: float = 0.0, after: int = 0
    ) -> FaultProxy:
        """Do something to the next matching requests.

        Actions: lose_response (the server did it, the client never hears), refuse, cut_upload, cut_response
        (half of the body, then the connection breaks), delay, and answers of the proxy itself: busy,
        error_500, error_503, expired (the token of the credentials has run out), skewed (the client's clock).

        `pass` lets them through and counts them; `after` so many requests that a rule counted, this one begins.
        """
        self.rules.append(Rule(pattern.encode(), action, times, seconds, after))
        return self

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> FaultProxy:
        ready = threading.Event()

        async def listen() -> None:
            server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 20)
            self.port = server.sockets[0].getsockname()[1]
            ready.set()
            self._stop = asyncio.Event()
            await self._stop.wait()
            server.close()

        def run() -> None:
            self._loop = asyncio.new_event_loop()
            self._loop.run_until_complete(listen())

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()
        ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(5)

    def _rule(self, line: bytes) -> Rule | None:
        for rule in self.rules:
            if rule.times > 0 and len(self.seen) >= rule.after and re.search(rule.pattern, line):
                rule.times -= 1
                self.seen.append(f"{rule.action} {line.decode()}")
                return rule
        return None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.upstream)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while await self._request(reader, writer, up_reader, up_writer):
                pass
        for stream in (writer, up_writer):
            with contextlib.suppress(Exception):
                stream.close()

    async def _request(self, reader, writer, up_reader, up_writer) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        line = head.split(b"\r\n", 1)[0]
        self.requests.append(line.decode())
        rule = self._rule(line)
        action = rule.action if rule else ""
        if action == "refuse":
            return _reset(writer)
        if re.search(rb"(?i)\r\nexpect: *100-continue", head):
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            await writer.drain()
            head = re.sub(rb"(?i)\r\nexpect: *100-continue", b"", head)
        length = _content_length(head)
        if action in _ANSWERS:
            await reader.readexactly(length)
            status, body = _ANSWERS[action]
            body = b"" if line.startswith(b"HEAD") else body
            writer.write(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))
            await writer.drain()
            return True
        up_writer.write(head)
        if action == "cut_upload":
            up_writer.write(await reader.readexactly(length // 2))
            await up_writer.drain()
            up_writer.close()
            return _reset(writer)
        await _pipe(reader, up_writer, length)
        answer = await up_reader.readuntil(b"\r\n\r\n")
        while answer.startswith(b"HTTP/1.1 100"):
            answer = await up_reader.readuntil(b"\r\n\r\n")
        if action == "lose_response":
            return _reset(writer)
        if rule is not None and action == "delay":
            await asyncio.sleep(rule.seconds)
        writer.write(answer)
        if action == "cut_response":
            await _pipe(up_reader, writer, _content_length(answer) // 2)
            await writer.drain()
            up_writer.close()
            # a plain end: a reset would take back what the client has not read yet
            return False
        if not line.startswith(b"HEAD") and answer[9:12] not in {b"204", b"304"}:
            if b"content-length" in answer.lower():
                await _pipe(up_reader, writer, _content_length(answer))
            else:
                await _pipe_chunks(up_reader, writer)
        await writer.drain()
        return True


def _content_length(head: bytes) -> int:
    found = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    return int(found[1]) if found else 0


async def _pipe(reader, writer, left: int) -> None:
    while left:
        data = await reader.read(min(left, 1 << 16))
        if not data:
            raise ConnectionError
        left -= len(data)
        writer.write(data)
        await writer.drain()


async def _pipe_chunks(reader, writer) -> None:
    while True:
        size = await reader.readline()
        writer.write(size)
        n = int(size.split(b";")[0], 16)
        writer.write(await reader.readexactly(n + 2))
        if n == 0:
            return


def _reset(writer) -> bool:
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    return False
