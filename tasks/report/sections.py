"""What stands in each section of the page besides figures, in words and rows, ready to print."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from tasks.report.inputs import ReportInputs
from tasks.report.readings import Readings

TILES = (
    ("participants", "Participants", ""),
    ("conversations", "Conversations", ""),
    ("messages", "Messages", "both roles"),
    ("user_messages", "User messages", "user turns"),
    ("thoughts", "Thoughts", "reasons and reactions"),
    ("reasons", "Reasons", "on user messages"),
    ("reactions", "Reactions", "on answers"),
    ("models", "Chatbot models", ""),
)


@dataclass(frozen=True, slots=True)
class Tile:
    """One headline count."""

    label: str
    value: str
    note: str


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """Row accounting of one table against the last release."""

    table: str
    before: int
    added: int
    removed: int
    changed: int
    unchanged: int
    now: int


@dataclass(frozen=True, slots=True)
class FunnelStep:
    """One stage for one kind of row; `width` is the kept share of what came in first, in percent."""

    stage: str
    n_in: int
    n_out: int
    n_quarantined: int
    n_removed: int
    width: float


@dataclass(frozen=True, slots=True)
class Move:
    """How the share of a label moved, in percentage points."""

    facet: str
    label: str
    before: float
    now: float

    @property
    def points(self) -> float:
        """Difference in percentage points."""
        return (self.now - self.before) * 100


def read_tiles(readings: Readings) -> list[Tile]:
    """Return the headline counts, each with its difference to the last release."""
    now = readings.stats.counts.model_dump()
    before = readings.parent.counts.model_dump() if readings.parent else {}
    tiles: list[Tile] = []
    for key, label, note in TILES:
        parts = [note] if note else []
        if key == "models" and any("(withheld)" in m.model_name for m in readings.stats.models):
            parts.append("names as released, coarsened ones counted once")
        if key in before:
            parts.append(signed(now[key] - before[key], f"since {readings.parent_version}"))
        tiles.append(Tile(label, f"{now[key]:,}", " · ".join(parts)))
    return tiles


def signed(difference: int, suffix: str) -> str:
    """Format a difference of counts: `+61 since v1.0.0`; `unchanged` for none."""
    return "unchanged" if difference == 0 else f"{difference:+,} {suffix}".replace("-", "−")


def read_changes(changes: pl.DataFrame) -> list[ChangeRow]:
    """Return the row accounting of every table in `changes`, labels left out."""
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in changes.filter(~pl.col("scope").str.starts_with("labels.")).iter_rows(named=True):
        counts[row["scope"]][row["change"]] += row["n_rows"]
    rows: list[ChangeRow] = []
    for table, n in counts.items():
        kept = n["changed"] + n["unchanged"]
        rows.append(
            ChangeRow(
                table,
                kept + n["removed"],
                n["added"],
                n["removed"],
                n["changed"],
                n["unchanged"],
                kept + n["added"],
            )
        )
    order = ("participants", "conversations", "messages", "thoughts", "labels")
    rows.sort(key=lambda r: (order.index(r.table) if r.table in order else 9, r.table))
    return rows


def read_reasons(changes: pl.DataFrame) -> list[tuple[str, str, int]]:
    """Return why conversations were changed or removed: kind, reason, count."""
    found = changes.filter(
        (pl.col("scope") == "conversations")
        & pl.col("change").is_in(["changed", "removed"])
        & (pl.col("reason") != "")
    )
    ordered = found.sort(["change", "n_rows", "reason"], descending=[False, True, False])
    return list(ordered.select("change", "reason", "n_rows").iter_rows())


def read_label_flows(inputs: ReportInputs, *, most: int = 12) -> list[tuple[str, str, str, int]]:
    """Return the largest label changes: facet, old name, new name, count.

    Labels of new and of removed items are no changes; the row accounting holds them.
    """
    names = {(f, n.id): n.name for f, nodes in inputs.taxonomies.items() for n in nodes}
    rows = inputs.changes.filter(
        pl.col("scope").str.starts_with("labels.")
        & (pl.col("from_value") != pl.col("to_value"))
        & (pl.col("from_value") != "")
        & (pl.col("to_value") != "")
    ).sort(["n_rows", "scope", "from_value", "to_value"], descending=[True, False, False, False])
    out: list[tuple[str, str, str, int]] = []
    for row in rows.head(most).iter_rows(named=True):
        facet = row["scope"].removeprefix("labels.")
        before, after = (names.get((facet, row[c]), row[c]) or "none" for c in ("from_value", "to_value"))
        out.append((facet, before, after, row["n_rows"]))
    return out


def read_moves(readings: Readings, *, most: int = 8) -> list[Move]:
    """Return the labels whose share moved most since the last release."""
    stats, moves = readings.stats, list[Move]()
    for facet, path, rows in (
        ("Topic", "topics.domains", stats.topics.domains),
        ("Relationship", "relationships.with_first", stats.relationships.with_first),
        ("Reason", "reasons.labels", stats.reasons.labels),
        ("Reaction", "reactions.labels", stats.reactions.labels),
    ):
        before = readings.parent_shares(path)
        moves += [
            Move(facet, row.name, before[row.value], row.share)
            for row in rows
            if row.share is not None and row.value in before and abs(row.share - before[row.value]) >= 0.0005
        ]
    return sorted(moves, key=lambda m: (-abs(m.points), m.facet, m.label))[:most]


def read_funnel(funnel: pl.DataFrame) -> dict[str, list[FunnelStep]]:
    """Return the stages of each kind of row, conversations first."""
    steps: dict[str, list[FunnelStep]] = {}
    order = ("conversations", "messages", "thoughts", "participants")
    present = [t for t in order if t in set(funnel["table_name"].to_list())]
    for table in present:
        rows = funnel.filter(pl.col("table_name") == table).to_dicts()
        first = max(rows[0]["n_in"], 1)
        steps[table] = [
            FunnelStep(
                r["stage"],
                r["n_in"],
                r["n_out"],
                r["n_quarantined"],
                r["n_removed"],
                100 * r["n_out"] / first,
            )
            for r in rows
        ]
    return steps


def flatten(document: Mapping[str, Any], *, skip: Iterable[str] = ()) -> list[tuple[str, str]]:
    """Return a nested document as rows of name and value, for parts that have no layout of their own.

    Lists of objects are left out: they need a table.
    """
    rows: list[tuple[str, str]] = []
    left_out = set(skip)
    for key, value in document.items():
        if key in left_out or value is None or value == "":
            continue
        name = key.removeprefix("n_").replace("_", " ")
        if isinstance(value, Mapping):
            rows += [(f"{name}: {inner}", text) for inner, text in flatten(value)]
        elif isinstance(value, list | tuple):
            if value and not any(isinstance(v, Mapping) for v in value):
                rows.append((name, ", ".join(str(v) for v in value)))
        else:
            rows.append((name, number_text(value)))
    return rows


def read_cost(cost: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Name the parts of the cost for a reader; nothing where no provider was called and nothing was paid."""
    names = {"usd": "USD", "memo hits": "answers from the memo", "calls": "calls of a provider"}
    rows = [(names.get(name, name), text) for name, text in flatten(cost, skip=("facets",))]
    return [] if all(text in {"0", "no"} for _, text in rows) else rows


def number_text(value: Any) -> str:
    """Format a value: thousands separated, four significant digits, yes and no."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if value.is_integer() and abs(value) >= 10 else f"{value:.4g}"
    return str(value)
