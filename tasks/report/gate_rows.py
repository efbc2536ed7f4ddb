"""The gate's document as rows of a table: what failed, what warns, what passed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tasks.report.sections import number_text

Mood = Literal["good", "warn", "bad", "plain"]


@dataclass(frozen=True, slots=True)
class GateRow:
    """One check: its metric now and before, the outcome, and why in words."""

    name: str
    now: str
    before: str
    result: str
    why: str
    mood: Mood


@dataclass(frozen=True, slots=True)
class GateTable:
    """All checks of a release.

    Attributes:
        open: what a person must look at: failures first, then warnings.
        settled: passed checks and those with nothing to judge.
        words: the outcome in one sentence.
        note: what the gate adds, such as that this is a first release.
        n_failed: critical checks that failed.
        n_warned: other checks that failed.
    """

    open: tuple[GateRow, ...]
    settled: tuple[GateRow, ...]
    words: str
    note: str
    n_failed: int
    n_warned: int

    @property
    def n_checks(self) -> int:
        """Checks in all."""
        return len(self.open) + len(self.settled)


def read_gate(gate: Mapping[str, Any]) -> GateTable:
    """Read `gate.json`; an empty document gives no rows."""
    rows = [_row(check) for check in gate.get("checks", ())]
    rank = {"bad": 0, "warn": 1, "good": 2, "plain": 3}
    rows.sort(key=lambda r: (rank[r.mood], r.name))
    failed, warned, skipped = (sum(r.mood == mood for r in rows) for mood in ("bad", "warn", "plain"))
    passed = len(rows) - failed - warned - skipped
    parts = [f"{passed} of {len(rows)} checks passed"]
    if failed:
        parts.append(f"{failed} failed")
    if warned:
        parts.append(f"{warned} with a warning")
    if skipped:
        parts.append(f"{skipped} had nothing to judge")
    words = f"{', '.join(parts)}."
    return GateTable(
        tuple(r for r in rows if r.mood in {"bad", "warn"}),
        tuple(r for r in rows if r.mood in {"good", "plain"}),
        words,
        str(gate.get("note") or ""),
        failed,
        warned,
    )


def _row(check: Mapping[str, Any]) -> GateRow:
    status = str(check.get("status", "skipped"))
    is_critical = check.get("severity") == "critical"
    mood: Mood = "good" if status == "passed" else "plain"
    if status == "failed":
        mood = "bad" if is_critical else "warn"
    result = {"good": "passed", "bad": "failed", "warn": "warning", "plain": "nothing to judge"}[mood]
    name = str(check.get("name", ""))
    return GateRow(
        name=name.replace("_", " "),
        now=_number(check.get("current")),
        before=_number(check.get("previous")),
        result=result,
        why=str(check.get("why") or ""),
        mood=mood,
    )


def _number(value: Any) -> str:
    return "–" if value is None else number_text(value)
