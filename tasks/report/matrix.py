"""A heat table: what follows what, in percent of each row."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.report.bars import percent
from tasks.report.drawing import Drawing, draw, wrap_words
from tasks.report.palette import LIGHT


def draw_matrix(
    rows: Sequence[str],
    columns: Sequence[str],
    shares: Sequence[Sequence[float | None]],
    *,
    hue: str,
    width: int,
) -> Drawing:
    """Draw the share of each row that goes to each column, as cells whose area is the share.

    Squares rather than shades: area reads in print and in both colour schemes.

    Args:
        rows: names of the states before.
        columns: names of the states after.
        shares: one row of shares a state before; None where the state never occurs.
        hue: palette name.
        width: px available.
    """
    import altair as alt

    limit = 12 if width < 480 else 18
    row_names = ["\n".join(wrap_words(r, limit)) for r in rows]
    column_names = ["\n".join(wrap_words(c, 9 if width < 480 else 14)) for c in columns]
    label_px = max(len(line) for name in row_names for line in name.split("\n")) * 6.4 + 10
    step = min((width - label_px - 10) / len(columns), 92)
    cells = [
        {"row": r, "column": c, "share": v, "text": percent(v, digits=0)}
        for r, line in zip(row_names, shares, strict=True)
        for c, v in zip(column_names, line, strict=True)
        if v is not None
    ]
    split = "split(datum.label, '\\n')"
    x = alt.X(
        "column:N",
        sort=column_names,
        title=None,
        axis=alt.Axis(
            orient="top", labelExpr=split, labelAngle=0, domain=False, ticks=False, labelFontSize=11
        ),
    )
    y = alt.Y(
        "row:N",
        sort=row_names,
        title=None,
        axis=alt.Axis(
            labelExpr=split,
            domain=False,
            ticks=False,
            minExtent=label_px,
            maxExtent=label_px,
            labelLineHeight=13,
        ),
    )
    base = alt.Chart(alt.Data(values=cells)).encode(x=x, y=y)
    height = 58.0
    largest = (min(step, height) * 0.92) ** 2
    return draw(
        alt.layer(
            base.mark_square(opacity=1, color=LIGHT[f"{hue}-tint"]).encode(
                size=alt.Size("share:Q", scale=alt.Scale(domain=[0, 1], range=[0, largest]), legend=None)
            ),
            base.mark_text(fontSize=12, color=LIGHT["ink"]).encode(text="text:N"),
        ).properties(width=step * len(columns), height=height * len(rows))
    )
