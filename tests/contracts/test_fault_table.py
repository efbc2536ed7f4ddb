"""The line of the fault table whose tests need a Prefect server comes from their report."""

from __future__ import annotations

from tests.fault_table import (
    BEGIN,
    CRASHES,
    END,
    Row,
    add_crash_report,
    draw_table,
    read_table,
    replace_table,
)

LINE = '{"kind": "flow", "at": "2026-01-02T03:04:05+00:00"}\n'


def test_rounds_of_a_report_are_counted() -> None:
    rows = {("process", CRASHES, "x"): Row(), ("process", "other", "x"): Row(n_passed=1)}
    add_crash_report(rows, [LINE] * 40)
    assert f"| process | {CRASHES} | x | 40 of 40 | 40 | 2026-01-02 |" in draw_table(rows)
    assert "41 tests passed, 0 failed; 40 processes killed or ended." in draw_table(rows)


def test_what_ran_here_counts_itself() -> None:
    rows = {("process", CRASHES, "x"): Row(n_passed=1, n_failed=3, n_rounds=1)}
    add_crash_report(rows, [LINE] * 40)
    assert "| 1 of 4 | 1 |  |" in draw_table(rows)
    add_crash_report(empty := {("process", CRASHES, "x"): Row()}, [])
    assert "not run here" in draw_table(empty)


def test_a_table_is_read_as_it_was_drawn() -> None:
    rows = {
        ("storage", "a, b", "c; d"): Row(n_passed=2, n_failed=1, on="2026-01-02"),
        ("process", "x", "y"): Row(n_passed=1, n_rounds=50, on="2026-01-03"),
        ("process", "z", "y"): Row(),
    }
    page = replace_table(f"before\n{BEGIN}old\n{END}after\n", rows)
    assert read_table(page) == rows
    assert replace_table(page, read_table(page)) == page
    assert page.startswith("before\n")
    assert page.endswith("after\n")
