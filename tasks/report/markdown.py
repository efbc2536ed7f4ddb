"""Values in Markdown: they may say anything and format nothing."""

from __future__ import annotations

import re

from tasks.report.visible import show_controls

_ACTIVE = re.compile(r"([\\`*_\[\]<>|~#]|&(?=#?\w+;))")
_BREAKS = re.compile(r"\s*[\r\n\u2028\u2029]+\s*")


def markdown_code(value: object) -> str:
    """Show a path or command as code, whatever it holds; not for cells of a table, where `|` ends the cell."""
    text = _BREAKS.sub(" ", show_controls(str(value)))
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    # a code span may not touch its fence with a tick, and of the blanks at both ends one each is dropped
    pad = " " if text.startswith(("`", " ")) or text.endswith(("`", " ")) else ""
    return f"{fence}{pad}{text}{pad}{fence}" if text.strip() else ""


def markdown_text(value: object) -> str:
    """Escape what Markdown or HTML would read as markup; line breaks become spaces."""
    text = _BREAKS.sub(" ", show_controls(str(value)))
    return _ACTIVE.sub(
        lambda found: {"<": "&lt;", ">": "&gt;", "&": "&amp;"}.get(found[1], f"\\{found[1]}"), text
    )
