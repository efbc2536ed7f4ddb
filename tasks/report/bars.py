"""Bar charts of shares: this release, its interval, the published value and the last release."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tasks.report.drawing import Drawing, draw
from tasks.report.palette import LIGHT
from tasks.report.row_labels import break_label, label_layers, label_width

HELD_BACK = "held back"
_LABEL_CHARACTERS = 26
_LABEL_CHARACTERS_NARROW = 17
_VALUE_PX = 52


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

    @property
    def reach(self) -> float:
        """Largest value that is drawn for the category."""
        return max(self.share or 0.0, self.high or 0.0, self.published or 0.0, self.parent or 0.0)


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


def nice_top(value: float) -> float:
    """Return the end of a share axis: the next of 5, 10, 15, 20, 25, 30, 40, 50, 60, 80 and 100 %."""
    steps = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8)
    return next((top for top in steps if value <= top), 1.0)


def draw_bars(bars: Sequence[Bar], *, hue: str, width: int) -> Drawing:
    """Draw horizontal bars in the given order.

    The release is the full bar with its interval as a line, the published value a lighter bar below
    it, the last release a tick. A category that is held back has its name and no bar.

    Args:
        bars: categories from top to bottom.
        hue: palette name; `<hue>-tint` is the lighter one.
        width: px available.
    """
    import altair as alt

    limit = _LABEL_CHARACTERS_NARROW if width < 480 else _LABEL_CHARACTERS
    has_published = any(b.published is not None for b in bars)
    rows: list[dict[str, Any]] = [
        {
            "row": str(i),
            **break_label(b.label, limit),
            "share": b.share,
            "low": b.low,
            "high": b.high,
            "published": b.published,
            "parent": b.parent,
            "end": max(b.share or 0.0, b.high or 0.0),
            "text": HELD_BACK if b.share is None else percent(b.share),
        }
        for i, b in enumerate(bars)
    ]
    most_lines = max(int(row["n_lines"]) for row in rows)
    step = max(34 if has_published else 27, 13 * most_lines + 9)
    plot = max(width - label_width(rows) - _VALUE_PX, 90)
    base = alt.Chart(alt.Data(values=rows)).encode(
        y=alt.Y("row:N", sort=None, title=None, axis=None),
    )
    x = _share_axis(max(b.reach for b in bars), plot)
    shift = -4 if has_published else 0
    layers: list[Any] = [
        base.transform_filter("isValid(datum.share)")
        .mark_bar(height=13, yOffset=shift, color=LIGHT[hue])
        .encode(x=x)
    ]
    if has_published:
        layers.append(
            base.transform_filter("isValid(datum.published)")
            .mark_bar(height=6, yOffset=8, color=LIGHT[f"{hue}-tint"])
            .encode(x=alt.X("published:Q"))
        )
    if any(b.low is not None for b in bars):
        interval = base.transform_filter("isValid(datum.low)").encode(x=alt.X("low:Q"), x2="high:Q")
        # a light rim keeps the line visible where it lies on its own bar
        layers.append(interval.mark_rule(strokeWidth=4, yOffset=shift, color=LIGHT["ground"], opacity=0.85))
        layers.append(interval.mark_rule(strokeWidth=1.5, yOffset=shift, color=LIGHT["ink"]))
    if any(b.parent is not None for b in bars):
        layers.append(
            base.transform_filter("isValid(datum.parent)")
            .mark_tick(thickness=2.5, size=21, yOffset=shift, color=LIGHT["amber"])
            .encode(x=alt.X("parent:Q"))
        )
    layers.append(
        base.mark_text(align="left", dx=6, dy=shift, color=LIGHT["ink"]).encode(
            x=alt.X("end:Q"), text="text:N"
        )
    )
    return draw(alt.layer(*layers, *label_layers(base, rows)).properties(width=plot, height=alt.Step(step)))


def draw_grouped_dots(bars: Sequence[Bar], *, hue: str, width: int) -> Drawing:
    """Draw a dot a category with its interval as a band, under the headings of their groups.

    Args:
        bars: categories in order; `group` is the heading.
        hue: palette name.
        width: px available.
    """
    import altair as alt

    limit = 22 if width < 480 else 44
    rows: list[dict[str, Any]] = []
    heading: str | None = None
    for i, b in enumerate(bars):
        if b.group != heading:
            heading = b.group
            rows.append({"row": f"h{i}", "head": heading})
        rows.append(
            {
                "row": str(i),
                **break_label(b.label, limit),
                "share": b.share,
                "low": b.low,
                "high": b.high,
                "end": max(b.share or 0.0, b.high or 0.0),
                "text": HELD_BACK if b.share is None else percent(b.share),
            }
        )
    left = label_width(rows)
    plot = max(width - left - _VALUE_PX, 90)
    data = alt.Chart(alt.Data(values=rows)).encode(
        y=alt.Y("row:N", sort=[row["row"] for row in rows], title=None, axis=None)
    )
    x = _share_axis(max(b.reach for b in bars), plot)
    known = data.transform_filter("isValid(datum.share)")
    layers: list[Any] = [
        known.mark_rule(strokeWidth=1, color=LIGHT["grid"]).encode(x=x),
        known.transform_filter("isValid(datum.low)")
        .mark_rule(strokeWidth=4, color=LIGHT[f"{hue}-tint"])
        .encode(x=alt.X("low:Q"), x2="high:Q"),
        known.mark_circle(size=70, opacity=1, color=LIGHT[hue]).encode(x=alt.X("share:Q")),
        data.transform_filter("isValid(datum.text)")
        .mark_text(align="left", dx=8, color=LIGHT["ink"])
        .encode(x=alt.X("end:Q"), text="text:N"),
        data.transform_filter("isValid(datum.head)")
        .mark_text(align="left", fontWeight="bold", dy=3, x=-left, color=LIGHT["ink"])
        .encode(text="head:N"),
        *label_layers(data, rows),
    ]
    tall = max((int(row.get("n_lines", 1)) for row in rows), default=1)
    return draw(alt.layer(*layers).properties(width=plot, height=alt.Step(21 if tall == 1 else 30)))


def _share_axis(reach: float, plot: float) -> Any:
    import altair as alt

    top = nice_top(reach)
    return alt.X(
        "share:Q",
        title=None,
        scale=alt.Scale(domain=[0, top], nice=False),
        axis=alt.Axis(
            format=".0%",
            tickCount=5 if plot > 260 else 3,
            domain=False,
            ticks=False,
            labelColor=LIGHT["muted"],
            labelFontSize=11,
        ),
    )
