"""The page: closed to the outside, complete, the same every time, and correct on odd releases."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import random
import re
import subprocess
import sys
from collections import Counter
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from schemas.config import ReportSettings
from tasks.report.explorer import MAX_TEXT_CHARACTERS, build_explorer
from tasks.report.gate_rows import read_gate
from tasks.report.page import MAX_BYTES, render_report
from tasks.report.proof import read_proof
from tasks.report.sections import flatten, read_changes
from tasks.report.visible import show_controls
from tests.report_release import (
    computed_inputs,
    empty_tables,
    make_changes,
    make_inputs,
    make_stats,
    make_tables,
)


class Page(HTMLParser):
    """Tags with their attributes, and the text outside of scripts and styles."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open = ""
        self.feed(content.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open = tag

    def handle_data(self, data: str) -> None:
        if self._open not in {"script", "style"}:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="session")
def content(page_content: bytes) -> bytes:
    return page_content


@pytest.fixture(scope="module")
def page(content: bytes) -> Page:
    return Page(content)


@pytest.fixture
def without_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures take most of the time and are not what some tests are about."""
    monkeypatch.setattr("tasks.report.page.list_figures", lambda inputs: ())


def test_page_refers_to_nothing_outside(page: Page, content: bytes) -> None:
    for tag, attributes in page.tags:
        assert tag not in {"iframe", "object", "embed", "base", "img", "audio", "video"}
        for name in ("src", "href", "action", "srcset", "xlink:href", "data", "poster"):
            value = attributes.get(name)
            assert value is None or value.startswith("#") or value == "data:,", (tag, value)
    style = re.search(rb"<style>(.*?)</style>", content, flags=re.S)
    assert style
    assert not re.search(rb"@import|url\(", style[1])


def test_policy_allows_exactly_our_script_and_style(page: Page, content: bytes) -> None:
    policy = next(a["content"] for t, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    for tag in ("style", "script"):
        blocks = re.findall(rf"<{tag}>(.*?)</{tag}>".encode(), content, flags=re.S)
        assert len(blocks) == 1
        digest = base64.b64encode(hashlib.sha256(blocks[0]).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_page_needs_no_inline_style_or_handler(page: Page) -> None:
    for tag, attributes in page.tags:
        assert "style" not in attributes, tag
        assert not [name for name in attributes if name.startswith("on")], tag


def test_page_is_the_same_in_every_process(content: bytes) -> None:
    # clip paths are numbered by a counter of the process, which a long-lived worker never resets: here other
    # figures may have been drawn before, there one is
    code = (
        "import hashlib\n"
        "from tests.report_release import make_inputs\n"
        "from tasks.report.figures import list_figures\n"
        "from tasks.report.page import render_report\n"
        "next(f for f in list_figures(make_inputs()) if f.name == 'reactions-by-stage').draw_at(340)\n"
        "print(hashlib.sha256(render_report(make_inputs())).hexdigest())\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
    )
    assert found.stdout.strip() == hashlib.sha256(content).hexdigest()


def test_ids_are_unique_and_every_reference_is_met(page: Page) -> None:
    ids = Counter(a["id"] for _, a in page.tags if a.get("id"))
    assert [i for i, n in ids.items() if n > 1] == []
    for tag, attributes in page.tags:
        for name in ("aria-labelledby", "form"):
            for target in (attributes.get(name) or "").split():
                assert target in ids, (tag, target)
        href = attributes.get("href") or ""
        assert not href.startswith("#") or href[1:] in ids


def test_figures_are_images_with_a_name_and_tables_have_headers(page: Page) -> None:
    drawings = [a for t, a in page.tags if t == "svg" and a.get("role") == "img"]
    assert len(drawings) >= 30
    assert all(a["aria-labelledby"] for a in drawings)
    assert all(a.get("aria-hidden") == "true" for t, a in page.tags if t == "svg" and a.get("role") != "img")
    tables = sum(t == "table" for t, _ in page.tags)
    assert tables > 20
    assert all(a.get("scope") in {"col", "row"} for t, a in page.tags if t == "th")


def test_headings_descend_without_gaps(page: Page) -> None:
    levels = [int(t[1]) for t, _ in page.tags if re.fullmatch(r"h[1-6]", t)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))


def test_headline_counts_and_differences(page: Page) -> None:
    for words in ("2,155 +49 since v1.0.0", "17,058 both roles · +384 since v1.0.0", "1,058 unchanged"):
        assert words in page.text
    assert "+61 −12 conversations" in page.text


@pytest.mark.usefixtures("without_figures")
def test_first_release_says_that_there_is_nothing_to_compare_with() -> None:
    text = Page(
        render_report(make_inputs(parent_version=None, parent_stats=None, changes=make_changes().clear()))
    ).text
    assert "This is the first release: there is nothing to compare it with." in text
    assert "since v" not in text


@pytest.mark.usefixtures("without_figures")
def test_parent_of_an_older_schema_is_named_and_not_guessed() -> None:
    text = Page(render_report(make_inputs(parent_stats={"stats_version": "0.3.0", "counts": 7}))).text
    assert "The figures of v1.0.0 have an older shape" in text
    assert "since v1.0.0" not in text.replace("No row changed since v1.0.0", "")


def null_survey() -> dict[str, pl.DataFrame]:
    tables = make_tables(30)
    columns = ("age_band", "gender", "education", "occupation_group", "ai_use_frequency")
    tables["participants"] = tables["participants"].with_columns(
        *(pl.lit(None, pl.String).alias(c) for c in columns), purposes=pl.lit([], pl.List(pl.String))
    )
    return tables


def one_label() -> dict[str, pl.DataFrame]:
    tables = make_tables(30)
    tables["labels"] = tables["labels"].filter(pl.col("value") == "task_motivation")
    return tables


def non_latin() -> dict[str, pl.DataFrame]:
    tables = make_tables(30)
    text = pl.lit("夏の旅行の計画を立てています。مرحبا بكم 👩‍👩‍👧‍👦")
    tables["messages"] = tables["messages"].with_columns(content=text, language=pl.lit("ja"))
    tables["conversations"] = tables["conversations"].with_columns(task_summary=text, language=pl.lit("ja"))
    return tables


def no_labels() -> dict[str, pl.DataFrame]:
    tables = make_tables(30)
    return tables | {"labels": tables["labels"].clear(), "thoughts": tables["thoughts"].clear()}


@pytest.mark.parametrize(
    "tables",
    [empty_tables(), make_tables(1), null_survey(), one_label(), non_latin(), no_labels()],
    ids=["no_rows", "one_participant", "null_survey", "one_label", "non_latin", "no_labels"],
)
def test_odd_releases_give_a_whole_page(tables: dict[str, pl.DataFrame]) -> None:
    page = Page(render_report(computed_inputs(tables)))
    assert "First release" in page.text
    words = set(re.findall(r"[A-Za-z]+", page.text))
    assert not words & {"None", "nan", "NaN", "inf", "Infinity", "Undefined"}
    figures = sum(t == "figure" for t, _ in page.tags)
    assert figures >= 14


@pytest.mark.usefixtures("without_figures")
def test_page_stays_small_and_the_sample_even() -> None:
    tables = make_tables(240)
    rng = pl.Series(range(tables["messages"].height))
    # text that compresses badly
    long = [random.Random(i).randbytes(2_500).hex() for i in rng]
    tables["messages"] = tables["messages"].with_columns(content=pl.Series(long))
    content = render_report(make_inputs(tables=tables))
    assert len(content) < MAX_BYTES
    document = unpack(content)
    assert 20 < len(document["conversations"]) < 200
    domains = Counter(c["domains"][0] for c in document["conversations"])
    assert max(domains.values()) - min(domains.values()) <= 2


def unpack(content: bytes) -> dict[str, Any]:
    found = re.search(rb'id="explorer-data">(.*?)</script>', content, flags=re.S)
    assert found
    return json.loads(gzip.decompress(base64.b64decode(found[1])))


@pytest.mark.usefixtures("without_figures")
def test_explorer_leaves_out_sensitive_conversations_and_cuts_long_texts() -> None:
    tables = make_tables(10)
    flagged = tables["conversations"]["conversation_id"][3]
    tables["messages"] = tables["messages"].with_columns(
        sensitive=pl.when((pl.col("conversation_id") == flagged) & (pl.col("position") == 0))
        .then(pl.lit(["health"], pl.List(pl.String)))
        .otherwise(pl.col("sensitive")),
        content=pl.when(pl.col("position") == 1).then(pl.lit("x" * 90_000)).otherwise(pl.col("content")),
    )
    document = unpack(render_report(make_inputs(tables=tables)))
    assert {c["id"] for c in document["conversations"]} == set(tables["conversations"]["conversation_id"]) - {
        flagged
    }
    texts = [m["text"] for c in document["conversations"] for m in c["messages"]]
    assert max(map(len, texts)) < MAX_TEXT_CHARACTERS + 100


@pytest.mark.usefixtures("without_figures")
def test_explorer_shows_thoughts_under_their_message() -> None:
    inputs = make_inputs()
    document = unpack(render_report(inputs))
    thoughts = inputs.tables["thoughts"]
    counted = sum(len(m["thoughts"]) for c in document["conversations"] for m in c["messages"])
    assert counted == thoughts.height
    kinds = {
        (m["role"], t["kind"])
        for c in document["conversations"]
        for m in c["messages"]
        for t in m["thoughts"]
    }
    assert kinds == {("user", "reason"), ("assistant", "reaction")}


@pytest.mark.usefixtures("without_figures")
def test_explorer_can_be_switched_off() -> None:
    inputs = make_inputs(settings=ReportSettings(max_explorer_conversations=0))
    assert build_explorer(inputs).n_conversations == 0
    assert "the sample is switched off" in Page(render_report(inputs)).text


@pytest.mark.usefixtures("without_figures")
def test_steering_characters_are_made_visible() -> None:
    assert show_controls("a\u202eb\x00c\ufeff\td\r\n\u200d") == "a⟨U+202E⟩b⟨U+0000⟩c⟨U+FEFF⟩\td\n\u200d"
    stats = make_stats()
    stats["models"][0]["model_name"] = "GPT\u202e4"
    assert "\u202e" not in render_report(make_inputs(stats=stats)).decode()


def test_changes_reconcile_row_by_row() -> None:
    rows = {row.table: row for row in read_changes(make_changes())}
    for row in rows.values():
        assert row.before - row.removed + row.added == row.now
        assert row.now == row.added + row.changed + row.unchanged
    assert (rows["conversations"].before, rows["conversations"].now) == (2106, 2155)


def test_gate_shows_what_failed_first() -> None:
    def check(name: str, status: str, severity: str) -> dict[str, Any]:
        return {
            "name": name,
            "status": status,
            "severity": severity,
            "current": 0.5,
            "previous": None,
            "why": "w",
        }

    table = read_gate(
        {
            "checks": [
                check("b", "passed", "critical"),
                check("a", "failed", "warning"),
                check("c", "failed", "critical"),
                check("d", "skipped", "critical"),
            ]
        }
    )
    assert [(r.name, r.result) for r in table.open] == [("c", "failed"), ("a", "warning")]
    assert [r.result for r in table.settled] == ["passed", "nothing to judge"]
    assert table.words == "1 of 4 checks passed, 1 failed, 1 with a warning, 1 had nothing to judge."
    assert read_gate({}).n_checks == 0


def test_privacy_figures_carry_their_mood() -> None:
    good = {
        "k_margin": 2, "k_required": 5,
        "canary": {"structured_recall": 1.0, "names_recall": 0.96, "names_recall_low": 0.93},
        "second_scan": {"hits": 0}, "extra": {"n_pending": 0},
    }  # fmt: skip
    proof = read_proof(good)
    assert [m.value for m in proof.measures] == ["7", "100 %", "96 %", "0"]
    assert proof.mood == "good"
    assert ("extra: pending", "0") in proof.rest
    assert read_proof({**good, "k_margin": -1}).mood == "bad"
    assert read_proof({**good, "second_scan": {"hits": 3}}).mood == "bad"
    assert read_proof({}).mood == "warn"


def test_flatten_leaves_tables_out_and_formats_numbers() -> None:
    rows = flatten(
        {"n_calls": 1200, "usd": 0.123456, "is_ok": True, "rows": [{"a": 1}], "kinds": ["x", "y"], "no": None}
    )
    assert rows == [("calls", "1,200"), ("usd", "0.1235"), ("is ok", "yes"), ("kinds", "x, y")]
