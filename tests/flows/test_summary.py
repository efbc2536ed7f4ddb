"""The summary of a release at the terminal."""

from __future__ import annotations

from typing import Any

import pytest

from flows.cli.summary import render_summary

OUTCOME: dict[str, Any] = {
    "status": "dry-run",
    "version": "v1.1.0",
    "parent": "v1.0.0",
    "policy": "strict",
    "store": "store",
    "counts": {"conversations": 31},
    "funnel": [],
    "quarantine": [],
    "labels": {"topic": {"technology": 30}, "reason": {"task_motivation": None}},
    "held_labels": [],
    "quality": {},
    "privacy": {"n_redactions": 3},
    "gate": {"passed": True, "warnings": []},
}


@pytest.fixture
def show(monkeypatch, capsys):
    monkeypatch.delenv("COLUMNS")

    def show(**changes: Any) -> str:
        render_summary(OUTCOME | changes)
        return capsys.readouterr().out

    return show


def test_counts_of_an_earlier_release_are_marked(show) -> None:
    assert "as released before" not in show()
    assert "topic: as released before" in show(held_labels=["topic"])


def test_an_unchanged_version_follows_no_other(show) -> None:
    assert "(after v1.0.0)" in show()
    places = {"release": "store/releases/v1.1.0", "report": "store/releases/v1.1.0/report.html"}
    told = show(status="unchanged", parent="v1.1.0", places=places)
    assert "(after" not in told
    assert "nothing changed" in told


def test_commands_to_copy_are_not_cut(show, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    folder = "s3://bucket/" + "x" * 80
    told = show(status="published", places={"release": folder, "report": f"{folder}/report.html"})
    assert f'load_dataset("{folder}", "messages", split="train")' in told
