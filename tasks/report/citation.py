"""How to cite a release: `CITATION.cff` and BibTeX.

Source: Citation File Format 1.2.0 (https://citation-file-format.github.io/).
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from tasks.report.inputs import ReportInputs
from tasks.report.licences import spdx_id

PAPER = {
    "type": "article",
    "title": "ThoughtTrace",
    "authors": [{"name": "The ThoughtTrace authors"}],
    "year": 2026,
    "identifiers": [{"type": "other", "value": "arXiv:2605.20087"}],
    "url": "https://arxiv.org/abs/2605.20087",
}
_NOT_A_KEY = re.compile(r"[^a-z0-9]+")


def authors_of(inputs: ReportInputs) -> tuple[str, ...]:
    """Return the authors as set, or the maintainers of the dataset as one."""
    return inputs.settings.authors or (f"{inputs.settings.title} maintainers",)


def write_citation(inputs: ReportInputs) -> bytes:
    """Return `CITATION.cff` for this version of the data."""
    settings = inputs.settings
    document: dict[str, Any] = {
        "cff-version": "1.2.0",
        "message": "If you use this dataset, please cite this version and the paper.",
        "type": "dataset",
        "title": settings.title,
        "version": inputs.version,
        **({"date-released": f"{inputs.created_at:%Y-%m-%d}"} if inputs.created_at else {}),
        "license": spdx_id(settings.license),
        "authors": [{"name": name} for name in authors_of(inputs)],
        **({"url": settings.url} if settings.url else {}),
        **({"contact": [{"name": settings.contact}]} if settings.contact else {}),
        "references": [PAPER],
    }
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100).encode()


def bibtex(inputs: ReportInputs) -> str:
    """Return a BibTeX entry of this version."""
    name = _NOT_A_KEY.sub("-", inputs.settings.title.lower()).strip("-")
    authors = " and ".join(f"{{{_plain(author)}}}" for author in authors_of(inputs))
    lines = [
        f"@misc{{{name}-{inputs.version},",
        f"  title = {{{_plain(inputs.settings.title)}}},",
        f"  author = {{{authors}}},",
        *([f"  year = {{{inputs.created_at:%Y}}},"] if inputs.created_at else []),
        f"  version = {{{inputs.version}}},",
        *([f"  url = {{{_plain(inputs.settings.url)}}},"] if inputs.settings.url else []),
        "  note = {Paper: arXiv 2605.20087}",
        "}",
    ]
    return "\n".join(lines)


def _plain(text: str) -> str:
    return re.sub(r"[{}\\\r\n]", "", text)
