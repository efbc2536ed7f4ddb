"""One way to measure all stages: sides in processes of their own, on the same bytes, in both orders.

A side is a function that is given strings, imports and warms what it needs, and returns the work; only the
work is timed. `python -m benchmarks.frame MODULE:FUNCTION [ARGUMENT...]` runs one side once and prints its
figures as one line of JSON: wall seconds, CPU seconds (with those of finished child processes), peak memory,
and what the work itself reports.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Work = Callable[[], Mapping[str, Any] | None]
MIN_ROUNDS = 2
"""One round has one order only."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the ways that are compared.

    Attributes:
        name: what the table calls it.
        target: `module:function` that returns the work.
        arguments: passed to the function.
        environment: set for the process.
    """

    name: str
    target: str
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one comparison gave.

    Attributes:
        stage: which row of the table it belongs to.
        size: what was worked on.
        metric: which figure is compared, such as `cpu_s`.
        runs: every run's figures, side by side name.
        reach: the goal in words.
        holds: whether the goal is reached; None where this size or machine cannot say.
        note: what a reader must know to judge the figure.
    """

    stage: str
    size: str
    metric: str
    runs: Mapping[str, Sequence[Mapping[str, Any]]]
    reach: str = ""
    holds: bool | None = None
    note: str = ""

    def median(self, side: str, metric: str = "") -> float:
        """Median of a figure over a side's runs."""
        return statistics.median(run[metric or self.metric] for run in self.runs[side])

    def ratio(self, side: str, peer: str, metric: str = "") -> float:
        """How many times the side's figure is the peer's."""
        return self.median(side, metric) / self.median(peer, metric)

    def as_dict(self) -> dict[str, Any]:
        """For the JSON file: the raw runs beside their medians."""
        numbers = {
            side: {
                key: round(statistics.median(run[key] for run in runs), 4)
                for key, value in runs[0].items()
                if isinstance(value, int | float) and not isinstance(value, bool)
            }
            for side, runs in self.runs.items()
        }
        return {
            "stage": self.stage,
            "size": self.size,
            "metric": self.metric,
            "rounds": min((len(runs) for runs in self.runs.values()), default=0),
            "median": numbers,
            "reach": self.reach,
            "holds": self.holds,
            "note": self.note,
            "runs": {side: list(runs) for side, runs in self.runs.items()},
        }


def skip(stage: str, why: str, reach: str = "") -> Measurement:
    """A row that says why there is no figure."""
    return Measurement(stage, "not measured", "wall_s", {}, reach, None, why)


def run_side(side: Side) -> dict[str, Any]:
    """Run a side once in a process of its own.

    Raises:
        subprocess.CalledProcessError: the side failed; what it wrote to stderr stands above.
    """
    command = [sys.executable, "-m", "benchmarks.frame", side.target, *side.arguments]
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, **side.environment}
    )
    return json.loads(done.stdout.splitlines()[-1])


def alternate(sides: Sequence[Side], rounds: int) -> dict[str, list[dict[str, Any]]]:
    """Run all sides `rounds` times, each round in the other order."""
    runs: dict[str, list[dict[str, Any]]] = {side.name: [] for side in sides}
    for number in range(rounds):
        for side in sides if number % 2 == 0 else reversed(sides):
            print(f"  round {number + 1}/{rounds}: {side.name}", file=sys.stderr, flush=True)
            runs[side.name].append(run_side(side))
    return runs


def time_work(work: Work) -> dict[str, Any]:
    """Run the work and return its figures; what it reports of itself wins."""
    wall, cpu = time.perf_counter(), _cpu_seconds()
    said = work()
    figures = {"wall_s": time.perf_counter() - wall, "cpu_s": _cpu_seconds() - cpu}
    figures["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {name: round(value, 4) for name, value in figures.items()} | dict(said or {})


def _cpu_seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def main() -> None:
    """Run one side once."""
    module, _, function = sys.argv[1].partition(":")
    work: Work = getattr(importlib.import_module(module), function)(*sys.argv[2:])
    print(json.dumps(time_work(work)))


if __name__ == "__main__":
    main()
