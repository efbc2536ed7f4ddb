"""The 20 public conversations come through whole (skipped where the file is absent)."""

from __future__ import annotations

from pathlib import Path

from schemas.fields import STAGED_CONVERSATIONS, STAGED_MESSAGES, STAGED_THOUGHTS
from tasks.validate.staged import validate_staged
from tests.exports import read_bytes


def test_counts_of_the_public_examples(real_export: Path) -> None:
    read = read_bytes(real_export.read_bytes())
    assert len(read.pages) == 1
    page = read.pages[0]
    assert page.conversations.schema == STAGED_CONVERSATIONS.polars_schema()
    assert page.messages.schema == STAGED_MESSAGES.polars_schema()
    assert page.thoughts.schema == STAGED_THOUGHTS.polars_schema()
    result = validate_staged(page.conversations, page.messages, page.thoughts)
    assert read.reader.quarantine.height == result.quarantine.height == 0
    assert result.conversations["participant_key"].n_unique() == 17
    assert (result.conversations.height, result.messages.height) == (20, 328)
    kinds = dict(result.thoughts["kind"].value_counts().rows())
    assert kinds == {"reason": 154, "reaction": 156}
    labels = dict(result.thoughts["label"].value_counts().rows())
    assert labels["task_continuation"] == 52
    assert labels["explicit_affirmation"] == 114
    assert result.conversations["model_name"].n_unique() == 10
