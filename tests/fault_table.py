"""The table of faults and outcomes in docs/reliability.md, made from the results of the tests themselves.

A test says what goes wrong and what must happen: `@pytest.mark.fault(area, fault, outcome)`. The mark makes
it one of the `faults` too. `FAULT_TABLE=docs/reliability.md` writes the table at the end of a run; tests that
kill or race in rounds tell how often by `record_property("rounds", n)`. Tests with a real Prefect server run by
`make crash`; its report, one JSON object a round, fills their line where `CRASH_REPORT` names it. With `FAULT_KEEP=1`
the lines of tests that did not run stay as they were, so that some can be run again; each line says when.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

BEGIN, END = "<!-- faults: generated -->\n", "<!-- faults: end -->\n"
CRASHES = "flow process, worker, both or the Prefect server killed during a run (`make e2e`)"
HEAD = ("area", "fault", "what must happen", "tests passed", "rounds", "on")
AREAS = ("storage", "provider", "process", "concurrency")


@dataclass
class Row:
    """What became of the tests of one fault and outcome."""

    n_passed: int = 0
    n_failed: int = 0
    n_skipped: int = 0
    n_rounds: int = 0
    on: str = ""


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
        if not report.skipped:
            row.on = datetime.now(UTC).date().isoformat()


def pytest_sessionfinish() -> None:
    path = os.environ.get("FAULT_TABLE", "")
    if path and _rows and "PYTEST_XDIST_WORKER" not in os.environ:
        report = Path(os.environ.get("CRASH_REPORT") or "-")
        if report.is_file():
            add_crash_report(_rows, report.read_text(encoding="utf-8").splitlines())
        page = Path(path)
        text = page.read_text(encoding="utf-8")
        rows = {**read_table(text), **{k: r for k, r in _rows.items() if r.on}} if _is_kept() else _rows
        page.write_text(replace_table(text, rows), encoding="utf-8")


def _is_kept() -> bool:
    return os.environ.get("FAULT_KEEP", "") not in ("", "0")


def add_crash_report(rows: dict[tuple[str, str, str], Row], lines: list[str]) -> None:
    """Count the rounds of a report for the fault whose test writes it, unless it has run here itself."""
    for (_, fault, _), row in rows.items():
        if fault == CRASHES and not row.n_passed + row.n_failed:
            # a round is reported when its checks have passed
            row.n_passed = row.n_rounds = sum(bool(line.strip()) for line in lines)
            row.on = max((str(json.loads(line)["at"])[:10] for line in lines if line.strip()), default="")


def read_table(text: str) -> dict[tuple[str, str, str], Row]:
    """The rows of the table on a page."""
    rows: dict[tuple[str, str, str], Row] = {}
    _, _, rest = text.partition(BEGIN)
    for line in rest.partition(END)[0].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if len(cells) == len(HEAD) and cells[0] in AREAS:
            area, fault, outcome, passed, rounds, on = cells
            n_passed, _, n = passed.partition(" of ")
            done = (int(n_passed), int(n) - int(n_passed)) if n else (0, 0)
            rows[area, fault, outcome] = Row(*done, n_rounds=int(rounds or 0), on=on)
    return rows


def replace_table(text: str, rows: dict[tuple[str, str, str], Row]) -> str:
    """The page with the table between its two marks made anew."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{draw_table(rows)}{END}{after}"


def draw_table(rows: dict[tuple[str, str, str], Row]) -> str:
    """Markdown, ordered by area and fault."""
    lines = [f"| {' | '.join(HEAD)} |", f"|{' --- |' * len(HEAD)}"]
    for (area, fault, outcome), row in sorted(rows.items(), key=lambda r: (AREAS.index(r[0][0]), *r[0])):
        n = row.n_passed + row.n_failed
        told = f"{row.n_passed} of {n}" if n else "not run here"
        lines.append(f"| {area} | {fault} | {outcome} | {told} | {row.n_rounds or ''} | {row.on} |")
    n_rounds = sum(row.n_rounds for (area, *_), row in rows.items() if area == "process")
    n_passed, n_failed = (sum(getattr(r, f"n_{k}") for r in rows.values()) for k in ("passed", "failed"))
    total = f"{n_passed} tests passed, {n_failed} failed; {n_rounds} processes killed or ended."
    return "\n".join([*lines, "", total, ""])
