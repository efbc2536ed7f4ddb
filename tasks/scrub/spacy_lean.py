"""Imports spaCy without its command line, which costs a third of the start-up time and is never used."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

_UNUSED = ("spacy.cli", "spacy.cli.info")


def import_spacy() -> Any:
    """Return the `spacy` module.

    `import spacy` pulls in `spacy.cli` (project templates, HTTP clients, benchmarks) for one function.
    Empty modules stand in for it during the import and are taken away again, so that a later import of
    the real ones works.
    """
    if "spacy" in sys.modules:
        return sys.modules["spacy"]
    for name in _UNUSED:
        stand_in = ModuleType(name)
        stand_in.__path__ = []
        stand_in.info = None  # type: ignore[attr-defined]
        sys.modules[name] = stand_in
    try:
        return import_module("spacy")
    finally:
        for name in _UNUSED:
            sys.modules.pop(name, None)
