"""Sending calls: pull workers, pacing, budget, repair, fallbacks. Every question gets an end.

The end of a question is a memo row (an answer or an abstention of the model) or a named fault. Answers
are remembered as they come, so that a run that is stopped pays for nothing twice. Faults are never
remembered.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from tasks.memo.labels import LabelMemo, MemoRow
from tasks.tag.answers import Answer, parse_answers
from tasks.tag.budget import Budget, Ledger
from tasks.tag.client import FATAL, RATE_LIMITED, TRANSIENT, CallError, Reply
from tasks.tag.pacing import Pacer
from tasks.tag.prompting import answer_schema
from tasks.tag.questions import Call, Question

BUDGET = "budget_exhausted"
NO_MODEL = "no_model_left"
_MAX_TRANSIENT = 4
_MAX_REFUSALS = 40
_DEAD_AFTER = 12
"""Calls given up on in a row after which a model counts as gone."""
_SAVE_EVERY = 200
_SAVE_SECONDS = 5.0
_CHARACTERS_A_TOKEN = 3.5


class Chat(Protocol):
    """What the runner needs of a model's client; `tasks.tag.client.ChatClient` has it."""

    model: str

    def price(self, input_tokens: int, output_tokens: int) -> float:
        """Return the price of a call in USD."""
        ...

    async def complete(self, static: str, body: str, schema: Any, max_output_tokens: int) -> Reply:
        """Send one call."""
        ...


@dataclass(slots=True)
class RunReport:
    """What became of the questions asked.

    Attributes:
        rows: memo key under the model that answered, to row.
        faults: index of the question to a named fault and the answers asked for.
        stopped: `budget_exhausted` or `no_model_left` when the run ended early, else empty.
    """

    answered: dict[int, MemoRow] = field(default_factory=dict[int, MemoRow])
    faults: dict[int, tuple[str, int]] = field(default_factory=dict[int, tuple[str, int]])
    stopped: str = ""


@dataclass(frozen=True, slots=True)
class RunLimits:
    """How hard a run may press."""

    concurrency: int
    requests_per_minute: int
    tokens_per_minute: int


def run_calls(
    calls: Sequence[tuple[Call, tuple[int, ...]]],
    clients: Sequence[Chat],
    *,
    limits: RunLimits,
    budget: Budget,
    ledger: Ledger,
    memo: LabelMemo,
    now: datetime,
) -> RunReport:
    """Send calls and return what became of each question.

    Args:
        calls: each call with the indices of its questions in the caller's list.
        clients: models in the order of preference; the next takes over when one is gone.
        limits: calls in flight, requests and tokens a minute.
        budget: money that may be spent.
        ledger: where costs are noted.
        memo: where answers are remembered.
        now: time that answers are marked with.
    """
    runner = _Runner(calls, clients, limits, budget, ledger, memo, now)
    return _run_in_thread(runner.run)


class _Runner:
    def __init__(
        self,
        calls: Sequence[tuple[Call, tuple[int, ...]]],
        clients: Sequence[Chat],
        limits: RunLimits,
        budget: Budget,
        ledger: Ledger,
        memo: LabelMemo,
        now: datetime,
    ) -> None:
        self._queue = deque(calls)
        self._clients = clients
        self._active = 0
        self._failed_in_a_row = 0
        self._limits = limits
        self._budget = budget
        self._ledger = ledger
        self._memo = memo
        self._now = now
        self._unsaved: list[MemoRow] = []
        self._saved_at = time.monotonic()
        self.report = RunReport()

    async def run(self) -> RunReport:
        self._pacer = Pacer(time.monotonic, self._limits.requests_per_minute, self._limits.tokens_per_minute)
        n_workers = max(1, min(self._limits.concurrency, len(self._queue)))
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(n_workers):
                    group.create_task(self._work())
        finally:
            self._save()
        for call, indices in self._queue:
            self._fault(call, indices, self.report.stopped or NO_MODEL, 0)
        return self.report

    async def _work(self) -> None:
        while self._queue and not self.report.stopped:
            call, indices = self._queue.popleft()
            await self._ask(call, indices)
            if len(self._unsaved) >= _SAVE_EVERY or time.monotonic() - self._saved_at > _SAVE_SECONDS:
                self._save()

    async def _ask(self, call: Call, indices: tuple[int, ...]) -> None:
        attempts = 0
        error = ""
        for is_repair in (False, True):
            reply, client = await self._send(call, error, is_repair=is_repair)
            if isinstance(reply, str):
                self._fault(call, indices, reply, attempts + 1)
                return
            attempts += 1
            answers, faults = parse_answers(
                reply.text, len(indices), call.decisions.ids, multi=call.decisions.multi
            )
            if reply.is_cut and not answers:
                faults = dict.fromkeys(faults, "cut_short")
            self._record(call, indices, answers, reply, client)
            if not faults:
                return
            rest = sorted(faults)
            call = Call(tuple(call.questions[i] for i in rest))
            indices = tuple(indices[i] for i in rest)
            names = [faults[i] for i in rest]
            error = ", ".join(sorted(set(names)))
        for question, index, name in zip(call.questions, indices, names, strict=True):
            self._fault(Call((question,)), (index,), name, attempts)

    async def _send(self, call: Call, error: str, *, is_repair: bool) -> tuple[Reply | str, Chat]:
        """Return a reply, or the name of the fault after which the call is given up."""
        body = call.body(error)
        schema = answer_schema(call.decisions.choices, multi=call.decisions.multi)
        tokens_in = int((len(call.decisions.static) + len(body)) / _CHARACTERS_A_TOKEN)
        tokens = tokens_in + call.expected_output_tokens
        transient = refusals = 0
        while True:
            if self._active >= len(self._clients):
                self.report.stopped = self.report.stopped or NO_MODEL
                return NO_MODEL, self._clients[-1]
            place, client = self._active, self._clients[self._active]
            reserved = client.price(tokens_in, call.max_output_tokens)
            if not self._budget.reserve(reserved):
                self.report.stopped = BUDGET
                return BUDGET, client
            await self._pacer.take(tokens)
            line = self._ledger.line(call.decisions.facet, client.model)
            try:
                reply = await client.complete(call.decisions.static, body, schema, call.max_output_tokens)
            except CallError as fault:
                self._budget.settle(reserved, 0.0)
                if fault.name == RATE_LIMITED:
                    line.refused += 1
                    self._pacer.refused(fault.retry_after_s)
                    refusals += 1
                    if refusals < _MAX_REFUSALS:
                        continue
                    name = RATE_LIMITED
                elif fault.name == TRANSIENT:
                    transient += 1
                    if transient < _MAX_TRANSIENT:
                        await asyncio.sleep(min(8.0, 0.2 * 2**transient) * (0.5 + random.random()))
                        continue
                    name = TRANSIENT
                elif fault.name in FATAL:
                    self._retire(place)
                    continue
                else:
                    return fault.name, client
                self._failed_in_a_row += 1
                if self._failed_in_a_row >= _DEAD_AFTER:
                    self._retire(place)
                return name, client
            self._budget.settle(reserved, reply.usd)
            self._pacer.accepted()
            self._failed_in_a_row = 0
            line.calls += 1
            line.repairs += is_repair
            line.input_tokens += reply.input_tokens
            line.output_tokens += reply.output_tokens
            line.usd += reply.usd
            return reply, client

    def _retire(self, place: int) -> None:
        if self._active == place:
            self._active = place + 1
            self._failed_in_a_row = 0

    def _record(
        self,
        call: Call,
        indices: tuple[int, ...],
        answers: dict[int, Answer],
        reply: Reply,
        client: Chat,
    ) -> None:
        share = max(len(answers), 1)
        for i, answer in answers.items():
            question: Question = call.questions[i]
            row = MemoRow(
                key=question.key(client.model),
                facet=call.decisions.facet,
                values=answer.values,
                runner_up=answer.runner_up,
                confidence=answer.confidence,
                abstained="" if answer.values else "model_abstained",
                model=client.model,
                model_snapshot=reply.snapshot,
                prompt_sha256=call.decisions.prompt.sha256,
                input_tokens=reply.input_tokens // share,
                output_tokens=reply.output_tokens // share,
                cost_usd=reply.usd / share,
                labelled_at=self._now,
            )
            self.report.answered[indices[i]] = row
            self._unsaved.append(row)

    def _fault(self, call: Call, indices: tuple[int, ...], name: str, attempts: int) -> None:
        for index in indices[: len(call.questions)]:
            self.report.faults[index] = (name, attempts)

    def _save(self) -> None:
        rows, self._unsaved = self._unsaved, []
        self._saved_at = time.monotonic()
        self._memo.add(rows)


def _run_in_thread(start: Callable[[], Coroutine[Any, Any, RunReport]]) -> RunReport:
    """Run on an event loop of its own, whatever loop the caller may be on."""
    result: list[RunReport] = []
    errors: list[BaseException] = []

    def target() -> None:
        try:
            result.append(asyncio.run(start()))
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=target, name="tag-calls")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return result[0]
