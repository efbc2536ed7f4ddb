"""What a reader is told where cells are held back, and what a first release says about its changes."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from schemas.fields import TABLES
from tasks.report.agreement import read_confusions
from tasks.report.figures import WIDE, Figure, list_figures
from tasks.report.page import render_report
from tests.report_release import make_inputs, make_stats


def figure_of(name: str, stats: dict[str, Any]) -> Figure:
    return next(f for f in list_figures(make_inputs(stats=stats)) if f.name == name)


def blank(row: dict[str, Any]) -> None:
    row.update(n=None, share=None, is_suppressed=True)


def test_a_length_that_is_held_back_is_no_empty_bin() -> None:
    stats = make_stats()
    bins = stats["conversation_length"]["histogram"]
    blank(next(b for b in bins if b["n_messages"] == 6))
    bins[:] = [b for b in bins if b["n_messages"] not in {2, 4}]
    figure = figure_of("conversation-length", stats)
    body = figure.draw_at(WIDE).body
    assert body.count(">held back<") == 1
    assert "held back to protect participants" in figure.base
    # the axis begins at two messages, and the published shares of two messages stand there
    assert ">2<" in body
    assert "WildChat 60 %" in body


def test_another_corpus_is_drawn_beside_the_release() -> None:
    stats = make_stats()
    bins = [(2, False, 60), (3, False, 10), (30, True, 30)]
    stats["conversation_length"]["compared"] = {
        "corpus": "LMSYS-Chat-1M",
        "n_conversations": 100,
        "spread": stats["conversation_length"]["spread"] | {"median": 2.0},
        "histogram": [{"n_messages": n, "is_or_more": more, "n": k, "share": k / 100} for n, more, k in bins],
    }
    figure = figure_of("conversation-length", stats)
    assert "LMSYS-Chat-1M as counted here 2" in figure.finding
    assert figure.columns[-1] == "Share in LMSYS-Chat-1M"
    # an odd length occurs there, so that odd lengths stand on the axis
    assert [row[0] for row in figure.rows][:3] == ["1", "2", "3"]
    assert next(row for row in figure.rows if row[0] == "3")[1:] == ("0", "0.0 %", "10.0 %")
    figure.draw_at(WIDE)


def test_held_back_flows_are_part_of_the_whole() -> None:
    stats = make_stats()
    flows = stats["relationships"]["turn_flow"]
    whole = sum(row["n"] for row in flows if row["step"] == "1>2")
    for row in flows:
        if row["step"] == "1>2" and row["to_value"] in {"(end)", "new_variation"}:
            blank(row)
    figure = figure_of("relationship-flow", stats)
    assert (
        f"How many of {whole:,} conversations end after the first user message is held back" in figure.finding
    )
    assert "Held back" in figure.draw_at(WIDE).body

    for row in flows[1:]:
        blank(row)
    alone = figure_of("relationship-flow", stats)
    assert alone.draw is None
    assert "so nothing is drawn" in alone.base
    assert len(alone.rows) == 1


def test_transitions_name_what_is_held_back() -> None:
    stats = make_stats()
    flows = stats["relationships"]["transitions"]
    blank(flows[1])
    figure = figure_of("relationship-transitions", stats)
    assert [cell for row in figure.rows for cell in row].count("held back") == 1
    assert ">held back<" in figure.draw_at(WIDE).body


def test_labels_by_domain_name_the_extremes_and_what_is_held_back() -> None:
    stats = make_stats()
    cells = stats["reasons"]["by_domain"]
    for row in cells:
        if row["group"] == "technology" or row["value"] == "style_expectation":
            blank(row)
    figure = figure_of("reasons-by-domain", stats)
    assert figure.finding.startswith(
        "Task Motivation & Goal runs from 37 % in Culture & Lifestyle to 49 % in"
    )
    assert "Style Expectation" not in figure.columns
    assert "Technology" not in {row[0] for row in figure.rows}
    next(row for row in cells if row["group"] == "culture_lifestyle" and row["n"])["n"] = None
    figure.draw_at(WIDE)
    for row in cells:
        blank(row)
    assert figure_of("reasons-by-domain", stats).draw is None


def test_a_label_with_nothing_to_show_has_no_panel() -> None:
    stats = make_stats()
    for row in stats["reactions"]["by_stage"]:
        if row["value"] == "scope_fit":
            blank(row)
    figure = figure_of("reactions-by-stage", stats)
    assert "Not shown for the same reason: Scope Fit." in figure.base
    assert "Scope Fit" not in figure.draw_at(WIDE).body
    for row in stats["reactions"]["by_stage"]:
        blank(row)
    assert figure_of("reactions-by-stage", stats).draw is None


def test_answers_that_nobody_gave_share_one_card() -> None:
    stats = make_stats()
    cells = stats["demographics"]["cells"]
    stats["demographics"]["cells"] = [
        c for c in cells if c["is_missing"] or c["attribute"] not in {"gender", "education"}
    ]
    figures = [f for f in list_figures(make_inputs(stats=stats)) if f.section == "participants"]
    assert [f.finding for f in figures if f.draw is None] == [
        "Gender, Education: no participant answered, or too few to show."
    ]


@pytest.mark.parametrize(
    ("languages", "words"),
    [
        ([("en", 1.0), ("und", 0.0)], "All conversations are in English; one language was detected."),
        ([("und", 0.9), ("ja", 0.1)], "The language of 90.0 % could not be told; one language was detected."),
        ([("ja", 0.6), ("ar", 0.4)], "60.0 % are in Japanese; 2 languages were detected."),
    ],
)
def test_languages_are_counted_without_the_unknown(languages: list[tuple[str, float]], words: str) -> None:
    stats = make_stats()
    stats["languages"] = [
        {"language": code, "n_conversations": int(1000 * s), "share": s, "n_messages": 1, "n_participants": 1}
        for code, s in languages
    ]
    assert figure_of("languages", stats).finding == words


def test_a_first_release_lists_no_labels_as_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.report.page.list_figures", lambda inputs: ())
    added = pl.DataFrame(
        [
            ("conversations", "added", "", "", "", 20),
            ("labels.reason", "added", "", "", "task_motivation", 30),
            ("labels.topic", "changed", "labels", "", "technology", 12),
        ],
        schema=TABLES["changes"].polars_schema(),
        orient="row",
    )
    page = render_report(make_inputs(parent_version=None, parent_stats=None, changes=added)).decode()
    section = page[page.index('<section id="changes"') : page.index('<section id="funnel"')]
    assert "This is the first release" in section
    assert "<table" not in section
    assert "none" not in section


def test_confusions_keep_what_is_held_back() -> None:
    confusion = {"task_motivation": {"task_motivation": 40, "task_continuation": None}}
    quality = {"reason": {"release_on_gold": {"n_items": 45, "n_groups": 9, "confusion": confusion}}}
    (table,) = read_confusions(make_inputs(quality=quality))
    assert table.rows == (("Task Motivation & Goal", "40", "held back"),)
