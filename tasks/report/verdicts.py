"""The four questions a maintainer asks before approving, answered from the release's own documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tasks.report.inputs import ReportInputs
from tasks.report.readings import Readings
from tasks.report.sections import number_text, read_changes

Mood = Literal["good", "warn", "bad", "plain"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """One question and its answer."""

    ask: str
    answer: str
    why: str
    mood: Mood


@dataclass(frozen=True, slots=True)
class GateRow:
    """One check of the gate."""

    name: str
    observed: str
    allowed: str
    severity: str
    result: str
    mood: Mood


@dataclass(frozen=True, slots=True)
class Gate:
    """All checks, failures first, and the outcome in words."""

    rows: tuple[GateRow, ...]
    words: str
    n_failed: int
    n_warned: int


def read_gate(gate: Mapping[str, Any]) -> Gate:
    """Read `gate.json`; an empty document gives no rows."""
    rows: list[GateRow] = []
    for check in gate.get("checks", ()):
        passed = bool(check.get("success", check.get("passed", False)))
        severity = str(check.get("severity", "critical"))
        is_critical = severity == "critical"
        rows.append(
            GateRow(
                name=str(check.get("title") or check.get("name") or check.get("metric", "")).replace(
                    "_", " "
                ),
                observed="–" if check.get("observed") is None else number_text(check["observed"]),
                allowed=_band(check.get("low", check.get("min")), check.get("high", check.get("max"))),
                severity=severity,
                result="passed" if passed else "failed" if is_critical else "warning",
                mood="good" if passed else "bad" if is_critical else "warn",
            )
        )
    rank = {"bad": 0, "warn": 1, "good": 2, "plain": 3}
    rows.sort(key=lambda r: (rank[r.mood], r.name))
    failed, warned = (sum(r.mood == m for r in rows) for m in ("bad", "warn"))
    words = (
        f"{len(rows)} checks: {failed} failed, {warned} with a warning, {len(rows) - failed - warned} passed."
    )
    return Gate(tuple(rows), words, failed, warned)


def _band(low: Any, high: Any) -> str:
    if low is None and high is None:
        return "–"
    if low is None:
        return f"≤ {number_text(high)}"
    if high is None:
        return f"≥ {number_text(low)}"
    return number_text(low) if low == high else f"{number_text(low)} to {number_text(high)}"


def read_verdicts(inputs: ReportInputs, readings: Readings) -> list[Verdict]:
    """Return the answers: gate, privacy, changes, cost."""
    return [_gate(inputs), _privacy(inputs), _change(inputs), _labels(inputs, readings)]


def _gate(inputs: ReportInputs) -> Verdict:
    ask, gate = "May it be published?", read_gate(inputs.gate)
    if not gate.rows:
        return Verdict(ask, "Not judged", "No gate result came with this release.", "warn")
    if gate.n_failed:
        return Verdict(ask, f"No: {gate.n_failed} checks failed", gate.words, "bad")
    if gate.n_warned:
        return Verdict(ask, f"Yes, with {gate.n_warned} warnings", gate.words, "warn")
    return Verdict(ask, "Yes: the gate passed", gate.words, "good")


def _privacy(inputs: ReportInputs) -> Verdict:
    ask = "Can nobody’s identity leak?"
    found = inputs.privacy
    if not found:
        return Verdict(ask, "Not measured", "No privacy numbers came with this release.", "warn")
    why = [f"policy {inputs.policy}"]
    return Verdict(ask, "See the privacy numbers", " · ".join(why), "plain")


def _change(inputs: ReportInputs) -> Verdict:
    ask = "What changes?"
    if inputs.parent_version is None:
        return Verdict(ask, "First release", "Nothing to compare with.", "plain")
    row = next((r for r in read_changes(inputs.changes) if r.table == "conversations"), None)
    if row is None or not (row.added or row.removed or row.changed):
        return Verdict(ask, "No conversation", f"against {inputs.parent_version}", "plain")
    return Verdict(
        ask,
        f"+{row.added:,} −{row.removed:,} conversations",
        f"{row.changed:,} changed, {row.unchanged:,} as in {inputs.parent_version}",
        "plain",
    )


def _labels(inputs: ReportInputs, readings: Readings) -> Verdict:
    ask = "What did the labels cost?"
    usd = float(inputs.cost.get("cost_usd", inputs.provenance.get("cost_usd", 0.0)) or 0.0)
    n = readings.stats.counts.labels
    return Verdict(ask, f"{usd:,.2f} USD", f"{n:,} labels in this release", "plain")
