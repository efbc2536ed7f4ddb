"""Cues are found in every text by the same patterns, whichever engine searches it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.tag.cues import CONTEXT_CUES, THOUGHT_CUES, find_cues

CUES = [*THOUGHT_CUES.values(), *(c for c in CONTEXT_CUES.values() if c)]
WORDS = sorted({word for cues in CUES for p in cues.values() for word in re.findall(r"[a-z']+", p)})
# what stands between, and the letters that look like others
GLUE = st.sampled_from(
    [" ", "", "-", "_", "'", "’", ", ", "? ", "\n", "2", "²", "é", "e\u0301", "ſ", "K", "ß", "€ 5", "$\x1c5"]
)
TEXTS = st.lists(st.tuples(st.sampled_from(WORDS) | st.text(max_size=3), GLUE), max_size=9).map(
    lambda parts: "".join(word + glue for word, glue in parts)
)


@pytest.mark.parametrize("cues", CUES)
@given(st.lists(TEXTS | TEXTS.map(str.upper), max_size=12))
@settings(max_examples=60, deadline=None)
def test_cues_are_those_of_the_patterns(cues, texts: list[str]) -> None:
    found = find_cues(cues, texts)
    assert found.shape == (len(texts), len(cues))
    for text, row in zip(texts, found.tolist(), strict=True):
        assert row == [float(bool(re.search(p, text, re.IGNORECASE))) for p in cues.values()]
