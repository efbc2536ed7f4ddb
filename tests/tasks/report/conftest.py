"""One page for all tests that only look at it: drawing its figures takes seconds."""

from __future__ import annotations

import pytest

from tasks.report.page import render_report
from tests.report_release import make_inputs


@pytest.fixture(scope="session")
def page_content() -> bytes:
    return render_report(make_inputs())
