"""The datasheet: the questions of Gebru et al. (2021), answered for this release."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.report.inputs import ReportInputs
from tasks.report.layout import ReleaseTable
from tasks.report.prose import tell
from tasks.report.templates import markdown_template


def write_datasheet(inputs: ReportInputs, tables: Sequence[ReleaseTable]) -> bytes:
    """Return `DATASHEET.md`; an unanswered question is an error of the template."""
    return markdown_template("datasheet.md.j2").render(**tell(inputs), tables=list(tables)).encode()
