"""Pages are cut into shards: whole conversations, in order, and the same whatever the page."""

from __future__ import annotations

import gc

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.ingest.page import StagedPage, cut_in_shards
from tests.exports import jsonl, published, read_bytes

EXPORT = jsonl(published(i, n=2 + 2 * (i % 4)) for i in range(40))


@given(st.integers(1, 250))
@settings(max_examples=40, deadline=None)
def test_shards_hold_whole_conversations_in_order(n_messages: int) -> None:
    (page,) = read_bytes(EXPORT).pages
    shards = list(cut_in_shards(page, n_messages))
    for name in ("conversations", "messages", "thoughts"):
        assert pl.concat([getattr(s, name) for s in shards]).equals(getattr(page, name))
    for shard in shards:
        counts = shard.messages.group_by("conversation_key", maintain_order=True).len()
        assert counts["conversation_key"].to_list() == shard.conversations["conversation_key"].to_list()
        # full with so many messages, and the last conversation may go past it
        assert counts["len"][:-1].sum() < n_messages + counts["len"].max()
    assert len(shards) >= min(40, page.messages.height // (n_messages + 8))


def test_no_conversations_make_no_shard() -> None:
    (page,) = read_bytes(EXPORT).pages
    empty = StagedPage(page.conversations.clear(), page.messages.clear(), page.thoughts.clear())
    assert list(cut_in_shards(empty, 10)) == []


@pytest.mark.parametrize("was_enabled", [True, False])
def test_reading_leaves_the_collector_as_it_was(was_enabled: bool) -> None:
    try:
        (gc.enable if was_enabled else gc.disable)()
        assert len(read_bytes(EXPORT, page_messages=50).pages) > 1
        assert gc.isenabled() is was_enabled
    finally:
        gc.enable()
