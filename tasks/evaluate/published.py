"""The paper's figures for the suites, from a file."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any, cast

import yaml


@cache
def read_published() -> dict[str, Any]:
    """Return the paper's figures by suite."""
    text = (resources.files("tasks.evaluate") / "published.yaml").read_text(encoding="utf-8")
    return cast("dict[str, Any]", yaml.safe_load(text))


def published(suite: str, *path: str) -> float | None:
    """Return one figure of the paper; None where it gives none."""
    value: Any = read_published().get(suite)
    for key in path:
        value = cast("dict[str, Any]", value).get(key) if isinstance(value, dict) else None
    return float(value) if isinstance(value, int | float) else None
