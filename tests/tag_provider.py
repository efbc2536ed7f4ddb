"""A provider with an OpenAI-like API on loopback, for tests: faithful unless told to misbehave."""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
import zlib
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

from aiohttp import web

ITEMS = re.compile(r"<items-([0-9a-f]{16})>\n(.*)\n</items-\1>", re.DOTALL)
MODEL = "openai/gpt-4o-mini"
HANG, CUT = 0, -1
"""Statuses of a fault: no answer ever; half of the body, and the connection is gone."""


def read_items(body: dict[str, Any]) -> list[dict[str, Any]]:
    return json.loads(ITEMS.search(body["messages"][-1]["content"])[2])


def read_allowed(body: dict[str, Any]) -> list[str]:
    schema = json.loads(body["messages"][0]["content"].rsplit("\n", 1)[1])
    answer = schema["properties"]["answers"]["items"]["properties"]
    found = answer["labels"]["items"]["enum"] if "labels" in answer else answer["label"]["enum"]
    return [v for v in found if v != "abstain"]


def answer_faithfully(body: dict[str, Any]) -> dict[str, Any]:
    """One legal label an item, decided by the text alone."""
    allowed = read_allowed(body)
    multi = '"labels"' in body["messages"][0]["content"].rsplit("\n", 1)[1]
    answers = []
    for item in read_items(body):
        text = json.dumps({k: v for k, v in item.items() if k != "id"}, sort_keys=True)
        value = allowed[zlib.crc32(text.encode()) % len(allowed)]
        row: dict[str, Any] = {"id": item["id"], "confidence": 0.9}
        row |= {"labels": [value]} if multi else {"label": value, "second": allowed[0]}
        answers.append(row)
    return {"answers": answers}


def completion(
    content: Any, model: str = "fake-2026-01-01", finish: str = "stop", tokens=(100, 20)
) -> dict[str, Any]:
    return {
        "id": "c1", "object": "chat.completion", "created": 1, "model": model,
        "choices": [{"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": content}}],
        "usage": {"prompt_tokens": tokens[0], "completion_tokens": tokens[1], "total_tokens": sum(tokens)},
    }  # fmt: skip


class FakeProvider:
    """Serves chat completions; `fault(n, body)` may return (status, body, headers) for the n-th call."""

    def __init__(self) -> None:
        self.fault: Callable[[int, dict[str, Any]], tuple[int, Any, dict[str, str]] | None] = lambda n, body: (
            None
        )
        self.answer: Callable[[dict[str, Any]], Any] = answer_faithfully
        self.latency_s = 0.0
        self.limit_per_s = 0
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.n_looks, self.batch_looks, self.batch_status = 0, 2, "completed"
        self.bodies: list[dict[str, Any]] = []
        self.headers: dict[str, str] = {}
        self.statuses: Counter[int] = Counter()
        self._accepted: deque[float] = deque()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        self._ready.wait(10)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def n_calls(self) -> int:
        return self.statuses[200]

    def reset(self) -> None:
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.n_looks = 0
        self.batch_looks = 2
        self.batch_status = "completed"
        self.bodies.clear()
        self.statuses.clear()
        self._accepted.clear()
        self.fault = lambda n, body: None
        self.answer = answer_faithfully
        self.latency_s = 0.0
        self.limit_per_s = 0

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(5)

    def _serve(self) -> None:
        asyncio.run(self._main())

    async def _main(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        app = web.Application(client_max_size=64 << 20)
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_post("/v1/files", self._put_file)
        app.router.add_get("/v1/files/{id}/content", self._get_file)
        app.router.add_post("/v1/batches", self._put_batch)
        app.router.add_get("/v1/batches/{id}", self._get_batch)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        await runner.cleanup()

    async def _chat(self, request: web.Request) -> web.Response:
        body = await request.json()
        if self.limit_per_s:
            now = time.monotonic()
            while self._accepted and self._accepted[0] < now - 1:
                self._accepted.popleft()
            if len(self._accepted) >= self.limit_per_s:
                self.statuses[429] += 1
                return web.json_response(
                    {"error": {"message": "slow down"}}, status=429, headers={"retry-after": "1"}
                )
            self._accepted.append(now)
        self.bodies.append(body)
        self.headers = {name.lower(): value for name, value in request.headers.items()}
        if self.latency_s:
            await asyncio.sleep(self.latency_s)
        override = self.fault(len(self.bodies), body)
        if override is not None:
            status, content, headers = override
            self.statuses[status] += 1
            text = content if isinstance(content, str) else json.dumps(content)
            if status == HANG:
                await asyncio.sleep(600)
            if status == CUT:
                return await _cut(request, text.encode())
            return web.Response(status=status, text=text, headers=headers, content_type="application/json")
        self.statuses[200] += 1
        answer = self.answer(body)
        return web.json_response(completion(answer if isinstance(answer, str | None) else json.dumps(answer)))

    async def _put_file(self, request: web.Request) -> web.Response:
        form = await request.post()
        name = f"file-{len(self.files)}"
        self.files[name] = form["file"].file.read()
        return web.json_response(self._describe_file(name))

    def _describe_file(self, name: str) -> dict[str, Any]:
        return {
            "id": name, "object": "file", "bytes": len(self.files[name]), "created_at": 1,
            "filename": "labels.jsonl", "purpose": "batch", "status": "processed",
        }  # fmt: skip

    async def _get_file(self, request: web.Request) -> web.Response:
        return web.Response(body=self.files[request.match_info["id"]])

    async def _put_batch(self, request: web.Request) -> web.Response:
        body = await request.json()
        name = f"batch-{len(self.batches)}"
        self.batches[name] = {
            "id": name, "object": "batch", "endpoint": body["endpoint"], "completion_window": "24h",
            "input_file_id": body["input_file_id"], "status": "validating", "created_at": 1,
        }  # fmt: skip
        return web.json_response(self.batches[name])

    async def _get_batch(self, request: web.Request) -> web.Response:
        """A batch is done after a few looks; `fault` makes single lines of it fail."""
        batch = self.batches.get(request.match_info["id"])
        if batch is None:
            return web.json_response({"error": {"message": "no such batch"}}, status=404)
        self.n_looks += 1
        if self.n_looks > self.batch_looks and "output_file_id" not in batch:
            batch["status"] = self.batch_status
            lines = []
            for n, line in enumerate(self.files[batch["input_file_id"]].splitlines()):
                call = json.loads(line)
                override = self.fault(n, call["body"])
                status = override[0] if override else 200
                body = override[1] if override else completion(json.dumps(self.answer(call["body"])))
                response = {"status_code": status, "body": body}
                lines.append(
                    json.dumps({"custom_id": call["custom_id"], "response": response, "error": None})
                )
            if self.batch_status == "completed":
                self.files[f"out-{batch['id']}"] = "\n".join(lines).encode()
                batch["output_file_id"] = f"out-{batch['id']}"
        return web.json_response(batch)


async def _cut(request: web.Request, body: bytes) -> web.Response:
    response = web.StreamResponse(
        headers={"content-length": str(len(body)), "content-type": "application/json"}
    )
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    request.transport.abort()
    return response
