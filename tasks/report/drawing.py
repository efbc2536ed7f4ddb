"""From an Altair chart to a stable SVG: no browser, no clock, the same bytes in every process."""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from markupsafe import escape

from tasks.report.palette import LIGHT, replace_colours

if TYPE_CHECKING:
    import altair as alt

FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
"""vl-convert carries Liberation Sans, so text is measured alike on every machine."""

_CONFIG: dict[str, Any] = {
    "font": FONT,
    "background": "white",
    "aria": False,
    "padding": 2,
    "view": {"stroke": None},
    "axis": {
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "gridColor": LIGHT["grid"],
        "domainColor": LIGHT["axis"],
        "tickColor": LIGHT["axis"],
        "labelColor": LIGHT["ink"],
        "titleColor": LIGHT["muted"],
    },
    "text": {"font": FONT, "fontSize": 12, "color": LIGHT["ink"]},
}
"""Set on the finished specification: every `configure` call of Altair copies the whole chart."""

_PAGE_SCALE = 1.15
"""How large a drawing stands on the page at most; the same for all, so that their text has one size."""

_SIZE = re.compile(r'<svg [^>]*?viewBox="0 0 ([\d.]+) ([\d.]+)"[^>]*>')
_BACKGROUND = re.compile(r'<rect width="[\d.]+" height="[\d.]+" fill="white"/>')
_CLIP_ID = re.compile(r'(id="|url\(#)(clip\d+)')
_LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}")
_HIDDEN = re.compile(r'<path class="(?:fore|back)ground"[^>]*?/>')
_NOISE = re.compile(
    r' (?:aria-hidden="true"|pointer-events="none"|role="[^"]*"|aria-\w+="[^"]*"|class="[^"]*"|opacity="1")'
)


@dataclass(frozen=True, slots=True)
class Drawing:
    """The inside of an SVG and its size in px."""

    body: str
    width: float
    height: float


@contextmanager
def without_validation() -> Generator[None, None, None]:
    """Build charts without checking each part against the Vega-Lite schema, which takes most of the time.

    The charts are ours and tests draw every one of them.
    """
    from altair.utils.schemapi import debug_mode

    with debug_mode(False):
        yield


def draw(chart: alt.Chart | alt.LayerChart | alt.HConcatChart | alt.VConcatChart | Any) -> Drawing:
    """Render a chart without title to SVG parts.

    Identifiers of clip paths come from a counter of the process: they are numbered anew, so that the
    same chart gives the same bytes whatever was drawn before.
    """
    return _render(chart.to_dict(validate=False))


def draw_rows(rows: Sequence[Sequence[Any]], *, gap: int, row_gap: int) -> Drawing:
    """Render charts that stand in rows, each with scales of its own.

    Altair's own concatenation copies every chart several times over, which takes longer than drawing it.

    Args:
        rows: charts from left to right, rows from top to bottom.
        gap: px between the charts of a row.
        row_gap: px between rows.
    """
    datasets: dict[str, Any] = {}

    def place(chart: Any) -> dict[str, Any]:
        spec: dict[str, Any] = chart.to_dict(validate=False)
        datasets.update(spec.pop("datasets", {}))
        return {key: value for key, value in spec.items() if key not in {"$schema", "config"}}

    import altair as alt

    placed = [{"hconcat": [place(chart) for chart in row], "spacing": gap} for row in rows]
    return _render({"$schema": alt.SCHEMA_URL, "vconcat": placed, "spacing": row_gap, "datasets": datasets})


def _render(spec: dict[str, Any]) -> Drawing:
    import vl_convert

    svg = vl_convert.vegalite_to_svg({**spec, "config": _CONFIG})
    size = _SIZE.search(svg)
    if size is None:
        raise ValueError("vl-convert returned an SVG without a viewBox")
    body = _BACKGROUND.sub("", svg[size.end() : svg.rindex("</svg>")], count=1)
    body = _NOISE.sub("", _HIDDEN.sub("", body))
    body = _LONG_NUMBER.sub(lambda n: f"{float(n[0]):.2f}".rstrip("0").rstrip("."), body)
    numbers: dict[str, str] = {}

    def renumber(found: re.Match[str]) -> str:
        return found[1] + numbers.setdefault(found[2], f"c{len(numbers)}")

    return Drawing(_CLIP_ID.sub(renumber, body), float(size[1]), float(size[2]))


def for_page(drawing: Drawing, *, name: str, css_class: str) -> str:
    """Return the drawing as an inline SVG that follows the page's colours.

    Args:
        drawing: what to show.
        name: prefix of identifiers, unique on the page; `<name>-t` and `<name>-d` are the ids of its title
            and description.
        css_class: shown or hidden by the width of the page.
    """
    name = str(escape(name))
    wide = round(drawing.width * _PAGE_SCALE)
    body = replace_colours(drawing.body)
    body = re.sub(r'(id="|url\(#)(?=c\d)', rf"\g<1>{name}-{css_class}-", body)
    return (
        f'<svg class="{css_class}" width="{wide}" viewBox="0 0 {drawing.width:g} {drawing.height:g}" '
        f'role="img" aria-labelledby="{name}-t {name}-d">{body}</svg>'
    )


def for_file(
    drawing: Drawing, *, title: str, subtitle: Sequence[str], legend: Sequence[tuple[str, str]], source: str
) -> str:
    """Return the drawing as a file of its own: title, legend, white ground and source line.

    Args:
        drawing: the figure.
        title: what it shows, one line or two.
        subtitle: lines below the title.
        legend: pairs of palette colour and text.
        source: the line at the bottom.
    """
    margin = 20.0
    width = max(drawing.width, 480.0) + 2 * margin
    out: list[str] = []
    y = margin
    for line in wrap_words(title, int((width - 2 * margin) / 8.6)):
        y += 20
        out.append(_text(line, margin, y, size=17, weight="bold", colour="ink"))
    for line in (part for text in subtitle for part in wrap_words(text, int((width - 2 * margin) / 6.2))):
        y += 18
        out.append(_text(line, margin, y, size=13, colour="muted"))
    x = margin
    if legend:
        y += 24
    for colour, text in legend:
        needed = 22 + 6.6 * len(text) + 18
        if x > margin and x + needed > width - margin:
            x, y = margin, y + 20
        out.append(f'<rect x="{x:g}" y="{y - 10:g}" width="12" height="12" fill="{LIGHT[colour]}"/>')
        out.append(_text(text, x + 18, y, size=12, colour="ink"))
        x += needed
    y += 18
    height = y + drawing.height + 34
    out.append(f'<g transform="translate({margin:g},{y:g})">{drawing.body}</g>')
    out.append(_text(source, margin, height - 12, size=11, colour="muted"))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" '
        f'viewBox="0 0 {width:g} {height:g}" font-family="{FONT}" role="img">'
        f"<title>{escape(title)}</title>"
        f'<rect width="100%" height="100%" fill="{LIGHT["ground"]}"/>{"".join(out)}</svg>\n'
    )


def to_png(svg: str) -> bytes:
    """Return the file as PNG at two pixels per px."""
    import vl_convert

    return vl_convert.svg_to_png(svg, scale=2)


def wrap_words(text: str, width: int) -> list[str]:
    """Break a text between words into lines of at most `width` characters (a longer word stays whole)."""
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines or [""]


def _text(text: str, x: float, y: float, *, size: int, colour: str, weight: str = "normal") -> str:
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size}" font-weight="{weight}" fill="{LIGHT[colour]}">'
        f"{escape(text)}</text>"
    )
