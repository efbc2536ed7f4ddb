"""The table of faults and outcomes in docs/reliability.md, made from the results of the tests themselves.

A test says what goes wrong and what must happen: `@pytest.mark.fault(area, fault, outcome)`. The mark makes
it one of the `faults` too. `FAULT_TABLE=docs/reliability.md` writes the table at the end of a run; tests that
kill or race in rounds tell how often by `record_property("rounds", n)`. Tests with a real Prefect server run by
`make crash`; its report, one JSON object a round, fills their line where `CRASH_REPORT` names it.
"""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import pytest

BEGIN, END = "<!-- faults: generated -->\n", "<!-- faults: end -->\n"
CRASHES = "flow process, worker, both or the Prefect server killed during a run (`make e2e`)"
AREAS = ("storage", "provider", "process", "concurrency")


@dataclass
class Row:
    """What became of the tests of one fault and outcome."""

    n_passed: int = 0
    n_failed: int = 0
    n_skipped: int = 0
    n_rounds: int = 0


_rows: dict[tuple[str, str, str], Row] = defaultdict(Row)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for mark in item.iter_markers("fault"):
            area, fault, outcome = mark.args
            assert area in AREAS, f"{item.nodeid}: {area} is none of {AREAS}"
            item.user_properties.append(("fault", (area, fault, outcome)))
            _rows.setdefault((area, fault, outcome), Row())  # it gets a line, run or not
            if item.get_closest_marker("faults") is None:
                item.add_marker("faults")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    kinds = [tuple(value) for name, value in report.user_properties if name == "fault"]
    if not kinds or (report.when != "call" and report.passed):
        return
    rounds = sum(int(value) for name, value in report.user_properties if name == "rounds")
    for kind in kinds:
        row = _rows[kind]
        row.n_passed += report.passed
        row.n_failed += report.failed
        row.n_skipped += report.skipped
        row.n_rounds += rounds if report.when == "call" else 0


def pytest_sessionfinish() -> None:
    path = os.environ.get("FAULT_TABLE", "")
    if path and _rows and "PYTEST_XDIST_WORKER" not in os.environ:
        report = Path(os.environ.get("CRASH_REPORT") or "-")
        if report.is_file():
            add_crash_report(_rows, report.read_text(encoding="utf-8").splitlines())
        page = Path(path)
        page.write_text(replace_table(page.read_text(encoding="utf-8"), _rows), encoding="utf-8")


def add_crash_report(rows: dict[tuple[str, str, str], Row], lines: list[str]) -> None:
    """Count the rounds of a report for the fault whose test writes it, unless it has run here itself."""
    for (_, fault, _), row in rows.items():
        if fault == CRASHES and not row.n_passed + row.n_failed:
            # a round is reported when its checks have passed
            row.n_passed = row.n_rounds = sum(bool(line.strip()) for line in lines)


def replace_table(text: str, rows: dict[tuple[str, str, str], Row]) -> str:
    """The page with the table between its two marks made anew."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{draw_table(rows)}{END}{after}"


def draw_table(rows: dict[tuple[str, str, str], Row]) -> str:
    """Markdown, ordered by area and fault."""
    lines = ["| area | fault | what must happen | tests passed | rounds |", "| --- | --- | --- | --- | --- |"]
    for (area, fault, outcome), row in sorted(rows.items(), key=lambda r: (AREAS.index(r[0][0]), *r[0])):
        n = row.n_passed + row.n_failed
        told = f"{row.n_passed} of {n}" if n else "not run here"
        lines.append(f"| {area} | {fault} | {outcome} | {told} | {row.n_rounds or ''} |")
    n_rounds = sum(row.n_rounds for (area, *_), row in rows.items() if area == "process")
    n_passed, n_failed = (sum(getattr(r, f"n_{k}") for r in rows.values()) for k in ("passed", "failed"))
    total = f"{n_passed} tests passed, {n_failed} failed; {n_rounds} processes killed or ended."
    return "\n".join([*lines, "", total, ""])
