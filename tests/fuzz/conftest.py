"""Counts the inputs of all fuzz tests, tells their number at the end, and fails a long run that tried too few."""

from __future__ import annotations

import pytest

from tests.fuzz.budget import TOTAL

_tried: dict[str, tuple[int, float]] = {}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    told = dict(report.user_properties)
    if report.when == "call" and "inputs" in told:
        _tried[report.nodeid.rpartition("::")[2].partition("[")[0] + f" {len(_tried)}"] = (
            int(told["inputs"]),
            float(told.get("cpu_s", 0)),
        )


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if sum(n for n, _ in _tried.values()) < TOTAL and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not _tried:
        return
    terminalreporter.section("fuzz inputs")
    for name, (n, cpu_s) in _tried.items():
        terminalreporter.line(f"{n:>10,}  {cpu_s:>8,.1f} CPU s  {name}")
    n_tried, cpu_s = (sum(values) for values in zip(*_tried.values(), strict=True))
    terminalreporter.line(f"{n_tried:>10,}  {cpu_s:>8,.1f} CPU s  in all")
    if n_tried < TOTAL:
        terminalreporter.line(f"FAILED: fewer inputs than the {TOTAL:,} that FUZZ_INPUTS asks for", red=True)
