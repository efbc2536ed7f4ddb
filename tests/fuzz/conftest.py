"""Counts the inputs of all fuzz tests and tells their number at the end."""

from __future__ import annotations

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    counts = [
        (report.nodeid.rpartition("::")[2], value)
        for report in [r for kind in ("passed", "failed") for r in terminalreporter.stats.get(kind, [])]
        for name, value in report.user_properties
        if name == "inputs"
    ]
    if counts:
        terminalreporter.section("fuzz inputs")
        for name, n in counts:
            terminalreporter.line(f"{n:>10,}  {name}")
        terminalreporter.line(f"{sum(n for _, n in counts):>10,}  in all")
