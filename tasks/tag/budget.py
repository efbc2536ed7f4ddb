"""Money: reserved before a call is sent, settled when its price is known."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache


class Budget:
    """A hard limit in USD, shared by any number of workers and threads.

    Args:
        limit_usd: what may be spent; 0 allows calls that cost nothing.
    """

    def __init__(self, limit_usd: float) -> None:
        self._limit = limit_usd
        self._spent = 0.0
        self._reserved = 0.0
        self._lock = threading.Lock()

    @property
    def spent_usd(self) -> float:
        """What settled calls have cost."""
        return self._spent

    def reserve(self, usd: float) -> bool:
        """Set aside the most that a call can cost; False when the limit would not allow it."""
        with self._lock:
            if usd > 0 and self._spent + self._reserved + usd > self._limit:
                return False
            self._reserved += usd
            return True

    def settle(self, reserved_usd: float, paid_usd: float) -> None:
        """Replace a reservation by what was paid."""
        with self._lock:
            self._reserved -= reserved_usd
            self._spent += paid_usd


@lru_cache(maxsize=8)
def share_budget(started_at: datetime, limit_usd: float) -> Budget:
    """Return the one budget of a run, so that shards worked on side by side spend it together.

    Shards on other machines have their own: there the limit holds for each worker process.
    """
    del started_at
    return Budget(limit_usd)


@dataclass(slots=True)
class CostLine:
    """What one model cost in one facet."""

    calls: int = 0
    memo_hits: int = 0
    refused: int = 0
    repairs: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    usd: float = 0.0


@dataclass(slots=True)
class Ledger:
    """Facet to model to its costs."""

    lines: dict[str, dict[str, CostLine]] = field(default_factory=dict[str, dict[str, CostLine]])

    def line(self, facet: str, model: str) -> CostLine:
        """Return the line of a facet and model, opened when first asked for."""
        return self.lines.setdefault(facet, {}).setdefault(model, CostLine())

    def as_dict(self) -> dict[str, dict[str, dict[str, float]]]:
        """Return plain numbers: facet to model to calls, memo hits, refusals, repairs, tokens, USD."""
        return {
            facet: {model: _as_numbers(line) for model, line in sorted(models.items())}
            for facet, models in sorted(self.lines.items())
        }

    def sum_by_model(self) -> dict[str, dict[str, float]]:
        """Return plain numbers of each model over all facets."""
        total = Ledger()
        for models in self.as_dict().values():
            total.add({"": models})
        return total.as_dict().get("", {})

    def add(self, other: Mapping[str, Mapping[str, Mapping[str, float]]]) -> None:
        """Add the costs of another part of the same run."""
        for facet, models in other.items():
            for model, numbers in models.items():
                line = self.line(facet, model)
                for name, value in numbers.items():
                    setattr(line, name, getattr(line, name) + value)


def _as_numbers(line: CostLine) -> dict[str, float]:
    return {
        "calls": line.calls,
        "memo_hits": line.memo_hits,
        "refused": line.refused,
        "repairs": line.repairs,
        "input_tokens": line.input_tokens,
        "output_tokens": line.output_tokens,
        "usd": round(line.usd, 6),
    }
