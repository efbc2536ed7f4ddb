"""Asking the models of a suite: the memo first, then calls; and the same without calls, to plan.

Every question ends with a value or a named fault. Faults are never remembered, so the same command asks
again what failed, and nothing that was answered.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, cast

from tasks.evaluate.guard import Guard
from tasks.evaluate.prompting import Prompt, load_prompt, render_body, render_static
from tasks.evaluate.shapes import NO_LOGPROBS, LetterShape, Shape, find_document
from tasks.memo.answers import AnswerMemo, AnswerRow, digest_text
from tasks.tag.budget import Budget, Ledger
from tasks.tag.client import Reply
from tasks.tag.questions import PARAMETERS
from tasks.tag.sending import BUDGET, NO_MODEL, Chat, Message, RunLimits, Sender

KEY_VERSION = 1
"""Raised when the way of asking changes what the same question would be answered."""
NOTHING_LEFT = "only_instructions"
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Ask:
    """One question to one model.

    Attributes:
        item_id: which item it is about.
        step: name of the step, for plan, costs and failures.
        model: who is asked.
        prompt: the prompt file.
        material: what goes into the fence.
        shape: what is asked for.
        condition: condition or method that the answer belongs to.
    """

    item_id: str
    step: str
    model: str
    prompt: Prompt
    material: Mapping[str, Any]
    shape: Shape
    condition: str = ""

    @property
    def key(self) -> str:
        """Everything that decides the answer, as a digest."""
        return digest_text(
            str(KEY_VERSION),
            self.model,
            self.prompt.sha256,
            json.dumps(self.shape.schema, sort_keys=True),
            json.dumps(dict(PARAMETERS), sort_keys=True),
            json.dumps(self.material, sort_keys=True),
        )

    def message(self, error: str = "") -> Message:
        """The call as it goes out."""
        usual = self.shape.output_tokens
        return Message(
            static=render_static(self.prompt, self.shape.schema),
            body=render_body(self.material, error),
            schema=self.shape.schema,
            max_output_tokens=2 if isinstance(self.shape, LetterShape) else 100 + 3 * usual,
            expected_output_tokens=usual,
            logprobs=isinstance(self.shape, LetterShape),
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a question.

    Attributes:
        value: the legal value; None after a fault.
        fault: named fault; empty where there is a value.
        n_attempts: answers asked for in this run.
        model_snapshot: who answered, as the provider names it.
    """

    value: Any
    fault: str = ""
    n_attempts: int = 0
    model_snapshot: str = ""


class Asker(Protocol):
    """Answers questions, or says how many there would be."""

    @property
    def is_planning(self) -> bool:
        """Whether values are placeholders."""
        ...

    def ask(self, asks: Sequence[Ask]) -> list[Answer]:
        """Return one answer a question, in order."""
        ...


def make_ask(
    guard: Guard,
    *,
    item_id: str,
    step: str,
    model: str,
    prompt: str,
    material: Mapping[str, Any],
    shape: Shape,
    condition: str = "",
) -> Ask | None:
    """Return a question whose texts address nobody; None where a text says nothing else.

    Args:
        guard: takes out sentences that address the reader.
        item_id: see `Ask`.
        step: see `Ask`.
        model: see `Ask`.
        prompt: name of the prompt.
        material: key to text, or to a list of objects of texts.
        shape: see `Ask`.
        condition: see `Ask`.
    """
    cleaned: dict[str, Any] = {}
    for key, value in material.items():
        if isinstance(value, str):
            text = guard.clean(value)
            if value.strip() and not text:
                return None
            cleaned[key] = text
        else:
            cleaned[key] = [{k: guard.clean(v) for k, v in row.items()} for row in value]
    return Ask(item_id, step, model, load_prompt(prompt), cleaned, shape, condition)


@dataclass(slots=True)
class StepCount:
    """What a step needs: questions, those already answered, and an estimate of the rest."""

    n_questions: int = 0
    n_known: int = 0
    n_calls: int = 0
    characters: int = 0
    output_tokens: int = 0


class PlanningAsker:
    """Counts questions; values come from the memo, or are placeholders."""

    is_planning = True

    def __init__(self, memo: AnswerMemo) -> None:
        self._memo = memo
        self._seen: set[str] = set()
        self.steps: dict[tuple[str, str], StepCount] = {}
        self.samples: dict[str, list[str]] = {}

    def ask(self, asks: Sequence[Ask]) -> list[Answer]:
        """Return placeholders, or what the memo knows."""
        keys = [a.key for a in asks]
        known = self._memo.find(keys)
        out: list[Answer] = []
        for ask, key in zip(asks, keys, strict=True):
            count = self.steps.setdefault((ask.step, ask.model), StepCount())
            count.n_questions += 1
            row = known.get(key)
            if row is not None:
                count.n_known += 1
                out.append(_recall(ask, row))
                continue
            out.append(Answer(_tell_apart(ask.shape.placeholder, len(self._seen))))
            if key in self._seen:
                continue
            self._seen.add(key)
            message = ask.message()
            count.n_calls += 1
            count.characters += len(message.static) + len(message.body)
            count.output_tokens += ask.shape.output_tokens
            sample = self.samples.setdefault(ask.model, [])
            if len(sample) < 20:
                sample.append(message.static + message.body)
        return out


class LiveAsker:
    """Asks models; costs, limits and money are shared by all steps of a suite.

    Args:
        memo: answers already paid for.
        open_client: model name to its client; called when the first call to it is due.
        limits: calls in flight, requests and tokens a minute.
        budget: money that may be spent.
        now: time that answers are marked with.
        progress: told how far a step is.
    """

    is_planning = False

    def __init__(
        self,
        memo: AnswerMemo,
        open_client: Callable[[str], Chat],
        limits: RunLimits,
        budget: Budget,
        now: datetime,
        progress: Progress = lambda step, done, total: None,
    ) -> None:
        self.memo = memo
        self.limits = limits
        self.budget = budget
        self.now = now
        self.progress = progress
        self.ledger = Ledger()
        self.stopped = ""
        self.snapshots: dict[str, set[str]] = {}
        self.without_logprobs: set[str] = set()
        self._open_client = open_client
        self._clients: dict[str, Chat] = {}

    def ask(self, asks: Sequence[Ask]) -> list[Answer]:
        """Return a value or a named fault for every question."""
        keys = [a.key for a in asks]
        known = self.memo.find(keys)
        answers: dict[str, Answer] = {}
        todo: dict[str, dict[str, Ask]] = {}
        for ask, key in zip(asks, keys, strict=True):
            if key in known:
                if key not in answers:
                    self.ledger.line(ask.step, ask.model).memo_hits += 1
                    self.note(ask.model, known[key].model_snapshot)
                answers[key] = _recall(ask, known[key])
                if answers[key].fault == NO_LOGPROBS:
                    self.without_logprobs.add(ask.model)
            else:
                todo.setdefault(ask.model, {}).setdefault(key, ask)
        for model, of_model in todo.items():
            if self.stopped == BUDGET:
                answers |= {key: Answer(None, BUDGET) for key in of_model}
                continue
            client = self._clients.get(model) or self._clients.setdefault(model, self._open_client(model))
            work = _Work(self, client, of_model)
            _run_in_thread(work.run)
            answers |= work.answers
        return [answers[key] for key in keys]

    def note(self, model: str, snapshot: str) -> None:
        """Note who answered."""
        self.snapshots.setdefault(model, set()).add(snapshot)


class _Work:
    """The questions to one model in one step."""

    def __init__(self, owner: LiveAsker, client: Chat, asks: Mapping[str, Ask]) -> None:
        self._owner = owner
        self._client = client
        self._queue = deque(asks.items())
        self._total = len(asks)
        self._asks = asks
        self.answers: dict[str, Answer] = {}

    async def run(self) -> None:
        owner = self._owner
        self._sender = Sender([self._client], owner.limits, owner.budget)
        self._lock = asyncio.Lock()
        workers = min(owner.limits.concurrency, self._total)
        if self._client.model.startswith("local/"):
            workers = 1  # it computes, so it never waits
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(max(1, workers)):
                    group.create_task(self._work())
        finally:
            owner.memo.gather()
        owner.stopped = owner.stopped or self._sender.stopped
        for key in self._asks:
            self.answers.setdefault(key, Answer(None, self._sender.stopped or NO_MODEL))

    async def _work(self) -> None:
        while self._queue and not self._sender.stopped:
            key, ask = self._queue.popleft()
            self.answers[key] = await self._ask(key, ask)
            self._owner.progress(ask.step, len(self.answers), self._total)

    async def _ask(self, key: str, ask: Ask) -> Answer:
        is_letter = isinstance(ask.shape, LetterShape)
        if is_letter and ask.model in self._owner.without_logprobs:
            return Answer(None, NO_LOGPROBS)
        error, attempts = "", 0
        for is_repair in (False, True):
            reply, client = await self._sender.send(
                ask.message(error), lambda m: self._owner.ledger.line(ask.step, m), is_repair=is_repair
            )
            attempts += 1
            if isinstance(reply, str):
                return Answer(None, reply, attempts)
            try:
                document = _read_reply(reply, ask)
                if document.get("logprobs", True) is None:
                    # what a provider cannot do it cannot do for the next item either
                    self._owner.without_logprobs.add(ask.model)
                    await self._remember(key, ask, document, reply, client)
                value = ask.shape.read(document)
            except ValueError as fault:
                error = str(fault)
                if error == NO_LOGPROBS:
                    break
                continue
            await self._remember(key, ask, document, reply, client)
            return Answer(value, "", attempts, reply.snapshot)
        return Answer(None, error, attempts)

    async def _remember(
        self, key: str, ask: Ask, document: Mapping[str, Any], reply: Reply, client: Chat
    ) -> None:
        self._owner.note(client.model, reply.snapshot)
        if client.model.startswith("local/"):
            return  # costs nothing to do again, and less than remembering it
        row = AnswerRow(
            key=key,
            answer=json.dumps(document, ensure_ascii=False),
            model=client.model,
            model_snapshot=reply.snapshot,
            prompt_sha256=ask.prompt.sha256,
            input_tokens=reply.input_tokens,
            output_tokens=reply.output_tokens,
            cost_usd=reply.usd,
            answered_at=self._owner.now,
        )
        await self._owner.memo.keep(row, self._lock)


def _tell_apart(value: Any, number: int) -> Any:
    """Return a placeholder of its own for each question, for what is asked about it is asked for each."""
    if isinstance(value, str):
        return f"{number} {value}"
    if isinstance(value, list):
        return [(f"{number} {text}", weight) for text, weight in cast("list[tuple[str, float]]", value)]
    return value


def _read_reply(reply: Reply, ask: Ask) -> Mapping[str, Any]:
    if reply.is_refused:
        raise ValueError("refused")
    if isinstance(ask.shape, LetterShape):
        return {"logprobs": dict(reply.first_logprobs) if reply.first_logprobs else None}
    try:
        return find_document(reply.text)
    except ValueError:
        if reply.is_cut:
            raise ValueError("cut_short") from None
        raise


def _recall(ask: Ask, row: AnswerRow) -> Answer:
    try:
        return Answer(ask.shape.read(json.loads(row.answer)), "", 0, row.model_snapshot)
    except ValueError as fault:
        return Answer(None, str(fault), 0, row.model_snapshot)


def _run_in_thread(start: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run on an event loop of its own, whatever loop the caller may be on."""
    errors: list[BaseException] = []

    def target() -> None:
        try:
            asyncio.run(start())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=target, name="suite-calls")
    thread.start()
    thread.join()
    for error in errors:
        # a worker's error comes out of its group as itself
        raise error.exceptions[0] if isinstance(error, BaseExceptionGroup) else error
