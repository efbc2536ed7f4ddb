"""A heat table: what follows what, in percent of each row."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.report.bars import HELD_BACK, percent
from tasks.report.drawing import Drawing, draw, wrap_words
from tasks.report.palette import LIGHT
from tasks.report.row_labels import break_label, label_layers, label_width

_CHARACTER_PX = 5.2


def draw_matrix(
    rows: Sequence[str],
    columns: Sequence[str],
    shares: Sequence[Sequence[float | None]],
    *,
    held_back: Sequence[Sequence[bool]],
    hue: str,
    width: int,
) -> Drawing:
    """Draw the share of each row that goes to each column as a shaded cell with its number.

    The shade is the opacity of one colour, so that it works on a light and on a dark ground.

    Args:
        rows: names of the states before.
        columns: names of the states after.
        shares: one row of shares a state before; None where the state never occurs or is held back.
        held_back: which of those that have no share are held back.
        hue: palette name.
        width: px available.
    """
    import altair as alt

    narrow = width < 480
    names = [{"row": str(i), **break_label(r, 12 if narrow else 18)} for i, r in enumerate(rows)]
    heads = [wrap_words(c, 9 if narrow else 13) for c in columns]
    step = min((width - label_width(names) - 6) / len(columns), 104)
    cells = [
        {"row": str(i), "column": str(j), "share": v, "text": percent(v, digits=0)}
        for i, line in enumerate(shares)
        for j, v in enumerate(line)
        if v is not None
    ]
    order = [str(j) for j in range(len(columns))]
    x = alt.X("column:N", sort=order, title=None, axis=None, scale=alt.Scale(domain=order, paddingInner=0.06))
    y = alt.Y(
        "row:N",
        sort=[n["row"] for n in names],
        title=None,
        axis=None,
        scale=alt.Scale(domain=[n["row"] for n in names], paddingInner=0.1),
    )
    base = alt.Chart(alt.Data(values=cells)).encode(x=x, y=y)
    hidden = [
        {"row": str(i), "column": str(j), "text": HELD_BACK}
        for i, line in enumerate(held_back)
        for j, is_held in enumerate(line)
        if is_held
    ]
    # narrow columns: their names stand upright, one line each
    is_upright = max(len(line) for h in heads for line in h) * _CHARACTER_PX > step
    tallest = max(len(h) for h in heads)
    headings = (
        [
            alt.Chart(alt.Data(values=[{"column": str(j), "text": c} for j, c in enumerate(columns)]))
            .mark_text(angle=270, align="left", y=-6, fontSize=10, color=LIGHT["muted"])
            .encode(x=x, text="text:N")
        ]
        if is_upright
        else [
            alt.Chart(
                alt.Data(values=[{"column": str(j), "text": h[k]} for j, h in enumerate(heads) if k < len(h)])
            )
            .mark_text(y=-12 - (tallest - 1 - k) * 12, fontSize=10 if narrow else 11, color=LIGHT["muted"])
            .encode(x=x, text="text:N")
            for k in range(tallest)
        ]
    )
    return draw(
        alt.layer(
            base.mark_rect(color=LIGHT[hue], cornerRadius=3).encode(
                fillOpacity=alt.FillOpacity(
                    "share:Q", scale=alt.Scale(domain=[0, 1], range=[0.05, 0.62]), legend=None
                )
            ),
            base.mark_text(color=LIGHT["ink"]).encode(text="text:N"),
            *(
                [
                    alt.Chart(alt.Data(values=hidden))
                    .mark_text(fontSize=9 if narrow else 11, color=LIGHT["muted"])
                    .encode(x=x, y=y, text="text:N")
                ]
                if hidden
                else []
            ),
            *headings,
            *label_layers(alt.Chart(alt.Data(values=names)).encode(y=y), names),
        ).properties(width=step * len(columns), height=44 * len(rows))
    )
