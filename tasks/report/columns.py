"""Small lines over the stages of a conversation, and spreads of lengths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tasks.report.bars import nice_top, percent
from tasks.report.drawing import Drawing, draw, wrap_words
from tasks.report.palette import LIGHT


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
        hue: palette name; the published values are drawn in its tint.
        width: px available.
    """
    import altair as alt

    per_row = 2 if width < 480 else 4
    panel_width = (width - 40) / per_row - 22
    highest = max(
        (v for p in panels for v in (*p.shares, *p.highs, *p.published) if v is not None), default=1.0
    )
    x = alt.X(
        "stage:N",
        sort=list(stages),
        title=None,
        axis=alt.Axis(
            labelExpr=f"datum.label == '{stages[0]}' || datum.label == '{stages[-1]}' ? datum.label : ''",
            labelAngle=0,
            ticks=False,
            labelPadding=6,
            labelOverlap=False,
            labelBound=False,
        ),
        scale=alt.Scale(type="point", padding=0.35),
    )
    rows: list[Any] = []
    for start in range(0, len(panels), per_row):
        charts: list[Any] = []
        for index, panel in enumerate(panels[start : start + per_row]):
            points = [
                {"stage": s, "share": v, "low": lo, "high": hi, "published": p, "text": percent(v, digits=0)}
                for s, v, lo, hi, p in zip(
                    stages, panel.shares, panel.lows, panel.highs, panel.published, strict=True
                )
            ]
            y = alt.Y(
                "share:Q",
                title=None,
                scale=alt.Scale(domain=[0, nice_top(highest * 1.08)], nice=False),
                axis=alt.Axis(
                    format=".0%", tickCount=3, domain=False, ticks=False, labels=index == 0, minExtent=28
                )
                if index == 0
                else alt.Axis(labels=False, ticks=False, domain=False, tickCount=3),
            )
            base = alt.Chart(alt.Data(values=points)).encode(x=x)
            layers: list[Any] = []
            if any(v is not None for v in panel.lows):
                layers.append(
                    base.mark_area(color=LIGHT[f"{hue}-tint"], opacity=0.45).encode(
                        y=alt.Y("low:Q"), y2="high:Q"
                    )
                )
            if any(v is not None for v in panel.published):
                seen = base.transform_filter("isValid(datum.published)")
                layers.append(
                    seen.mark_line(color=LIGHT["axis"], strokeWidth=1.5, strokeDash=[4, 3]).encode(
                        y=alt.Y("published:Q")
                    )
                )
                layers.append(
                    seen.mark_circle(color=LIGHT["axis"], size=24, opacity=1).encode(y="published:Q")
                )
            known = base.transform_filter("isValid(datum.share)")
            layers.append(known.mark_line(color=LIGHT[hue], strokeWidth=2.5).encode(y=y))
            layers.append(known.mark_circle(color=LIGHT[hue], size=40, opacity=1).encode(y=y))
            layers.append(
                known.transform_filter(f"datum.stage == '{stages[0]}' || datum.stage == '{stages[-1]}'")
                .mark_text(dy=-11, fontSize=12, fontWeight="bold", color=LIGHT["ink"])
                .encode(y=y, text="text:N")
            )
            title = wrap_words(panel.label, int(panel_width / 6.3))
            title = [""] * (2 - len(title)) + title[:3]
            charts.append(
                alt.layer(*layers).properties(
                    width=panel_width,
                    height=100,
                    title=alt.TitleParams(
                        text=title,
                        anchor="start",
                        frame="group",
                        fontSize=12,
                        fontWeight="bold",
                        color=LIGHT["ink"],
                        lineHeight=14,
                        offset=8,
                    ),
                )
            )
        rows.append(alt.hconcat(*charts, spacing=10))
    return draw(alt.vconcat(*rows, spacing=18))


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

    label_px = max(len(s.label) for s in spreads) * 6.6 + 12
    longest = max(max(s.p95, 1.0) for s in spreads)
    rows = [
        {
            "label": s.label,
            "p5": max(s.p5, 1),
            "p25": max(s.p25, 1),
            "p50": max(s.p50, 1),
            "p75": max(s.p75, 1),
            "p95": max(s.p95, 1),
            "text": f"{s.p50:,.0f}",
            "colour": LIGHT[s.colour],
        }
        for s in spreads
    ]
    ticks = [v for v in (1, 10, 100, 1_000, 10_000, 100_000) if v <= longest * 3]
    y = alt.Y(
        "label:N",
        sort=None,
        title=None,
        axis=alt.Axis(domain=False, ticks=False, labelPadding=8, minExtent=label_px, maxExtent=label_px),
    )
    x = alt.X(
        "p5:Q",
        title=axis_title,
        scale=alt.Scale(type="log", domain=[1, longest * 1.4], nice=False),
        axis=alt.Axis(values=ticks, format=",", domain=False, ticks=False, titlePadding=8),
    )
    colour = alt.Color("colour:N", scale=None, legend=None)
    base = alt.Chart(alt.Data(values=rows)).encode(y=y)
    return draw(
        alt.layer(
            base.mark_rule(strokeWidth=2).encode(x=x, x2="p95:Q", color=colour),
            base.mark_bar(height=12).encode(x=alt.X("p25:Q"), x2="p75:Q", color=colour),
            base.mark_tick(thickness=3, size=22, color=LIGHT["ink"]).encode(x=alt.X("p50:Q")),
            base.mark_text(dy=-19, fontSize=12, fontWeight="bold", color=LIGHT["ink"]).encode(
                x=alt.X("p50:Q"), text="text:N"
            ),
        ).properties(width=max(width - label_px - 24, 90), height=alt.Step(48))
    )
