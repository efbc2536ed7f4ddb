"""How many inputs a fuzz test tries: a few in the ordinary tests, its share of `FUZZ_INPUTS` by `make fuzz`."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.core import given
from hypothesis.strategies import SearchStrategy

TOTAL = int(os.environ.get("FUZZ_INPUTS", "0"))
SEED = int(os.environ.get("FUZZ_SEED", "20260601"))
FEW = 60


def share(percent: int) -> int:
    """Inputs for a test that takes this much of the budget."""
    return TOTAL * percent // 100 if TOTAL else FEW


def try_many(
    percent: int,
    check: Callable[[Any], None],
    inputs: SearchStrategy[Any],
    record: Callable[[str, int], None],
) -> None:
    """Call a check with as many inputs as its share allows, always the same ones, and count the calls."""
    n_calls = 0

    def count(value: Any) -> None:
        nonlocal n_calls
        n_calls += 1
        check(value)

    left, number = share(percent), 0
    while left > 0:
        # Hypothesis remembers every input of a run, so a million of them is many runs
        block = settings(
            max_examples=min(left, 20_000),
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate, Phase.shrink),
        )
        before = n_calls
        seed(SEED + number)(block(given(inputs)(count)))()
        if n_calls == before:
            break
        left -= min(left, 20_000)
        number += 1
    record("inputs", n_calls)
