"""How many inputs a fuzz test tries: a few in the ordinary tests, its share of `FUZZ_INPUTS` by `make fuzz`."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.core import given
from hypothesis.strategies import SearchStrategy

T = TypeVar("T")
TOTAL = int(os.environ.get("FUZZ_INPUTS", "0"))
SEED = int(os.environ.get("FUZZ_SEED", "20260601"))
FEW = 60
VARIATIONS = 9 if TOTAL else 1


def share(percent: int) -> int:
    """Inputs for a test that takes this much of the budget."""
    return TOTAL * percent // 100 if TOTAL else FEW


def try_many(
    percent: int,
    check: Callable[[T], None],
    inputs: SearchStrategy[T],
    vary: Callable[[T, random.Random], T],
    record: Callable[[str, Any], None],
) -> None:
    """Call a check with as many inputs as its share allows, always the same ones, and count the calls.

    Drawing an input takes Hypothesis several milliseconds, more than most checks; so each one that it draws
    is tried in a few variations, too, which depend on nothing but the input.
    """
    n_calls, began = 0, time.process_time()

    def count(value: T) -> None:
        nonlocal n_calls
        rng = random.Random(repr(value))
        n_calls += 1
        check(value)
        for _ in range(VARIATIONS):
            varied = vary(value, rng)
            n_calls += 1
            try:
                check(varied)
            except BaseException as error:
                error.add_note(f"fuzz input, a variation: {varied!r}")
                raise

    number = 0
    while (left := share(percent) - n_calls) > 0:
        # Hypothesis remembers every input of a run, so a million of them is many runs
        block = settings(
            max_examples=min(-(-left // (VARIATIONS + 1)), 20_000),
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate, Phase.shrink),
        )
        before = n_calls
        seed(SEED + number)(block(given(inputs)(count)))()
        if n_calls == before:
            break
        number += 1
    record("inputs", n_calls)
    record("cpu_s", time.process_time() - began)


def vary_by(pieces: Sequence[Any], anything: Callable[[random.Random], Any]) -> Callable[..., Any]:
    """Return what cuts a text, bytes or a list at up to three places and puts a piece or anything there."""

    def vary(value: Any, rng: random.Random) -> Any:
        for _ in range(rng.randint(1, 3)):
            at, gone = rng.randint(0, len(value)), rng.choice((0, 0, 1, 7, 90))
            piece = rng.choice(pieces) if rng.random() < 0.8 else anything(rng)
            value = value[:at] + piece + value[at + gone :]
        return value

    return vary


def any_character(rng: random.Random) -> str:
    """A character, of the first plane mostly."""
    return chr(rng.randrange(0x110000 if rng.random() < 0.2 else 0x3000))
