"""Calls as a release sends them, for the benchmarks of tagging through a provider."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

MODEL = "openai/gpt-4o-mini"
CONCURRENCY = 128
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def make_calls(n: int) -> list[Any]:
    """Calls of one item each, about 1,100 tokens of prompt."""
    from schemas.taxonomies import load_taxonomies
    from tasks.tag.items import make_item
    from tasks.tag.questions import Question, build_decisions, gather_calls

    decisions = build_decisions(load_taxonomies()["reaction"])
    questions = [
        Question(
            make_item(f"i{i}", "reaction", f"That is what I asked for, number {i}", group=f"c{i}"), decisions
        )
        for i in range(n)
    ]
    return [(call, (i,)) for i, call in enumerate(gather_calls(questions))]


def send_with_runner(calls: list[Any]) -> tuple[int, int]:
    """The calls as a release sends them; returns answered and refused."""
    from tasks.memo.labels import LabelMemo
    from tasks.storage.local import LocalStore
    from tasks.tag.budget import Budget, Ledger
    from tasks.tag.client import ChatClient
    from tasks.tag.runner import run_calls
    from tasks.tag.sending import RunLimits

    ledger = Ledger()
    with tempfile.TemporaryDirectory() as folder:
        report = run_calls(
            calls,
            [ChatClient(MODEL, 60, allow_unpriced=False)],
            limits=RunLimits(CONCURRENCY, 0, 0),
            budget=Budget(100),
            ledger=ledger,
            memo=LabelMemo(LocalStore(Path(folder))),
            now=NOW,
        )
    return len(report.answered), ledger.line("reaction", MODEL).refused
