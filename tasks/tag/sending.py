"""Sending one call until it is answered or given up: budget, pacing, retries and fallbacks.

What is sent is the caller's matter: labels of a release and the research suites send the same way, so
limits and money are kept in one place.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tasks.tag.budget import Budget, CostLine
from tasks.tag.call_errors import FATAL, RATE_LIMITED, TRANSIENT, CallError
from tasks.tag.client import Reply
from tasks.tag.pacing import Pacer

BUDGET = "budget_exhausted"
NO_MODEL = "no_model_left"
_MAX_TRANSIENT = 4
_MAX_REFUSALS = 40
_DEAD_AFTER = 12
"""Calls given up on in a row after which a model counts as gone."""
_CHARACTERS_A_TOKEN = 3.5


class Chat(Protocol):
    """What a sender needs of a model's client; `tasks.tag.client.ChatClient` has it."""

    model: str

    def price(self, input_tokens: int, output_tokens: int) -> float:
        """Return the price of a call in USD."""
        ...

    async def complete(
        self, static: str, body: str, schema: Any, max_output_tokens: int, *, logprobs: bool = False
    ) -> Reply:
        """Send one call."""
        ...


@dataclass(frozen=True, slots=True)
class RunLimits:
    """How hard a run may press."""

    concurrency: int
    requests_per_minute: int
    tokens_per_minute: int


@dataclass(frozen=True, slots=True)
class Message:
    """One call as it goes out.

    Attributes:
        static: the part that is the same for many calls.
        body: the part with the items.
        schema: JSON schema of the answer.
        max_output_tokens: room for the answer.
        expected_output_tokens: length of a plain answer, for pacing.
        logprobs: ask for the log-probabilities of a one-token answer instead of a JSON answer.
    """

    static: str
    body: str
    schema: Any
    max_output_tokens: int
    expected_output_tokens: int
    logprobs: bool = False


class Sender:
    """Sends the calls of one run; made on the event loop that it is used on.

    Args:
        clients: models in the order of preference; the next takes over when one is gone.
        limits: requests and tokens a minute.
        budget: money that may be spent.
    """

    def __init__(self, clients: Sequence[Chat], limits: RunLimits, budget: Budget) -> None:
        self._clients = clients
        self._budget = budget
        clock = asyncio.get_running_loop().time
        self._pacer = Pacer(clock, limits.requests_per_minute, limits.tokens_per_minute)
        self._active = 0
        self._failed_in_a_row = 0
        self.stopped = ""

    async def send(
        self, message: Message, line_of: Callable[[str], CostLine], *, is_repair: bool = False
    ) -> tuple[Reply | str, Chat]:
        """Return a reply, or the name of the fault after which the call is given up, and the client asked.

        Once the budget is spent or no model is left, `stopped` says so.

        Args:
            message: what to send.
            line_of: where a model's costs are noted.
            is_repair: whether the call repeats one whose answer could not be used.
        """
        tokens_in = int((len(message.static) + len(message.body)) / _CHARACTERS_A_TOKEN)
        tokens = tokens_in + message.expected_output_tokens
        transient = refusals = 0
        while True:
            if self._active >= len(self._clients):
                self.stopped = self.stopped or NO_MODEL
                return NO_MODEL, self._clients[-1]
            place, client = self._active, self._clients[self._active]
            reserved = client.price(tokens_in, message.max_output_tokens)
            if not self._budget.reserve(reserved):
                self.stopped = BUDGET
                return BUDGET, client
            await self._pacer.take(tokens)
            line = line_of(client.model)
            try:
                reply = await client.complete(
                    message.static,
                    message.body,
                    message.schema,
                    message.max_output_tokens,
                    logprobs=message.logprobs,
                )
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
