"""The colours of figures and page: one literal value for files, one CSS variable for the page.

Hues are from the Okabe-Ito set, which stays apart under the common kinds of colour blindness.
A figure file carries the light value; on the page each literal is replaced by its variable, so that
one drawing serves light, dark and paper. Source: Okabe & Ito, Color Universal Design (2008).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

LIGHT: Mapping[str, str] = MappingProxyType(
    {
        "ink": "#1c2630",
        "muted": "#5a6672",
        "axis": "#a7b0ba",
        "grid": "#e4e8ec",
        "ground": "#ffffff",
        "blue": "#0069a6",
        "blue-tint": "#b5d3e7",
        "orange": "#c75300",
        "orange-tint": "#f3ceb0",
        "green": "#00805c",
        "green-tint": "#b0dccd",
        "purple": "#93528a",
        "purple-tint": "#e2cbdf",
        "amber": "#d99100",
        "sky": "#45a0d8",
        "slate": "#3d4b5c",
        "slate-tint": "#cdd4dc",
        "ended": "#c4cad1",
    }
)
DARK: Mapping[str, str] = MappingProxyType(
    {
        "ink": "#e8ebee",
        "muted": "#a3adb8",
        "axis": "#5b6672",
        "grid": "#2b333c",
        "ground": "#161b21",
        "blue": "#5cb3ea",
        "blue-tint": "#27506b",
        "orange": "#f2935a",
        "orange-tint": "#6b3b1c",
        "green": "#3fc49b",
        "green-tint": "#1d5544",
        "purple": "#cf93c6",
        "purple-tint": "#583953",
        "amber": "#f0b63f",
        "sky": "#86cdf6",
        "slate": "#b9c4d0",
        "slate-tint": "#3f4a56",
        "ended": "#4a545f",
    }
)
_VARIABLE_OF = {value: f"var(--{name},{value})" for name, value in LIGHT.items()}
_LITERAL = re.compile(r'(?<=(?:fill|roke)=")(#[0-9a-f]{6})(?=")')


def replace_colours(svg: str) -> str:
    """Return the drawing with every literal colour of the palette replaced by its CSS variable."""
    return _LITERAL.sub(lambda found: _VARIABLE_OF.get(found[1], found[1]), svg)


def css_variables(colours: Mapping[str, str]) -> str:
    """Return the declarations of one scheme: `--ink:#1c2630;…`."""
    return "".join(f"--{name}:{value};" for name, value in colours.items())
