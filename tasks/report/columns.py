"""Small lines over the stages of a conversation, and spreads of lengths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tasks.report.bars import nice_top, percent
from tasks.report.drawing import Drawing, draw, draw_rows, wrap_words
from tasks.report.palette import LIGHT
from tasks.report.row_labels import break_label, label_layers, label_width

_GAPS = "break-paths-show-domains"
"""A stage that is held back leaves a gap; a line across it would claim a value."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One label over the stages of a conversation."""

    label: str
    shares: tuple[float | None, ...]
    lows: tuple[float | None, ...]
    highs: tuple[float | None, ...]
    published: tuple[float | None, ...]


def draw_panels(panels: Sequence[Panel], *, stages: Sequence[str], hue: str, width: int) -> Drawing:
    """Draw one small line chart a label, all on the same scale, so that shapes can be compared.

    Args:
        panels: labels, the most frequent first.
        stages: names of the stages in order.
        hue: palette name.
        width: px available.
    """
    # rows as even as they can be: 7 panels stand as 4 + 3, 5 as 3 + 2
    most = 2 if width < 480 else 4
    per_row = -(-len(panels) // -(-len(panels) // most))
    panel_width = min((width - 40) / per_row - 16, 200)
    highest = max(
        (v for p in panels for v in (*p.shares, *p.highs, *p.published) if v is not None), default=1.0
    )
    top = nice_top(highest * 1.08)
    rows = [
        [
            _panel(panel, stages, hue=hue, width=panel_width, top=top, with_scale=index == 0)
            for index, panel in enumerate(panels[start : start + per_row])
        ]
        for start in range(0, len(panels), per_row)
    ]
    return draw_rows(rows, gap=14, row_gap=16)


def _panel(
    panel: Panel, stages: Sequence[str], *, hue: str, width: float, top: float, with_scale: bool
) -> Any:
    import altair as alt

    points = [
        {
            "stage": s,
            "share": v,
            "low": lo,
            "high": hi,
            "published": p,
            "text": percent(v, digits=0),
            "is_end": i in {0, len(stages) - 1},
        }
        for i, (s, v, lo, hi, p) in enumerate(
            zip(stages, panel.shares, panel.lows, panel.highs, panel.published, strict=True)
        )
    ]
    first, last = stages[0], stages[-1]
    x = alt.X(
        "stage:N",
        sort=list(stages),
        title=None,
        axis=alt.Axis(
            labelExpr=f"datum.label == '{first}' || datum.label == '{last}' ? datum.label : ''",
            labelAngle=0,
            ticks=False,
            labelPadding=6,
            labelColor=LIGHT["muted"],
            labelFontSize=11,
            grid=False,
        ),
        scale=alt.Scale(type="point", padding=0.35, domain=list(stages)),
    )
    y = alt.Y(
        "share:Q",
        title=None,
        scale=alt.Scale(domain=[0, top], nice=False),
        axis=alt.Axis(
            format=".0%",
            tickCount=3,
            domain=False,
            ticks=False,
            labels=with_scale,
            minExtent=30 if with_scale else 0,
            labelColor=LIGHT["muted"],
            labelFontSize=11,
        ),
    )
    base = alt.Chart(alt.Data(values=points)).encode(x=x)
    known = base.transform_filter("isValid(datum.share)")
    number = known.transform_filter("datum.is_end").encode(y=y, text="text:N")
    layers: list[Any] = []
    if any(v is not None for v in panel.lows):
        layers.append(
            base.mark_area(color=LIGHT[f"{hue}-tint"], opacity=0.6, invalid=_GAPS).encode(
                y=alt.Y("low:Q"), y2="high:Q"
            )
        )
    if any(v is not None for v in panel.published):
        seen = base.transform_filter("isValid(datum.published)").encode(y=alt.Y("published:Q"))
        layers.append(seen.mark_line(color=LIGHT["muted"], strokeWidth=1.2, strokeDash=[4, 3]))
        layers.append(seen.mark_circle(color=LIGHT["muted"], size=18, opacity=1))
    layers += [
        base.mark_line(color=LIGHT[hue], strokeWidth=2.5, invalid=_GAPS).encode(y=y),
        known.mark_circle(color=LIGHT[hue], size=38, opacity=1).encode(y=y),
        # a rim in the colour of the ground first: the number may lie on a line
        number.mark_text(
            dy=-12, fontWeight="bold", color=LIGHT["ground"], stroke=LIGHT["ground"], strokeWidth=3
        ),
        number.mark_text(dy=-12, fontWeight="bold", color=LIGHT["ink"]),
    ]
    title = wrap_words(panel.label, int(width / 6.4))[:2]
    for i, line in enumerate(title):
        layers.append(
            alt.Chart(alt.Data(values=[{"text": line}]))
            .mark_text(
                align="left", x=0, y=-24 - (len(title) - 1 - i) * 14, fontWeight="bold", color=LIGHT["ink"]
            )
            .encode(text="text:N")
        )
    # an invisible first line keeps the panels of a row level when only some titles break
    layers.append(
        alt.Chart(alt.Data(values=[{"text": "\u2007"}])).mark_text(x=0, y=-38).encode(text="text:N")
    )
    return alt.layer(*layers).properties(width=width, height=96)


@dataclass(frozen=True, slots=True)
class Spread:
    """Quantiles of a quantity for one group."""

    label: str
    colour: str
    p5: float
    p25: float
    p50: float
    p75: float
    p95: float


def draw_spreads(spreads: Sequence[Spread], *, axis_title: str, width: int) -> Drawing:
    """Draw 5–95 % as a thin line, the middle half as a thick one and the median as a dot, on a log axis.

    Args:
        spreads: groups from top to bottom.
        axis_title: quantity and unit.
        width: px available.
    """
    import altair as alt

    longest = max(max(s.p95, 1.0) for s in spreads)
    rows = [
        {
            "row": str(i),
            **break_label(s.label, 12 if width < 480 else 30),
            "p5": max(s.p5, 1),
            "p25": max(s.p25, 1),
            "p50": max(s.p50, 1),
            "p75": max(s.p75, 1),
            "p95": max(s.p95, 1),
            "text": f"{s.p50:,.0f}",
            "colour": LIGHT[s.colour],
        }
        for i, s in enumerate(spreads)
    ]
    ticks = [v for v in (1, 10, 100, 1_000, 10_000, 100_000) if v <= longest * 3]
    x = alt.X(
        "p5:Q",
        title=axis_title,
        scale=alt.Scale(type="log", domain=[1, longest * 1.4], nice=False),
        axis=alt.Axis(
            values=ticks, format=",", domain=False, ticks=False, titlePadding=8, labelColor=LIGHT["muted"]
        ),
    )
    colour = alt.Color("colour:N", scale=None, legend=None)
    base = alt.Chart(alt.Data(values=rows)).encode(y=alt.Y("row:N", sort=None, title=None, axis=None))
    return draw(
        alt.layer(
            base.mark_rule(strokeWidth=2).encode(x=x, x2="p95:Q", color=colour),
            base.mark_bar(height=12).encode(x=alt.X("p25:Q"), x2="p75:Q", color=colour),
            base.mark_tick(thickness=3, size=22, color=LIGHT["ink"]).encode(x=alt.X("p50:Q")),
            base.mark_text(dy=-19, fontWeight="bold", color=LIGHT["ink"]).encode(
                x=alt.X("p50:Q"), text="text:N"
            ),
            *label_layers(base, rows),
        ).properties(width=max(width - label_width(rows) - 20, 90), height=alt.Step(46))
    )
