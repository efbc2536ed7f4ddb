"""When the next call may go out: the provider's limits where they are known, found out where not.

litellm's router rejects what exceeds a limit; a batch needs what waits. Rates start low and double every
second while nothing is refused; a refusal sets the rate just under what was let through in the second
before; after that it creeps up until the next refusal.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

START_PER_S = 50.0
UNPACED_PER_S = 1_000.0
"""Above this rate no call waits; the event loop is slower than that."""
_BACK_OFF = 0.97
_RECOVER = 0.3
_CREEP = 0.003
_FIRST_HOLD_S = 0.25
_HOLD_S = 0.05
_LONG_WAIT_S = 5.0
_WINDOW_S = 1.0
_SETTLE_S = 0.05
"""Refusals so soon after a back-off answer what was sent before it."""
_LOOK_S = 0.15
_MANY_REFUSALS = 5


class Pacer:
    """Paces the sends of any number of workers on one event loop.

    Args:
        clock: monotonic seconds.
        requests_per_minute: known limit on requests, 0 for none.
        tokens_per_minute: known limit on tokens, 0 for none.
    """

    def __init__(
        self, clock: Callable[[], float], requests_per_minute: int = 0, tokens_per_minute: int = 0
    ) -> None:
        self._clock = clock
        self._ceiling = requests_per_minute / 60 if requests_per_minute else float("inf")
        self._rate = min(START_PER_S, self._ceiling)
        self._tokens_per_s = tokens_per_minute / 60
        self._tokens = float(tokens_per_minute) / 60
        self._refilled = clock()
        self._is_ramping = True
        self._good = 0.0
        self._is_binding = True
        self._next = 0.0
        self._hold = 0.0
        self._backed_off = -1e9
        self._sent: deque[float] = deque()
        self._refused: deque[float] = deque()
        self._turn = asyncio.Lock()

    @property
    def rate(self) -> float:
        """Sends a second allowed now."""
        return self._rate

    async def take(self, tokens: int = 0) -> None:
        """Wait until a call of this many tokens may go out.

        Only one worker at a time holds a slot: slots given out ahead would freeze the rate.
        """
        async with self._turn:
            self._is_binding = self._clock() < self._next
            while True:
                self._refill()
                now = self._clock()
                wait = max(self._hold - now, self._next - now if self._rate < UNPACED_PER_S else 0.0)
                if self._tokens_per_s and self._tokens < min(tokens, self._tokens_per_s):
                    wait = max(wait, (min(tokens, self._tokens_per_s) - self._tokens) / self._tokens_per_s)
                if wait <= 0:
                    break
                await asyncio.sleep(wait)
            self._tokens -= tokens
            self._next = max(self._next + 1 / self._rate, now - 2 / self._rate)
            self._sent.append(now)

    def accepted(self) -> None:
        """Note that a call was let through."""
        if not self._is_binding:
            return  # a rate that holds nobody up has not been tried, so it must not grow
        # back to what was let through before within seconds, beyond it only slowly
        known = _RECOVER if self._rate < _BACK_OFF * self._good else _CREEP
        self._rate = min(self._ceiling, self._rate + (1.0 if self._is_ramping else known))

    def refused(self, retry_after_s: float | None) -> None:
        """Note that a call was refused for its rate."""
        now = self._clock()
        self._refused.append(now)
        if retry_after_s is not None and retry_after_s > _LONG_WAIT_S:
            self._hold = max(self._hold, now + min(retry_after_s, 120.0))
        if now - self._backed_off < _WINDOW_S:
            self._back_off_again(now)
            return
        # a stall of the machine bunches sends and looks like a lower limit than there is: no refusal
        # more than halves the rate, and what was good before is forgotten only bit by bit
        through = max(self._let_through(now), self._rate / 2)
        self._good = through if self._is_ramping else max(through, 0.9 * self._good)
        self._rate = max(0.5, 0.7 * self._good, min(self._rate, _BACK_OFF * through))
        self._hold = max(self._hold, now + (_FIRST_HOLD_S if self._is_ramping else _HOLD_S))
        self._next = self._hold
        self._is_ramping = False
        self._backed_off = now

    def _back_off_again(self, now: float) -> None:
        """Follow a limit that showed itself late, as one with an allowance for bursts does.

        What was let through before the first refusal was the allowance; what is let through after it is
        the limit.
        """
        lasted = now - max(self._backed_off, self._hold)
        refused = sum(at > self._hold + _SETTLE_S for at in self._refused)
        if lasted < _SETTLE_S + _LOOK_S or refused < _MANY_REFUSALS:
            return
        sent = sum(at > self._hold + _SETTLE_S for at in self._sent)
        through = (sent - refused) / (lasted - _SETTLE_S)
        self._rate = max(0.5, 0.6 * self._rate, min(self._rate, _BACK_OFF * through))
        self._good = self._rate
        self._hold = now + _HOLD_S
        self._next = self._hold

    def _let_through(self, now: float) -> float:
        for events in (self._sent, self._refused):
            while events and events[0] < now - _WINDOW_S:
                events.popleft()
        return max(1.0, (len(self._sent) - len(self._refused)) / _WINDOW_S)

    def _refill(self) -> None:
        now = self._clock()
        if self._tokens_per_s:
            self._tokens = min(self._tokens_per_s, self._tokens + (now - self._refilled) * self._tokens_per_s)
        self._refilled = now
        while len(self._sent) > 4 * UNPACED_PER_S:
            self._sent.popleft()
