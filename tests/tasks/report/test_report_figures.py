"""Figures: every one draws, the same way every time, and says what it shows."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from schemas.config import ReportSettings
from tasks.report.bars import Bar, draw_bars, nice_top, percent
from tasks.report.drawing import for_file, for_page, wrap_words
from tasks.report.figures import NARROW, WIDE, list_figures, render_figures
from tasks.report.palette import DARK, LIGHT
from tests.report_release import computed_inputs, empty_tables, make_inputs, make_stats, make_tables

EXPECTED = {
    "conversation-length", "text-length", "languages", "models", "redactions", "topic-domains",
    "topic-subtopics", "reasons", "reactions", "reasons-by-stage", "reactions-by-stage",
    "reasons-by-domain", "reactions-by-domain", "relationships",
    "relationship-flow", "relationship-transitions", "thoughts-per-message", "participants-age-band",
    "participants-gender", "participants-education", "participants-occupation-group",
    "participants-ai-use-frequency", "participants-purposes",
}  # fmt: skip


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return render_figures(make_inputs())


def test_every_figure_is_there_as_svg_and_png(files: dict[str, bytes]) -> None:
    assert set(files) == {f"figures/{name}.{ending}" for name in EXPECTED for ending in ("svg", "png")}
    for name, content in files.items():
        if name.endswith(".png"):
            assert content.startswith(b"\x89PNG")
        else:
            assert ElementTree.fromstring(content).tag == "{http://www.w3.org/2000/svg}svg"


def test_figure_files_reach_for_nothing_outside(files: dict[str, bytes]) -> None:
    for name, content in files.items():
        if name.endswith(".svg"):
            text = content.decode().replace('xmlns="http://www.w3.org/2000/svg"', "")
            assert not re.search(r"https?:|href|<script|<image|@import|\son\w+=", text), name


@pytest.mark.parametrize(("name", "width"), [("narrow", NARROW), ("wide", WIDE)])
def test_drawings_keep_their_width(page_content: bytes, name: str, width: int) -> None:
    found = re.findall(rf'<svg class="{name}" width="\d+" viewBox="0 0 ([\d.]+) ', page_content.decode())
    assert len(found) >= 10
    assert all(float(w) <= width * 1.12 for w in found), found


def test_bars_stand_from_most_to_least(files: dict[str, bytes]) -> None:
    svg = files["figures/reactions.svg"].decode()
    shares = [float(s) for s in re.findall(r">(\d+\.\d) %<", svg)]
    assert shares == sorted(shares, reverse=True)
    assert len(shares) == 5


def test_published_values_are_drawn_lighter_and_can_be_left_out() -> None:
    def reasons(settings: ReportSettings) -> tuple[str, tuple[str, ...]]:
        figure = next(f for f in list_figures(make_inputs(settings=settings)) if f.name == "reasons")
        return figure.draw_at(WIDE).body, figure.columns

    body, columns = reasons(ReportSettings())
    assert LIGHT["blue-tint"] in body
    assert "Published" in columns
    body, columns = reasons(ReportSettings(show_published=False))
    assert LIGHT["blue-tint"] not in body
    assert "Published" not in columns


def test_the_last_release_is_a_tick_only_where_there_is_one() -> None:
    def ticks(**changed: object) -> bool:
        figure = next(f for f in list_figures(make_inputs(**changed)) if f.name == "reasons")
        return LIGHT["amber"] in figure.draw_at(WIDE).body

    assert ticks()
    assert not ticks(parent_stats=None, parent_version=None)
    assert not ticks(parent_stats={"stats_version": "0.1", "counts": {}})


def test_held_back_cells_say_so() -> None:
    drawing = draw_bars([Bar("Few", None, None), Bar("Many", 0.9, 90)], hue="slate", width=WIDE)
    assert ">held back<" in drawing.body
    assert ">90.0 %<" in drawing.body


def test_label_names_are_text_in_a_drawing() -> None:
    evil = '<script>alert(1)</script> "onload=alert(1)'
    stats = make_stats()
    for row in stats["reasons"]["labels"]:
        row["name"] = evil
    for part in (stats["reasons"]["by_stage"], stats["relationships"]["with_first"]):
        for row in part:
            row["name"] = evil
    for figure in list_figures(make_inputs(stats=stats)):
        if figure.draw is not None:
            inline = for_page(figure.draw_at(WIDE), name=figure.name, css_class="wide")
            parts = list(ElementTree.fromstring(inline).iter())
            assert "<script" not in inline
            assert not [name for part in parts for name in part.attrib if name.startswith("on")], figure.name


def test_nothing_to_draw_is_said_in_words() -> None:
    inputs = computed_inputs(empty_tables())
    assert render_figures(inputs) == {}
    for figure in list_figures(inputs):
        assert figure.draw is None
        assert figure.finding.endswith("."), figure.name


@pytest.mark.parametrize("n", [1, 2, 12])
def test_small_releases_draw(n: int) -> None:
    for policy in ("strict", "as-published"):
        for figure in list_figures(computed_inputs(make_tables(n), policy=policy)):
            if figure.draw is not None:
                figure.draw_at(NARROW)
            assert "nan" not in f"{figure.finding} {figure.base}".lower().split()


def test_percent_never_rounds_something_to_nothing() -> None:
    assert [percent(v) for v in (0.0, 0.0004, 0.0005, 0.37351, 1.0, None, float("nan"))] == [
        "0.0 %", "< 0.1 %", "0.1 %", "37.4 %", "100.0 %", "–", "–",
    ]  # fmt: skip
    assert [nice_top(v) for v in (0, 0.05, 0.051, 0.372, 0.81)] == [0.05, 0.05, 0.1, 0.4, 1.0]


def test_titles_are_wrapped_between_words() -> None:
    assert wrap_words("one two three", 7) == ["one two", "three"]
    assert wrap_words("", 5) == [""]
    drawing = draw_bars([Bar("A", 0.5, 1)], hue="blue", width=WIDE)
    svg = for_file(drawing, title="word " * 60, subtitle=(), legend=(), source="s")
    assert svg.count('font-size="17"') >= 4


def contrast(one: str, other: str) -> float:
    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
def test_text_and_marks_stand_out_from_the_ground(scheme: dict[str, str]) -> None:
    # WCAG 2.2: 4.5 for text, 3 for graphical objects
    assert set(scheme) == set(LIGHT)
    for name in ("ink", "muted"):
        assert contrast(scheme[name], scheme["ground"]) >= 4.5, name
    for name in ("blue", "orange", "green", "purple", "slate"):
        assert contrast(scheme[name], scheme["ground"]) >= 3, name
