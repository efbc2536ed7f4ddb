"""`docs/statistics.md` speaks of every section of `stats.json`."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.stats import StatsDocument
from tasks.stats.compute import load_definitions

PAGE = (Path(__file__).parents[2] / "docs" / "statistics.md").read_text("utf-8")
ELSEWHERE = {"stats_version", "definitions", "method", "privacy", "cost"}


@pytest.mark.parametrize("section", [n for n in StatsDocument.model_fields if n not in ELSEWHERE])
def test_every_section_is_defined(section) -> None:
    assert f"`{section}`" in PAGE


def test_both_meanings_of_turn_are_told_apart() -> None:
    assert "Two meanings" in PAGE
    assert "user messages only" in load_definitions()["turn"]
    assert all(words.endswith(".") for words in load_definitions().values())
