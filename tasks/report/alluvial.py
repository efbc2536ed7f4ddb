"""An alluvial drawing, from plain strings: Vega has no such mark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import escape

from tasks.report.bars import percent
from tasks.report.drawing import Drawing, wrap_words
from tasks.report.palette import LIGHT

_TEXT_HEIGHT = 12.0
_CHARACTER_PX = 6.4


@dataclass(frozen=True, slots=True)
class Node:
    """One state at one step; `share` is of all conversations, `colour` a palette name."""

    key: str
    label: str
    share: float
    colour: str


@dataclass(frozen=True, slots=True)
class Column:
    """All states at one step, from top to bottom."""

    heading: str
    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Ribbon:
    """What flows from a state of column `step` to a state of the next column."""

    step: int
    source: str
    target: str
    share: float
    colour: str


@dataclass
class _Place:
    x: float
    y: float
    height: float
    leaving: float
    arriving: float


def draw_alluvial(columns: Sequence[Column], ribbons: Sequence[Ribbon], *, width: int) -> Drawing:
    """Draw states as bars and flows as ribbons, in the order given.

    Args:
        columns: steps from left to right.
        ribbons: flows, in the order in which they leave and arrive.
        width: px available.
    """
    narrow = width < 480
    height, top, gap = (460.0, 40.0, 9.0) if narrow else (430.0, 34.0, 9.0)
    bar = 10.0 if narrow else 16.0
    room = height - top - gap * max(len(c.nodes) - 1 for c in columns)
    # the names of the last column stand to its right, where no other name can meet them
    margin = 66.0 if narrow else 176.0
    step = (width - bar - 2 - margin) / (len(columns) - 1)
    places: dict[tuple[int, str], _Place] = {}
    bars: list[str] = []
    for index, column in enumerate(columns):
        x, y = 1 + index * step, top
        bars.append(_heading(column.heading, x, bar, index, narrow=narrow))
        for node in column.nodes:
            tall = max(node.share * room, 1.0)
            places[index, node.key] = _Place(x, y, tall, y, y)
            bars.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{bar:g}" height="{tall:.1f}" '
                f'fill="{LIGHT[node.colour]}"/>'
            )
            is_last = index == len(columns) - 1
            is_new = (index - 1, node.key) not in places or node.colour != "ended"
            if tall >= _TEXT_HEIGHT and (is_new or is_last):
                bars.append(
                    _label(node, x, y, tall, bar, room=step if not is_last else margin, narrow=narrow)
                )
            y += tall + gap
    flows: list[str] = []
    for ribbon in ribbons:
        source = places[ribbon.step, ribbon.source]
        target = places[ribbon.step + 1, ribbon.target]
        tall = ribbon.share * room
        flows.append(_ribbon(source, target, tall, bar, ribbon.colour))
        source.leaving += tall
        target.arriving += tall
    return Drawing(
        f'<g font-family="Liberation Sans, Arial, Helvetica, sans-serif">{"".join(flows + bars)}</g>',
        float(width),
        height + 8,
    )


def _ribbon(source: _Place, target: _Place, tall: float, bar: float, colour: str) -> str:
    x1, x2 = source.x + bar, target.x
    middle = (x1 + x2) / 2
    y1, y2 = source.leaving, target.arriving
    return (
        f'<path d="M{x1:.1f},{y1:.1f}C{middle:.1f},{y1:.1f} {middle:.1f},{y2:.1f} {x2:.1f},{y2:.1f}'
        f"V{y2 + tall:.1f}C{middle:.1f},{y2 + tall:.1f} {middle:.1f},{y1 + tall:.1f} "
        f'{x1:.1f},{y1 + tall:.1f}Z" fill="{LIGHT[colour]}" fill-opacity="0.3"/>'
    )


def _heading(text: str, x: float, bar: float, index: int, *, narrow: bool) -> str:
    shown = text.replace("User message ", "№ ") if narrow else text
    anchor, at = ("start", x) if index == 0 else ("middle", x + bar / 2)
    return (
        f'<text x="{at:.1f}" y="16" font-size="12" font-weight="bold" text-anchor="{anchor}" '
        f'fill="{LIGHT["muted"]}">{escape(shown)}</text>'
    )


def _label(node: Node, x: float, y: float, tall: float, bar: float, *, room: float, narrow: bool) -> str:
    at = x + bar + 6
    share = percent(node.share, digits=0)
    lines = [f"{node.label} {share}"]
    if not narrow and len(lines[0]) * _CHARACTER_PX + bar + 8 > room and tall >= 2 * _TEXT_HEIGHT:
        lines = [node.label, share]
    if narrow:
        lines = [*wrap_words(node.label, 10), share]
        if tall < _TEXT_HEIGHT * len(lines):
            lines = [share]
    first = y + tall / 2 + 4 - (len(lines) - 1) * _TEXT_HEIGHT / 2
    size = 11 if narrow else 12
    spans = "".join(
        f'<tspan x="{at:.1f}" y="{first + i * _TEXT_HEIGHT:.1f}">{escape(line)}</tspan>'
        for i, line in enumerate(lines)
    )
    return (
        f'<text font-size="{size}" fill="{LIGHT["ink"]}" '
        f'stroke="{LIGHT["ground"]}" stroke-width="3" paint-order="stroke" stroke-linejoin="round">{spans}</text>'
    )
