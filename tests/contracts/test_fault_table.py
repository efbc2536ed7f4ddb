"""The line of the fault table whose tests need a Prefect server comes from their report."""

from __future__ import annotations

from tests.fault_table import CRASHES, Row, add_crash_report, draw_table

LINE = '{"kind": "flow"}\n'


def test_rounds_of_a_report_are_counted() -> None:
    rows = {("process", CRASHES, "x"): Row(), ("process", "other", "x"): Row(n_passed=1)}
    add_crash_report(rows, [LINE] * 40)
    assert f"| process | {CRASHES} | x | 40 of 40 | 40 |" in draw_table(rows)
    assert "41 tests passed, 0 failed; 40 processes killed or ended." in draw_table(rows)


def test_what_ran_here_counts_itself() -> None:
    rows = {("process", CRASHES, "x"): Row(n_passed=1, n_failed=3, n_rounds=1)}
    add_crash_report(rows, [LINE] * 40)
    assert "| 1 of 4 | 1 |" in draw_table(rows)
    add_crash_report(empty := {("process", CRASHES, "x"): Row()}, [])
    assert "not run here" in draw_table(empty)
