"""Figures of movement: where a conversation goes from one user message to the next."""

from __future__ import annotations

from collections import defaultdict

from schemas.stats import Flow
from tasks.report.alluvial import Column, Node, Ribbon, draw_alluvial
from tasks.report.bars import percent
from tasks.report.figures import Figure, empty_figure
from tasks.report.matrix import draw_matrix
from tasks.report.readings import Readings

END = "(end)"
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
    total = sum(row.n or 0 for row in by_step[steps[0]])
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
    rank = {key: i for i, key in enumerate(order)}
    ribbons.sort(key=lambda r: (r.step, rank.get(r.source, 99), rank.get(r.target, 99), r.source, r.target))
    n_end = ended.get(f"{END}1", 0)
    has_held = any(row.n is None for row in part.turn_flow)
    return Figure(
        "relationship-flow",
        "turns",
        title,
        f"{percent(n_end / total, digits=0)} of {total:,} conversations end after the first user message; "
        f"{'at least ' if has_held else ''}{percent(sum(last.values()) / total, digits=0)} have {len(steps) + 1} or more.",
        "Width is the share of conversations. A user message with no label ends no conversation; it is left out."
        + (" Small flows are held back to protect participants." if has_held else ""),
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
        lambda width: draw_alluvial(columns, ribbons, width=width),
    )


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
    if not flows:
        return empty_figure(
            "relationship-transitions", "turns", title, "No pair of labelled user messages in this release."
        )
    names = {row.value: row.name for row in part.with_first} | {END: "(ends)"}
    cells = {(row.from_value, row.to_value): row.share for row in flows}
    known = [*names]
    best = max(flows, key=lambda row: row.n or 0)
    before = [v for v in known if any(f == v for f, _ in cells)]
    after = [v for v in known if any(t == v for _, t in cells)]
    shares = [[cells.get((f, t)) for t in after] for f in before]
    return Figure(
        "relationship-transitions",
        "turns",
        title,
        f"{names[best.from_value]} is followed by {names[best.to_value]} in {percent(best.share, digits=0)} of its cases.",
        "Rows: this user message; columns: the next one, or the end. Each row adds up to 100 %, cells that are held "
        "back included.",
        ("From", *(names[t] for t in after)),
        tuple((names[f], *(percent(v) for v in line)) for f, line in zip(before, shares, strict=True)),
        (),
        lambda width: draw_matrix(
            [names[f] for f in before], [names[t] for t in after], shares, hue="purple", width=width
        ),
    )
