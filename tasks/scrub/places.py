"""Places that are too large to identify anybody: continents, countries, regions and large cities."""

from __future__ import annotations

from functools import cache
from importlib import resources


@cache
def load_large_places() -> frozenset[str]:
    """Read the list that ships with the package, casefolded."""
    text = (resources.files("tasks.scrub") / "data" / "large_places.txt").read_text("utf-8")
    return frozenset(
        line.strip().casefold() for line in text.splitlines() if line and not line.startswith("#")
    )


def is_large_place(name: str) -> bool:
    """Whether every part of a place name (`Lyon, France`) is a large place."""
    places = load_large_places()
    parts = [
        p.strip(" .'’\"").removeprefix("the ").removeprefix("The ")
        for p in name.replace("\n", ",").split(",")
    ]
    return all(p.casefold().removesuffix("'s").removesuffix("’s") in places for p in parts if p)
