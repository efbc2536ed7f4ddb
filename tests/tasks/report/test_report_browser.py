"""The page in a real browser: nothing planted in the data runs, and the explorer works by hand and key."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from schemas.config import ReportSettings
from tasks.report.page import render_report
from tests.hostile_text import PAYLOADS
from tests.report_release import make_inputs, make_stats, make_tables

pytestmark = pytest.mark.e2e

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
EVIL = " ".join(PAYLOADS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on PATH: the page was not opened in a browser")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    gate = {
        "checks": [
            {
                "name": "kept",
                "status": "passed",
                "severity": "critical",
                "current": 1.0,
                "previous": 1.0,
                "why": "fine",
            }
        ]
    }
    path.write_bytes(render_report(make_inputs(gate=gate)))
    return path


def open_page(browser: Any, place: Path, **options: Any) -> Any:
    page = browser.new_context(**{"viewport": {"width": 1200, "height": 900}, **options}).new_page()
    page.goto(place.as_uri())
    page.wait_for_function("document.documentElement.dataset.explorer === 'ready'")
    return page


def poison(value: Any) -> Any:
    """Put the payloads in every string of a document; keys and numbers stay."""
    if isinstance(value, dict):
        return {key: poison(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [poison(inner) for inner in value]
    return f"{value}{EVIL}" if isinstance(value, str) else value


def poisoned_inputs() -> Any:
    tables = make_tables(6)
    keep = {
        "conversation_id",
        "message_id",
        "thought_id",
        "item_id",
        "facet",
        "kind",
        "role",
        "stage",
        "position",
    }
    for name, table in tables.items():
        strings = [c for c, t in table.schema.items() if t == pl.String and c not in keep]
        tables[name] = table.with_columns(pl.concat_str(pl.col(c), pl.lit(EVIL)).alias(c) for c in strings)
    inputs = make_inputs()
    stats = make_stats()
    stats["conversation_length"]["published"] = poison(stats["conversation_length"]["published"])
    for part in ("models", "topics", "reasons", "reactions", "relationships", "demographics", "languages",
                 "redactions", "labelling", "definitions"):  # fmt: skip
        stats[part] = poison(stats[part])
    for part in ("reasons", "reactions"):
        stats[part]["facet"] = part[:-1]
        for row in stats[part]["by_stage"]:
            row["group"] = row["group"].removesuffix(EVIL)
    for row in stats["relationships"]["turn_flow"]:
        for key in ("step", "from_value", "to_value"):
            row[key] = row[key].removesuffix(EVIL)
    return replace(
        inputs,
        version=f"v1.1.0{EVIL}",
        parent_version=f"v1.0.0{EVIL}",
        policy=f"strict{EVIL}",
        settings=ReportSettings(title=f"Title{EVIL}", license=f"by{EVIL}", contact=EVIL),
        stats=stats,
        gate={
            "note": EVIL,
            "checks": [{"name": EVIL, "status": "failed", "severity": "critical", "why": EVIL}],
        },
        privacy={
            "k_margin": 0,
            "k_required": EVIL,
            EVIL: EVIL,
            "nested": {EVIL: [EVIL, EVIL]},
            "canary": {"by_type": {EVIL: {"n_planted": EVIL, "n_masked": 1, "recall": 1.0}}},
            "attributes": {EVIL: {"n_answered": EVIL}},
            "sensitive": {EVIL: 3},
        },
        quality={
            EVIL: {
                "release_on_gold": {
                    "n_items": 40,
                    "n_groups": 9,
                    "accuracy": 0.5,
                    "kappa": {"value": 0.5, "low": 0.4, "high": 0.6},
                    "multi_label_f1": {"value": 0.5, "low": 0.4, "high": 0.6},
                    "confusion": {EVIL: {EVIL: 30, "other": 10}},
                }
            },
        },
        cost={EVIL: EVIL},
        provenance={
            "code": {EVIL: EVIL},
            "inputs": [{"name": EVIL, "dialect": EVIL, "sha256": EVIL}],
            "taxonomies": {EVIL: {"version": EVIL, "sha256": EVIL}},
            "models": [{"facet": EVIL, "name": EVIL, "snapshot": EVIL, "prompt_sha256": EVIL}],
        },
        changes=inputs.changes.with_columns(
            reason=pl.lit(EVIL), from_value=pl.col("from_value") + EVIL, to_value=pl.col("to_value") + EVIL
        ),
        funnel=inputs.funnel.with_columns(stage=pl.col("stage") + EVIL),
        quarantine_summary=inputs.quarantine_summary.with_columns(rule=pl.col("rule") + EVIL),
        tables=tables,
    )


def test_nothing_planted_in_the_data_runs(browser: Any, tmp_path: Path) -> None:
    place = tmp_path / "evil.html"
    place.write_bytes(render_report(poisoned_inputs()))
    page = browser.new_context().new_page()
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append(f"dialog {dialog.message}"))
    page.goto(place.as_uri())
    page.wait_for_function("document.documentElement.dataset.explorer === 'ready'")
    for details in page.query_selector_all("details"):
        details.evaluate("node => node.open = true")
    for _ in range(6):
        page.keyboard.press("Tab")
    for hit in page.query_selector_all("#explorer-hits button"):
        hit.click()
    page.fill("input[name=text]", "<script>")
    page.wait_for_timeout(300)

    assert page.evaluate("window.pwned") is None
    assert page.title().startswith("Title<script>")
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    # a refused inline script would be said here: markup must not come to be in the first place
    assert said == []
    assert page.locator("script").count() == 2
    assert page.locator("main img, main a[href^='javascript'], main svg[onload], main style").count() == 0
    assert page.locator("#explorer-reading mark").first.inner_text() == "<script>"
    assert PAYLOADS[1] in page.locator("#explorer-reading").inner_text()


def test_page_asks_for_nothing(browser: Any, place: Path) -> None:
    page = browser.new_context(offline=True).new_page()
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto(place.as_uri())
    page.wait_for_function("document.documentElement.dataset.explorer === 'ready'")
    assert [url for url in asked if not url.startswith("data:")] == [place.as_uri()]
    assert said == []


def test_filters_narrow_the_sample(browser: Any, place: Path) -> None:
    page = open_page(browser, place)
    count, hits = page.locator("#explorer-count"), page.locator("#explorer-hits button")
    assert count.inner_text() == "60 of 60 conversations"
    assert hits.count() == 60

    page.select_option("select[name=label]", "reaction:scope_fit")
    page.wait_for_timeout(250)
    assert 0 < hits.count() < 60
    marked = page.locator(".thought.is-hit")
    assert "Scope Fit" in marked.first.inner_text()

    page.select_option("select[name=stage]", "late")
    page.wait_for_timeout(250)
    both = hits.count()
    page.select_option("select[name=length]", "13-100000")
    page.wait_for_timeout(250)
    assert hits.count() <= both

    page.click("button[type=reset]")
    page.wait_for_timeout(250)
    assert hits.count() == 60
    page.fill("input[name=text]", "Chickpeas")
    page.wait_for_timeout(250)
    assert 0 < hits.count() < 60
    assert page.locator("#explorer-reading mark").first.inner_text() == "chickpeas"
    page.fill("input[name=text]", "no such word in any text")
    page.wait_for_timeout(250)
    assert count.inner_text() == "0 of 60 conversations"
    assert "Nothing fits" in page.locator("#explorer-reading").inner_text()

    page.click("button[type=reset]")
    page.wait_for_timeout(250)
    for name in ("domain", "model"):
        value = page.locator(f"select[name={name}] option").nth(1).get_attribute("value")
        page.select_option(f"select[name={name}]", value)
        page.wait_for_timeout(250)
        assert hits.count() < 60
        page.click("button[type=reset]")
        page.wait_for_timeout(250)


def test_thoughts_stand_beside_their_message(browser: Any, place: Path) -> None:
    page = open_page(browser, place)
    page.select_option("select[name=label]", "reason:task_motivation")
    page.wait_for_timeout(250)
    turn = page.locator(".turn:has(.thought.is-hit)").first
    message = turn.locator(".message").bounding_box()
    thought = turn.locator(".thought.is-hit").first.bounding_box()
    assert thought["x"] > message["x"] + message["width"]
    assert abs(thought["y"] - message["y"]) < 200
    assert "user" in turn.get_attribute("class").split()


def test_explorer_works_with_keys_alone(browser: Any, place: Path) -> None:
    page = open_page(browser, place)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.locator("#explorer-hits button").first.focus()
    before = page.locator("#explorer-reading").inner_text()
    page.keyboard.press("ArrowDown")
    assert page.locator("#explorer-hits button").nth(1).get_attribute("aria-current") == "true"
    assert page.locator("#explorer-reading").inner_text() != before
    long = page.locator(".message button").first
    if long.count():
        long.focus()
        page.keyboard.press("Enter")
        assert long.get_attribute("aria-expanded") == "true"


@pytest.mark.parametrize("width", [320, 390, 768, 1200])
def test_no_sideways_scrolling(browser: Any, place: Path, width: int) -> None:
    page = open_page(browser, place, viewport={"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    shown = page.locator("#figure-topic-domains .plot svg:visible")
    assert shown.count() == 1


def test_colours_follow_the_scheme(browser: Any, place: Path) -> None:
    grounds = {}
    for scheme in ("light", "dark"):
        page = open_page(browser, place, color_scheme=scheme)
        grounds[scheme] = page.evaluate(
            "[document.body, document.querySelector('#figure-reasons svg rect, #figure-reasons svg path[fill]')]"
            ".map(n => n === document.body ? getComputedStyle(n).backgroundColor : getComputedStyle(n).fill)"
        )
    assert grounds["light"][0] == "rgb(247, 248, 249)"
    assert grounds["light"] != grounds["dark"]


def test_paper_shows_everything_but_the_explorer(browser: Any, place: Path) -> None:
    page = open_page(browser, place, color_scheme="dark")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator("#explorer").is_visible()
    assert not page.locator("nav.contents").is_visible()
    assert page.locator("#gate details td").first.is_visible()
    assert page.locator("#figure-reasons svg").first.is_visible()
    assert page.pdf(format="A4").startswith(b"%PDF")


def test_reader_hears_names_and_state(browser: Any, place: Path) -> None:
    page = open_page(browser, place)
    tree = page.locator("body").aria_snapshot()
    for words in (
        'navigation "Contents"', "main", 'region "At a glance"', 'img "Why users wrote a message',
        'search "Search and filter the sample"', 'searchbox "Search words"', 'combobox "Topic domain"',
        "status: 60 of 60 conversations", 'article "Conversation"',
    ):  # fmt: skip
        assert words in tree, words
