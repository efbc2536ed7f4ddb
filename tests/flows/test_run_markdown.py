"""Pages in the Prefect UI show what users wrote as text: nothing of it is a tag, a link or a cell of its own."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from markdown_it import MarkdownIt

from flows.approval import describe_candidate
from flows.evaluate import summarise
from flows.spending import _tabulate
from flows.telling import summarise_outcome
from flows.verify import summarise_check
from flows.watch import _summarise
from tests.hostile_text import PAYLOADS

TICKS = ("`<img src=x>`", "`` ` <b>", "a | b", "[x](http://evil)", "\n\n# head\n\n<hr>", "![p](http://evil)")
OWN = {"h2", "p", "ul", "li", "code", "strong", "table", "thead", "tbody", "tr", "th", "td", "blockquote"}
GATE: dict[str, Any] = {"passed": True, "warnings": []}


def outcome(text: str) -> dict[str, Any]:
    return {
        "version": "v1.0.0",
        "status": "rejected",
        "policy": "strict",
        "why": text,
        "places": {"candidate": text},
        "parent": "",
        "candidate_id": "c" * 16,
        "changes": {},
        "funnel": [],
        "privacy": {},
        "cost": {},
        "gate": GATE | {"warnings": [text]},
    }


def evaluation(text: str) -> dict[str, Any]:
    row = {"metric": text, "group": text, "condition": "", "model": text, "judge": ""}
    numbers = dict.fromkeys(("n", "n_of", "value", "low", "high", "published"), 1)
    return {
        "suite": "s",
        "version": "v1.0.0",
        "status": "complete",
        "question": "?",
        "notes": [text],
        "results": [row | numbers],
        "counts": {"items": 1, "participants": 1, "left_out": {}, "failures": {"x": {text: 1}}},
        "cost": {"usd": 0, "calls": 0, "memo_hits": 0},
        "folder": text,
    }


def findings(text: str) -> dict[str, Any]:
    found = {"file": text, "item_id": text, "field": text, "kind": text}
    return {"n_files": 1, "findings": [found], "measures": {"k": 5}}


def check(text: str) -> dict[str, Any]:
    problem = {"path": text, "what": text}
    return {"version": "v1.0.0", "ok": False, "n_files": 1, "n_bytes": 1, "problems": [problem]}


PAGES: dict[str, Callable[[str], str]] = {
    "arrivals": lambda text: _summarise({"exports": [text]}, [text]),
    "check": lambda text: summarise_check(check(text), findings(text)),
    "approval": lambda text: describe_candidate(outcome(text)),
    "outcome": lambda text: summarise_outcome(outcome(text)),
    "evaluation": lambda text: summarise(evaluation(text)),
    "spending": lambda text: _tabulate(("a", "b"), [("---", "---"), (text, text)]),
}


@pytest.mark.parametrize("payload", [*PAYLOADS, *TICKS])
@pytest.mark.parametrize("page", PAGES)
def test_text_stays_text(page, payload) -> None:
    render = MarkdownIt("commonmark", {"html": True}).enable("table").render
    html, plain = render(PAGES[page](payload)), render(PAGES[page]("x"))
    tags = re.findall(r"<(/?[a-zA-Z!][^\s>]*)", html)
    assert {tag.strip("/") for tag in tags} <= OWN
    assert tags == re.findall(r"<(/?[a-zA-Z!][^\s>]*)", plain)


@pytest.mark.parametrize("payload", [*PAYLOADS, *TICKS])
def test_code_shows_what_is_there(payload) -> None:
    from tasks.report.markdown import markdown_code
    from tasks.report.visible import show_controls

    (token,) = MarkdownIt("commonmark").parseInline(markdown_code(payload))
    (code,) = [child for child in token.children or [] if child.content]
    assert code.type == "code_inline"
    assert code.content == re.sub(r"\s*[\n\u2028]+\s*", " ", show_controls(payload))


def test_the_report_of_a_run_is_linked() -> None:
    url = "http://reports/releases/v1.0.0/report.html"
    assert f"[Report of v1.0.0]({url})" in summarise_outcome(outcome("x") | {"report_url": url})
    assert "Report of" not in summarise_outcome(outcome("x"))


def test_the_address_of_the_report_follows_the_status() -> None:
    from datetime import UTC, datetime

    from flows.outcome import conclude
    from schemas.config import RunSettings, Settings
    from schemas.run import RunContext

    settings = Settings(store="s", run=RunSettings(reports_url="http://reports/"))
    run = RunContext(
        store="s", private="s/private", settings=settings, started_at=datetime(2026, 1, 1, tzinfo=UTC)
    )
    addresses = {
        status: conclude(run, outcome("x"), status, "c1")["report_url"]
        for status in ("staged", "published", "rejected", "dry-run")
    }
    assert addresses == {
        "staged": "http://reports/candidates/c1/report.html",
        "published": "http://reports/releases/v1.0.0/report.html",
        "rejected": "",
        "dry-run": "",
    }
