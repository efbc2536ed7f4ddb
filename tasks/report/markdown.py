"""Values in Markdown: they may say anything and format nothing."""

from __future__ import annotations

import re

from tasks.report.visible import show_controls

_ACTIVE = re.compile(r"([\\`*_\[\]<>|~#]|&(?=#?\w+;))")
_BREAKS = re.compile(r"\s*[\r\n\u2028\u2029]+\s*")


def markdown_text(value: object) -> str:
    """Escape what Markdown or HTML would read as markup; line breaks become spaces."""
    text = _BREAKS.sub(" ", show_controls(str(value)))
    return _ACTIVE.sub(
        lambda found: {"<": "&lt;", ">": "&gt;", "&": "&amp;"}.get(found[1], f"\\{found[1]}"), text
    )
