"""Sending calls: pull workers, pacing, budget, repair, fallbacks. Every question gets an end.

The end of a question is a memo row (an answer or an abstention of the model) or a named fault. Answers
are remembered as they come, so that a run that is stopped pays for nothing twice. Faults are never
remembered.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tasks.memo.labels import LabelMemo, MemoRow
from tasks.memo.parts import text_key
from tasks.tag.answers import Answer, parse_answers
from tasks.tag.budget import Budget, Ledger
from tasks.tag.client import Reply
from tasks.tag.questions import Call, Question
from tasks.tag.sending import NO_MODEL, Chat, Message, RunLimits, Sender

_SAVE_EVERY = 200
_SAVE_SECONDS = 2.0


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
        self._limits = limits
        self._budget = budget
        self._ledger = ledger
        self._memo = memo
        self._now = now
        self._unsaved: list[MemoRow] = []
        self._saved_at = time.monotonic()
        self.report = RunReport()

    async def run(self) -> RunReport:
        self._sender = Sender(self._clients, self._limits, self._budget)
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
        message = Message(
            call.decisions.static,
            call.body(error),
            call.decisions.schema,
            call.max_output_tokens,
            call.expected_output_tokens,
        )
        facet = call.decisions.facet
        reply, client = await self._sender.send(
            message, lambda model: self._ledger.line(facet, model), is_repair=is_repair
        )
        self.report.stopped = self.report.stopped or self._sender.stopped
        return reply, client

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
                text_key=text_key(question.item.text),
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
