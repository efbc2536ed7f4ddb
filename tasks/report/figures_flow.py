"""Figures of movement: where a conversation goes from one user message to the next."""

from __future__ import annotations

from collections import defaultdict

from schemas.stats import Flow
from tasks.report.alluvial import Column, Node, Ribbon, draw_alluvial
from tasks.report.bars import HELD_BACK, percent
from tasks.report.figures import Figure, empty_figure
from tasks.report.matrix import draw_matrix
from tasks.report.readings import Readings

END = "(end)"
HELD = "(held back)"
_COLOURS = {
    "first_request": "slate",
    "extend_or_deepen": "green",
    "completely_new_request": "purple",
    "new_variation": "sky",
    "re_attempt": "amber",
}
_STEPS = ("1>2", "2>3", "3>4")


def flow_figure(readings: Readings) -> Figure:
    """Return the alluvial of user messages 1 to 4; ended conversations stay visible to the right."""
    part = readings.stats.relationships
    title = "From one user message to the next"
    by_step: dict[str, list[Flow]] = defaultdict(list)
    for row in part.turn_flow:
        if row.n:
            by_step[row.step].append(row)
    steps = [step for step in _STEPS if by_step.get(step)]
    if not steps:
        return empty_figure(
            "relationship-flow", "turns", title, "No labelled user messages to follow from turn to turn."
        )
    # the widest stream on top, so that few ribbons cross
    ranked = sorted(part.with_first, key=lambda row: (-(row.n or 0), row.value))
    names = {row.value: row.name for row in ranked}
    order = [*names, END]
    has_held = any(row.n is None for row in part.turn_flow)
    total = sum(row.n or 0 for row in by_step[steps[0]])
    if has_held:
        # what is held back is part of the whole: shares of what is left would be too large
        first = next((row.base for row in part.by_turn if row.group == "1" and row.base), None)
        total = max(total, first or readings.stats.counts.conversations)
    columns: list[Column] = []
    ribbons: list[Ribbon] = []
    ended: dict[str, int] = {}
    arrived: dict[str, int] = {}
    for index, step in enumerate(steps):
        sizes: dict[str, int] = defaultdict(int)
        for row in by_step[step]:
            sizes[row.from_value] += row.n or 0
        # flows that are held back are missing on one side: a bar is as tall as its fuller side
        for key, n in arrived.items():
            sizes[key] = max(sizes[key], n)
        arrived = _arrivals(by_step[step])
        columns.append(_column(f"User message {index + 1}", sizes, ended, names, order, total))
        carried = dict(ended)
        arriving = sum(row.n or 0 for row in by_step[step] if row.to_value == END)
        for row in by_step[step]:
            target = f"{END}{index + 1}" if row.to_value == END else row.to_value
            ribbons.append(
                Ribbon(index, row.from_value, target, (row.n or 0) / total, _colour(row.from_value))
            )
        for key, n in carried.items():
            ribbons.append(Ribbon(index, key, key, n / total, "ended"))
        if arriving:
            ended[f"{END}{index + 1}"] = arriving
    last: dict[str, int] = defaultdict(int)
    for row in by_step[steps[-1]]:
        if row.to_value != END:
            last[row.to_value] += row.n or 0
    columns.append(_column(f"User message {len(steps) + 1}", last, ended, names, order, total))
    if has_held:
        columns = [_with_rest(column) for column in columns]
    rank = {key: i for i, key in enumerate(order)}
    ribbons.sort(key=lambda r: (r.step, rank.get(r.source, 99), rank.get(r.target, 99), r.source, r.target))
    ends = [row.n for row in part.turn_flow if row.step == steps[0] and row.to_value == END]
    start = (
        f"How many of {total:,} conversations end after the first user message is held back"
        if None in ends
        else f"{percent(sum(n or 0 for n in ends) / total, digits=0)} of {total:,} conversations end after the "
        "first user message"
    )
    draws = len(ribbons) > 1
    return Figure(
        "relationship-flow",
        "turns",
        title,
        f"{start}; {'at least ' if has_held else ''}{percent(sum(last.values()) / total, digits=0)} have {len(steps) + 1} or more.",
        ("Width is the share of conversations. " if draws else "")
        + "A user message with no label ends no conversation; it is left out."
        + (" Small flows are held back to protect participants." if has_held else "")
        + ("" if draws else " One flow alone is large enough to show, so nothing is drawn."),
        ("Step", "From", "To", "Conversations", "Share of those from"),
        tuple(
            (
                f"{row.step.replace('>', ' → ')}",
                names.get(row.from_value, row.from_value),
                "Ended" if row.to_value == END else names.get(row.to_value, row.to_value),
                f"{row.n:,}",
                percent(row.share),
            )
            for step in steps
            for row in by_step[step]
        ),
        (),
        (lambda width: draw_alluvial(columns, ribbons, width=width)) if draws else None,
        is_small=not draws,
    )


def _with_rest(column: Column) -> Column:
    """The column with what cannot be shown of it as a state of its own."""
    rest = 1 - sum(node.share for node in column.nodes)
    if rest <= 0.0005:
        return column
    return Column(column.heading, (*column.nodes, Node(HELD, "Held back", rest, "grid")))


def _arrivals(flows: list[Flow]) -> dict[str, int]:
    found: dict[str, int] = defaultdict(int)
    for row in flows:
        if row.to_value != END:
            found[row.to_value] += row.n or 0
    return found


def _column(
    heading: str,
    sizes: dict[str, int],
    ended: dict[str, int],
    names: dict[str, str],
    order: list[str],
    total: int,
) -> Column:
    nodes = [
        Node(key, names.get(key, key), sizes[key] / total, _colour(key))
        for key in sorted(sizes, key=lambda k: (order.index(k) if k in order else 99, k))
    ]
    nodes += [
        Node(key, f"Ended after {key.removeprefix(END)}", n / total, "ended")
        for key, n in sorted(ended.items(), reverse=True)
    ]
    return Column(heading, tuple(nodes))


def _colour(value: str) -> str:
    return "ended" if value.startswith(END) else _COLOURS.get(value, "blue")


def transition_figure(readings: Readings) -> Figure:
    """Return the table of which relationship follows which, all turns together."""
    part = readings.stats.relationships
    title = "Which relationship follows which"
    flows = [row for row in part.transitions if row.n]
    held = {(row.from_value, row.to_value) for row in part.transitions if row.n is None}
    if not flows:
        return empty_figure(
            "relationship-transitions", "turns", title, "No pair of labelled user messages in this release."
        )
    names = {row.value: row.name for row in part.with_first} | {END: "(ends)"}
    cells = {(row.from_value, row.to_value): row.share for row in flows}
    known = [*names]
    best = max(flows, key=lambda row: row.n or 0)
    before = [v for v in known if any(f == v for f, _ in cells)]
    after = [v for v in known if any(t == v for f, t in (*cells, *held) if f in before)]
    shares = [[cells.get((f, t)) for t in after] for f in before]
    return Figure(
        "relationship-transitions",
        "turns",
        title,
        f"After {names[best.from_value]}, {percent(best.share, digits=0)} "
        + (
            "end the conversation." if best.to_value == END else f"of what follows is {names[best.to_value]}."
        ),
        "Rows: this user message; columns: the next one, or the end. Each row adds up to 100 %"
        + (", cells that are held back included." if held else "."),
        ("From", *(names[t] for t in after)),
        tuple(
            (names[f], *(HELD_BACK if (f, t) in held else percent(cells.get((f, t))) for t in after))
            for f in before
        ),
        (),
        lambda width: draw_matrix(
            [names[f] for f in before],
            [names[t] for t in after],
            shares,
            held_back=[[(f, t) in held for t in after] for f in before],
            hue="purple",
            width=width,
        ),
    )
