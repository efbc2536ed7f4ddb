"""The privacy document in words: what was measured, with what outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tasks.report.gate_rows import Mood
from tasks.report.sections import flatten, number_text

_SHOWN = (
    "policy", "redactions", "redactions_by_type", "redactions_by_recognizer", "attributes", "class_sizes",
    "n_levels", "is_satisfied", "k", "k_required", "k_achieved", "smallest_group", "sensitive",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Measure:
    """One measured privacy figure; `short` is how a summary names it with its value."""

    label: str
    value: str
    note: str
    mood: Mood
    short: str


@dataclass(frozen=True, slots=True)
class ProofTable:
    """Counts of one kind."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Proof:
    """The figures that decide, the counts behind them, and everything else that was recorded."""

    measures: tuple[Measure, ...]
    tables: tuple[ProofTable, ...]
    rest: tuple[tuple[str, str], ...]

    @property
    def mood(self) -> Mood:
        """The worst of the figures; a warning where none was measured."""
        moods = {m.mood for m in self.measures}
        order: tuple[Mood, ...] = ("bad", "warn", "good")
        for mood in order:
            if mood in moods:
                return mood
        return "warn"


def read_proof(privacy: Mapping[str, Any]) -> Proof:
    """Read `privacy.json`; an empty document gives no figures.

    Args:
        privacy: `k_margin`, `canary` and `second_scan` are shown as figures, the rest as a list.
    """
    found = [_group_size(privacy), *_canaries(privacy), _second_scan(privacy)]
    used = {"k_margin", "canary", "second_scan"}
    tables = (_planted(privacy), _attributes(privacy), _group_sizes(privacy), _sensitive(privacy))
    return Proof(
        tuple(m for m in found if m is not None),
        tuple(t for t in tables if t is not None),
        tuple(flatten(privacy, skip={*used, *_SHOWN})),
    )


def _planted(privacy: Mapping[str, Any]) -> ProofTable | None:
    rows: list[tuple[str, ...]] = []
    for kind, found in _mapping(_mapping(privacy.get("canary")).get("by_type")).items():
        recall, low, high = (_mapping(found).get(key) for key in ("recall", "recall_low", "recall_high"))
        rows.append(
            (
                str(kind) if len(str(kind)) <= 4 else str(kind).replace("_", " ").capitalize(),
                *(number_text(_mapping(found).get(key, 0)) for key in ("n_planted", "n_masked")),
                _percent(recall) if isinstance(recall, int | float) else "–",
                f"{_percent(low)}–{_percent(high)}"
                if isinstance(low, int | float) and isinstance(high, int | float)
                else "–",
            )
        )
    columns = ("Type", "Planted", "Found", "Recall", "95 % interval")
    return ProofTable("Planted before scrubbing, found after", columns, tuple(rows)) if rows else None


def _attributes(privacy: Mapping[str, Any]) -> ProofTable | None:
    keys = ("n_answered", "n_generalised", "n_suppressed")
    rows = tuple(
        (str(name).replace("_", " "), *(number_text(_mapping(counts).get(key, 0)) for key in keys))
        for name, counts in _mapping(privacy.get("attributes")).items()
    )
    columns = ("Attribute", "Answered", "Generalised", "Held back")
    return ProofTable("What was done to attributes", columns, rows) if rows else None


def _group_sizes(privacy: Mapping[str, Any]) -> ProofTable | None:
    rows: list[tuple[str, ...]] = []
    for size in privacy.get("class_sizes") or ():
        low, high = size.get("from"), size.get("to")
        if size.get("n_classes"):
            span = f"{low} or more" if high is None else f"{low}" if low == high else f"{low} to {high}"
            rows.append((span, number_text(size["n_classes"]), number_text(size.get("n_participants", 0))))
    columns = ("Participants who share it", "Combinations", "Participants")
    return ProofTable("How many share a combination of attributes", columns, tuple(rows)) if rows else None


def _sensitive(privacy: Mapping[str, Any]) -> ProofTable | None:
    found = _mapping(privacy.get("sensitive"))
    rows = tuple(
        (str(kind).replace("_", " "), "held back" if n is None else number_text(n))
        for kind, n in found.items()
    )
    return ProofTable("Flagged as sensitive", ("Kind", "Messages"), rows) if rows else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _group_size(privacy: Mapping[str, Any]) -> Measure | None:
    margin = privacy.get("k_margin")
    if not isinstance(margin, int | float):
        return None
    wanted = privacy.get("k_required", privacy.get("k"))
    note = "participants at least share every combination of attributes"
    smallest = privacy.get("k_achieved", privacy.get("smallest_group"))
    if smallest is None and isinstance(wanted, int | float):
        smallest = wanted + margin
    value = f"{margin:+g} to the limit" if smallest is None else number_text(smallest)
    if wanted is not None:
        note += f"; {number_text(wanted)} are asked for"
    mood: Mood = "good" if margin >= 0 else "bad"
    if margin < 0 and privacy.get("policy") == "as-published":
        note += " of new data. The survey is public as it is, so nothing was held back"
        mood = "warn"
    return Measure("Smallest group", value, note, mood, f"groups of {value} or more")


def _canaries(privacy: Mapping[str, Any]) -> list[Measure]:
    canary = _mapping(privacy.get("canary"))
    measures: list[Measure] = []
    structured = canary.get("structured_recall")
    if isinstance(structured, int | float):
        measures.append(
            Measure(
                "Planted addresses, numbers and keys found",
                _percent(structured),
                _of(canary, "structured"),
                "good" if structured >= 1 else "bad",
                f"{_percent(structured)} of planted addresses and numbers found",
            )
        )
    low = canary.get("names_recall_low")
    names = canary.get("names_recall", low)
    if isinstance(names, int | float):
        bounds = ""
        if isinstance(low, int | float):
            high = canary.get("names_recall_high")
            bounds = f"95 % interval from {_percent(low)}" + (
                f" to {_percent(high)}" if isinstance(high, int | float) else ""
            )
        parts = [text for text in (bounds, _of(canary, "names")) if text]
        is_good = isinstance(low, int | float) and low >= 0.8
        measures.append(
            Measure(
                "Planted names found",
                _percent(names),
                "; ".join(parts),
                "good" if is_good else "warn",
                f"{_percent(names)} of planted names found",
            )
        )
    return measures


def _of(canary: Mapping[str, Any], kind: str) -> str:
    n = canary.get(f"{kind}_n", canary.get(f"n_{kind}"))
    return f"{number_text(n)} were planted" if isinstance(n, int) else ""


def _second_scan(privacy: Mapping[str, Any]) -> Measure | None:
    hits = _mapping(privacy.get("second_scan")).get("hits")
    if not isinstance(hits, int):
        return None
    return Measure(
        "Left for an independent scan",
        number_text(hits),
        "hits in the built files" if hits else "hits: it found nothing in the built files",
        "good" if hits == 0 else "bad",
        f"{number_text(hits)} left for a second scan",
    )


def _percent(share: float) -> str:
    # what is not all is never rounded up to all
    shown = f"{min(share * 100, 99.9):.1f}".removesuffix(".0")
    return "100 %" if share >= 1 else f"{shown} %"
