"""Charts of the suites, drawn as the report's figures are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from tasks.report.drawing import draw, for_file, without_validation
from tasks.report.palette import LIGHT

COLOURS = ("blue", "orange", "green", "purple", "amber", "sky", "slate", "ended")
_WIDTH = 620


def draw_points(
    points: Sequence[tuple[float, float, str]],
    names: Mapping[str, str],
    *,
    title: str,
    subtitle: Sequence[str],
    source: str,
) -> str:
    """Return a scatter of points in groups as SVG.

    Args:
        points: x, y and group of each.
        names: group to what the legend calls it, in the order of the legend.
        title: what it shows.
        subtitle: how it was made.
        source: last line.
    """
    import altair as alt

    frame = pl.DataFrame(points, schema={"x": pl.Float64, "y": pl.Float64, "group": pl.String}, orient="row")
    colour = dict(zip(names, COLOURS, strict=False))
    with without_validation():
        plain = alt.Axis(labels=False, ticks=False, grid=False)
        chart = (
            alt.Chart(alt.Data(values=frame.to_dicts()), width=_WIDTH, height=420)
            .mark_circle(size=26, opacity=0.65)
            .encode(
                x=alt.X("x:Q", axis=plain, title="first component"),
                y=alt.Y("y:Q", axis=plain, title="second component"),
                color=alt.Color(
                    "group:N",
                    scale=alt.Scale(domain=list(colour), range=[LIGHT[c] for c in colour.values()]),
                    legend=None,
                ),
            )
        )
        drawing = draw(chart)
    legend = [(colour[g], text) for g, text in names.items()]
    return for_file(drawing, title=title, subtitle=subtitle, legend=legend, source=source)


def draw_shares(
    rows: Sequence[Mapping[str, Any]],
    labels: Mapping[str, str],
    columns: Sequence[str],
    *,
    title: str,
    subtitle: Sequence[str],
    source: str,
) -> str:
    """Return stacked shares, one bar a group in one panel a kind, as SVG.

    Args:
        rows: panel, group, label, share.
        labels: label to its name, in the order of the stack.
        columns: groups in order.
        title: what it shows.
        subtitle: how it was made.
        source: last line.
    """
    import altair as alt

    colour = dict(zip(labels, (COLOURS * (1 + len(labels) // len(COLOURS))), strict=False))
    panels = list(dict.fromkeys(r["panel"] for r in rows))
    place = {label: i for i, label in enumerate(labels)}
    charts: list[Any] = []
    with without_validation():
        for panel in panels:
            values = [{**r, "rank": place[r["label"]]} for r in rows if r["panel"] == panel]
            groups = [c for c in columns if any(v["group"] == c for v in values)]
            charts.append(
                alt.Chart(alt.Data(values=values), width=_WIDTH, height=26 * len(groups))
                .mark_bar()
                .encode(
                    y=alt.Y("group:N", sort=groups, title=panel),
                    x=alt.X("share:Q", axis=alt.Axis(format="%"), title="share", stack="zero"),
                    order=alt.Order("rank:Q"),
                    color=alt.Color(
                        "label:N",
                        scale=alt.Scale(domain=list(colour), range=[LIGHT[c] for c in colour.values()]),
                        legend=None,
                    ),
                )
            )
        drawing = draw(alt.vconcat(*charts) if len(charts) > 1 else charts[0])
    legend = [(colour[label], name) for label, name in labels.items()]
    return for_file(drawing, title=title, subtitle=subtitle, legend=legend, source=source)


def draw_intervals(
    rows: Sequence[Mapping[str, Any]], *, x_title: str, title: str, subtitle: Sequence[str], source: str
) -> str:
    """Return values with their intervals, one line each, the paper's as a hollow mark, as SVG.

    Args:
        rows: name, value, low, high, published; all but name may be None.
        x_title: title of the axis with its unit.
        title: what it shows.
        subtitle: how it was made.
        source: last line.
    """
    import altair as alt

    names = [r["name"] for r in rows]
    data = alt.Data(values=[dict(r) for r in rows])
    with without_validation():
        y = alt.Y("name:N", sort=names, title=None, axis=alt.Axis(labelLimit=320))
        base = alt.Chart(data, width=_WIDTH - 140, height=30 * max(1, len(rows)))
        bars = base.mark_rule(color=LIGHT["blue"], strokeWidth=2).encode(
            y=y, x=alt.X("low:Q", title=x_title, scale=alt.Scale(zero=False)), x2="high:Q"
        )
        dots = base.mark_point(filled=True, size=70, color=LIGHT["blue"]).encode(
            y=y, x=alt.X("value:Q", title=x_title)
        )
        layers = [bars, dots]
        if any(r.get("published") is not None for r in rows):
            layers.append(
                base.mark_point(size=80, color=LIGHT["orange"], shape="diamond").encode(
                    y=y, x=alt.X("published:Q", title=x_title)
                )
            )
        drawing = draw(alt.layer(*layers))
    legend = [("blue", "this release, 95 % interval over participants")]
    if len(layers) == 3:
        legend.append(("orange", "ThoughtTrace paper"))
    return for_file(drawing, title=title, subtitle=subtitle, legend=legend, source=source)
