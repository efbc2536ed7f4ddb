"""Bar charts of shares: this release, its interval, the published value and the last release."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tasks.report.drawing import Drawing, draw, wrap_words
from tasks.report.palette import LIGHT

HELD_BACK = "held back"
LABEL_CHARACTERS = 26
LABEL_CHARACTERS_NARROW = 17
_CHARACTER_PX = 6.4


@dataclass(frozen=True, slots=True)
class Bar:
    """One category of a share chart.

    Attributes:
        label: display name.
        share: share of the base, 0 to 1; None where it is held back to protect participants.
        n: count behind it; None where it is held back.
        low: lower end of the interval, if there is one.
        high: upper end of the interval.
        published: the value of the paper, if it gives one.
        parent: the value of the last release, if there is one.
        group: heading that the category belongs to, for grouped charts.
    """

    label: str
    share: float | None
    n: int | None
    low: float | None = None
    high: float | None = None
    published: float | None = None
    parent: float | None = None
    group: str = ""


def percent(share: float | None, *, digits: int = 1) -> str:
    """Format a share: `37.4 %`; a dash where there is none; `< 0.1 %` for what would round to nothing."""
    if share is None or math.isnan(share):
        return "–"
    smallest = 10**-digits
    if 0 < share * 100 < smallest / 2:
        return f"< {smallest:g} %"
    return f"{share * 100:.{digits}f} %"


def count(n: int | None) -> str:
    """Format a count: `1,680`; words where it is held back."""
    return HELD_BACK if n is None else f"{n:,}"


def draw_bars(bars: Sequence[Bar], *, hue: str, width: int) -> Drawing:
    """Draw horizontal bars in the given order.

    The release is the full bar with its interval as a line, the published value a lighter bar below
    it, the last release a tick.

    Args:
        bars: categories from top to bottom.
        hue: palette name; `<hue>-tint` is the lighter one.
        width: px available.
    """
    import altair as alt

    narrow = width < 480
    limit = LABEL_CHARACTERS_NARROW if narrow else LABEL_CHARACTERS
    labels = ["\n".join(wrap_words(b.label, limit)) for b in bars]
    label_px = max(len(line) for label in labels for line in label.split("\n")) * _CHARACTER_PX + 10
    has_published = any(b.published is not None for b in bars)
    has_parent = any(b.parent is not None for b in bars)
    many_lines = any("\n" in label for label in labels)
    step = 34 if has_published or (narrow and many_lines) else 27
    top = nice_top(max(max(b.share or 0, b.high or 0, b.published or 0, b.parent or 0) for b in bars))
    rows = [
        {
            "label": label,
            "share": b.share or 0.0,
            "low": b.low,
            "high": b.high,
            "published": b.published,
            "parent": b.parent,
            "end": max(b.share or 0.0, b.high or 0.0),
            "text": HELD_BACK if b.share is None else percent(b.share),
        }
        for label, b in zip(labels, bars, strict=True)
    ]
    y = alt.Y(
        "label:N",
        sort=None,
        title=None,
        axis=alt.Axis(
            labelExpr="split(datum.label, '\\n')",
            labelLineHeight=13,
            domain=False,
            ticks=False,
            labelPadding=8,
            minExtent=label_px,
            maxExtent=label_px,
        ),
    )
    x = alt.X(
        "share:Q",
        title=None,
        scale=alt.Scale(domain=[0, top], nice=False),
        axis=alt.Axis(format=".0%", tickCount=4 if narrow else 5, domain=False, ticks=False),
    )
    base = alt.Chart(alt.Data(values=rows)).encode(y=y)
    own_offset = -4 if has_published else 0
    layers: list[Any] = [
        base.mark_bar(height=13, yOffset=own_offset, color=LIGHT[hue]).encode(x=x),
    ]
    if has_published:
        layers.append(
            base.transform_filter("isValid(datum.published)")
            .mark_bar(height=6, yOffset=7, color=LIGHT[f"{hue}-tint"])
            .encode(x=alt.X("published:Q"))
        )
    if any(b.low is not None for b in bars):
        layers.append(
            base.transform_filter("isValid(datum.low)")
            .mark_rule(strokeWidth=1.5, yOffset=own_offset, color=LIGHT["ink"])
            .encode(x=alt.X("low:Q"), x2="high:Q")
        )
    if has_parent:
        layers.append(
            base.transform_filter("isValid(datum.parent)")
            .mark_tick(thickness=2, size=19, yOffset=own_offset, color=LIGHT["amber"])
            .encode(x=alt.X("parent:Q"))
        )
    layers.append(
        base.mark_text(align="left", dx=6, dy=own_offset, fontSize=12, color=LIGHT["ink"]).encode(
            x=alt.X("end:Q"), text="text:N"
        )
    )
    plot = max(width - label_px - 60, 90)
    return draw(alt.layer(*layers).properties(width=plot, height=alt.Step(step)))


def nice_top(value: float) -> float:
    """Return the end of a share axis: the next of 5, 10, 20, 25, 40, 50, 60, 80 and 100 %."""
    return next((top for top in (0.05, 0.1, 0.2, 0.25, 0.4, 0.5, 0.6, 0.8) if value <= top), 1.0)


def draw_grouped_dots(bars: Sequence[Bar], *, hue: str, width: int) -> Drawing:
    """Draw a dot a category, grouped under headings, each group in the given order.

    Args:
        bars: categories; `group` is the heading.
        hue: palette name.
        width: px available.
    """
    import altair as alt

    narrow = width < 480
    rows: list[dict[str, Any]] = []
    order: list[str] = []
    heading = ""
    for b in bars:
        if b.group != heading:
            heading = b.group
            order.append(f"§{heading}")
            rows.append({"label": order[-1], "head": heading})
        order.append(b.label)
        rows.append(
            {
                "label": b.label,
                "share": b.share or 0.0,
                "low": b.low,
                "high": b.high,
                "text": HELD_BACK if b.share is None else percent(b.share),
            }
        )
    label_px = min(max(len(b.label) for b in bars), 24) * _CHARACTER_PX + 10
    top = nice_top(max(max(b.share or 0, b.high or 0) for b in bars))
    plot = max(width - label_px - 60, 90)
    data = alt.Chart(alt.Data(values=rows))
    y = alt.Y(
        "label:N",
        sort=order,
        title=None,
        axis=alt.Axis(
            labelExpr="slice(datum.label, 0, 1) == '§' ? '' : datum.label",
            domain=False,
            ticks=False,
            labelPadding=8,
            minExtent=label_px,
            maxExtent=label_px,
            labelLimit=label_px - 4,
        ),
    )
    x = alt.X(
        "share:Q",
        title=None,
        scale=alt.Scale(domain=[0, top], nice=False),
        axis=alt.Axis(
            format=".0%" if top > 0.05 else ".1~%",
            tickCount=4 if narrow else 5,
            domain=False,
            ticks=False,
            orient="top",
        ),
    )
    values = data.transform_filter("isValid(datum.share)").encode(y=y)
    layers: list[Any] = [
        values.mark_rule(strokeWidth=1, color=LIGHT["grid"]).encode(x=x),
        values.mark_rule(strokeWidth=3, color=LIGHT[f"{hue}-tint"]).encode(x=alt.X("low:Q"), x2="high:Q"),
        values.mark_circle(size=70, opacity=1, color=LIGHT[hue]).encode(x=alt.X("share:Q")),
        values.transform_calculate(end="max(datum.share, isValid(datum.high) ? datum.high : 0)")
        .mark_text(align="left", dx=8, fontSize=12, color=LIGHT["ink"])
        .encode(x=alt.X("end:Q"), text="text:N"),
        data.transform_filter("isValid(datum.head)")
        .mark_text(align="left", fontWeight="bold", fontSize=12, dy=3, x=-label_px, color=LIGHT["ink"])
        .encode(y=y, text="head:N"),
    ]
    return draw(alt.layer(*layers).properties(width=plot, height=alt.Step(21)))
