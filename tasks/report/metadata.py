"""Everything a consumer reads before the data: card, dictionary, Croissant, citation, datasheet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tasks.report.card import describe, write_card
from tasks.report.citation import write_citation
from tasks.report.croissant import write_croissant
from tasks.report.datasheet import write_datasheet
from tasks.report.dictionary import write_schema_json, write_schema_md
from tasks.report.inputs import ReportInputs, TableFile
from tasks.report.layout import lay_out


def render_metadata(inputs: ReportInputs, files: Mapping[str, Sequence[TableFile]]) -> dict[str, bytes]:
    """Return the metadata files of a release by name.

    Args:
        inputs: numbers and settings; no text of any conversation is read.
        files: table name to its Parquet parts, paths relative to the release's folder.

    Returns:
        README.md, croissant.json, schema.json, schema.md, CITATION.cff, DATASHEET.md.
    """
    tables = lay_out(files)
    return {
        "README.md": write_card(inputs, tables),
        "croissant.json": write_croissant(inputs, tables, describe(inputs)),
        "schema.json": write_schema_json(inputs, tables),
        "schema.md": write_schema_md(inputs, tables),
        "CITATION.cff": write_citation(inputs),
        "DATASHEET.md": write_datasheet(inputs, tables),
    }
