"""The four questions a maintainer asks before approving, answered from the release's own documents."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.report.gate_rows import GateTable, Mood
from tasks.report.inputs import ReportInputs
from tasks.report.proof import Proof
from tasks.report.readings import Readings
from tasks.report.sections import read_changes


@dataclass(frozen=True, slots=True)
class Verdict:
    """One question and its answer."""

    ask: str
    answer: str
    why: str
    mood: Mood


def read_verdicts(inputs: ReportInputs, readings: Readings, gate: GateTable, proof: Proof) -> list[Verdict]:
    """Return the answers: gate, privacy, changes, labels."""
    return [_gate(gate), _privacy(inputs, proof), _change(inputs), _labels(inputs, readings)]


def _gate(gate: GateTable) -> Verdict:
    ask = "May it be published?"
    if not gate.n_checks:
        return Verdict(ask, "Not judged", "No gate result came with this release.", "warn")
    if gate.n_failed:
        return Verdict(ask, f"No: {_plural(gate.n_failed, 'check')} failed", gate.words, "bad")
    if gate.n_warned:
        return Verdict(ask, f"Yes, with {_plural(gate.n_warned, 'warning')}", gate.words, "warn")
    return Verdict(ask, "Yes: the gate passed", gate.words, "good")


def _privacy(inputs: ReportInputs, proof: Proof) -> Verdict:
    ask = "Is everybody’s identity safe?"
    if not proof.measures:
        return Verdict(ask, "Not measured", f"Policy {inputs.policy}; no figure came with it.", "warn")
    worst = [m for m in proof.measures if m.mood == proof.mood]
    answer = {
        "good": "Every privacy check holds",
        "warn": f"Look at: {worst[0].label.lower()}",
        "bad": f"No: {worst[0].label.lower()}",
        "plain": "",
    }[proof.mood]
    why = ", ".join(m.short for m in proof.measures)
    return Verdict(ask, answer, f"{why[0].upper()}{why[1:]}.", proof.mood)


def _change(inputs: ReportInputs) -> Verdict:
    ask = "What changes?"
    if inputs.parent_version is None:
        return Verdict(ask, "First release", "There is nothing to compare it with.", "plain")
    row = next((r for r in read_changes(inputs.changes) if r.table == "conversations"), None)
    if row is None or not (row.added or row.removed or row.changed):
        return Verdict(ask, "No conversation", f"All are as in {inputs.parent_version}.", "plain")
    return Verdict(
        ask,
        f"+{row.added:,} −{row.removed:,} conversations",
        f"{row.changed:,} changed, {row.unchanged:,} are as in {inputs.parent_version}.",
        "plain",
    )


def _labels(inputs: ReportInputs, readings: Readings) -> Verdict:
    usd = float(inputs.cost.get("usd", 0.0) or 0.0)
    rows = readings.stats.labelling.provenance
    total = sum(r.n or 0 for r in rows)
    by_source = {s: sum(r.n or 0 for r in rows if r.source == s) for s in ("human", "export", "model")}
    words = {"human": "by people", "export": "came with the export", "model": "by models"}
    parts = [f"{n:,} {words[s]}" for s, n in by_source.items() if n]
    return Verdict(
        "Where do labels come from, at what cost?",
        f"{total:,} labels {f'for {usd:,.2f} USD' if usd else 'at no cost'}",
        f"{', '.join(parts)}." if parts else "No labels in this release.",
        "plain",
    )


def _plural(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
