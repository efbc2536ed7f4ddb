"""The length chart: columns of this release, what others published in a lighter tone beside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tasks.report.bars import HELD_BACK, nice_top
from tasks.report.drawing import Drawing, draw
from tasks.report.palette import LIGHT


@dataclass(frozen=True, slots=True)
class Columns:
    """Share by bin of one corpus; `colour` is a palette name, `held_back` the bins that are not shown."""

    name: str
    colour: str
    shares: Mapping[str, float]
    held_back: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Mark:
    """One quoted value at one bin."""

    text: str
    bin: str
    share: float


def draw_lengths(
    corpora: Sequence[Columns], marks: Sequence[Mark], *, median: float, axis_title: str, width: int
) -> Drawing:
    """Draw columns by bin, quoted values as labelled ticks, and the median.

    Args:
        corpora: this release first; its bins are the axis.
        marks: quoted values of other corpora.
        median: median of this release, in the unit of the bins.
        axis_title: what the bins are.
        width: px available.
    """
    import altair as alt

    order = list(corpora[0].shares)
    names = [c.name for c in corpora]
    rows = [{"bin": b, "corpus": c.name, "share": c.shares.get(b, 0.0)} for c in corpora for b in order]
    quoted = [m for m in marks if m.bin in order]
    highest = max([*(s for c in corpora for s in c.shares.values()), *(m.share for m in quoted)])
    thin = 9.0 if width >= 480 else 6.0
    # the quoted columns stand left of the first own one, so the axis begins with room for them
    room = (thin + 2) * len(quoted)
    step = (width - 44 - room) / len(order)
    own = step * 0.78
    x = alt.X(
        "bin:N",
        sort=order,
        title=axis_title,
        scale=alt.Scale(paddingInner=0.22, paddingOuter=room / step if quoted else 0.11, align=1.0),
        axis=alt.Axis(
            labelAngle=0, labelOverlap=True, ticks=False, labelPadding=6, titlePadding=8, grid=False
        ),
    )
    y = alt.Y(
        "share:Q",
        title=None,
        scale=alt.Scale(domain=[0, nice_top(highest)], nice=False),
        axis=alt.Axis(
            format=".0%", tickCount=5, domain=False, ticks=False, labelColor=LIGHT["muted"], labelFontSize=11
        ),
    )
    data = alt.Chart(alt.Data(values=rows)).encode(x=x)
    bars = data.mark_bar().encode(
        y=y,
        color=alt.Color(
            "corpus:N",
            scale=alt.Scale(domain=names, range=[LIGHT[c.colour] for c in corpora]),
            legend=None,
        ),
    )
    if len(corpora) > 1:
        bars = bars.encode(xOffset=alt.XOffset("corpus:N", sort=names))
    layers: list[Any] = [bars]
    for i, mark in enumerate(quoted):
        one = alt.Chart(alt.Data(values=[{"bin": mark.bin, "share": mark.share, "text": mark.text}])).encode(
            x=x, y=alt.Y("share:Q")
        )
        shift = -(own / 2 + (thin + 2) * (len(quoted) - i) - thin / 2)
        layers.append(one.mark_bar(size=thin, xOffset=shift, color=LIGHT["ended"]))
        layers.append(
            one.mark_text(align="left", baseline="top", dx=4 - own / 2, dy=1, color=LIGHT["muted"]).encode(
                text="text:N"
            )
        )
    if corpora[0].held_back:
        hidden = alt.Chart(
            alt.Data(values=[{"bin": b, "share": 0, "text": HELD_BACK} for b in sorted(corpora[0].held_back)])
        ).encode(x=x, y=alt.Y("share:Q"))
        layers.append(
            hidden.mark_text(angle=270, align="left", dx=5, fontSize=11, color=LIGHT["muted"]).encode(
                text="text:N"
            )
        )
    at = _bin_of(median, order)
    if at in corpora[0].held_back:
        at = None
    if at is not None:
        note = alt.Chart(
            alt.Data(values=[{"bin": at, "share": corpora[0].shares[at], "text": f"median {median:g}"}])
        ).encode(x=x, y=alt.Y("share:Q"))
        layers.append(note.mark_text(dy=-10, fontWeight="bold", color=LIGHT["ink"]).encode(text="text:N"))
    height = 210 if width < 480 else 260
    return draw(alt.layer(*layers).properties(width=step * len(order) + room, height=height))


def _bin_of(value: float, order: Sequence[str]) -> str | None:
    found = None
    for name in order:
        if float(name.rstrip("+")) <= value:
            found = name
    return found
