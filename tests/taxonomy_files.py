"""A changed taxonomy as a file."""

from __future__ import annotations

from pathlib import Path

import yaml

from schemas.taxonomies import load_taxonomies

GONE = ("explicit_affirmation", "presentation_style")
"""No other label has a boundary rule against these two, so merging them changes no other meaning."""


def merged_reactions(path: Path) -> Path:
    """Version 2 of the reactions: two labels become one."""
    document = load_taxonomies()["reaction"].model_dump(mode="json", by_alias=True, exclude_defaults=True)
    kept = [n for n in document["nodes"] if n["id"] not in GONE]
    merged = {"id": "noted", "name": "Noted", "definition": "Satisfied, or a remark on tone and layout."}
    document |= {
        "version": "v2",
        "based_on": "v1",
        "nodes": [merged, *kept],
        "changes": [{"kind": "merge", "from": list(GONE), "to": ["noted"]}],
    }
    path.write_text(yaml.safe_dump(document, allow_unicode=True))
    return path
