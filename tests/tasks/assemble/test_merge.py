"""Merging shards and the parent release: nothing lost, nothing twice, laws asserted."""

from __future__ import annotations

import polars as pl
import pytest

from schemas.errors import DataError
from schemas.fields import FUNNEL, PARTICIPANTS
from tasks.assemble.merge import complete_participants, list_first_releases, sum_funnel


def funnel(*rows: tuple[str, str, int, int, int, int]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=FUNNEL.polars_schema(), orient="row")


def test_funnel_adds_up_shards() -> None:
    summed = sum_funnel(
        [
            funnel(("ingest", "messages", 10, 8, 2, 0)),
            funnel(("validate", "messages", 5, 5, 0, 0)),
            funnel(("validate", "messages", 3, 1, 1, 1)),
        ],
        ["ingest", "validate"],
    )
    assert summed.rows() == [("ingest", "messages", 10, 8, 2, 0), ("validate", "messages", 8, 6, 1, 1)]


def test_funnel_refuses_lost_rows() -> None:
    with pytest.raises(DataError, match="messages do not add up in stage ingest: 10 in, 8 out"):
        sum_funnel([funnel(("ingest", "messages", 10, 8, 1, 0))], ["ingest"])


def test_funnel_refuses_rows_that_vanish_between_stages() -> None:
    rows = [funnel(("ingest", "messages", 10, 10, 0, 0), ("scrub", "messages", 9, 9, 0, 0))]
    with pytest.raises(DataError, match="vanish before stage scrub"):
        sum_funnel(rows, ["ingest", "scrub"])


def participants(*ids: str) -> pl.DataFrame:
    values = {f.name: [None] * len(ids) for f in PARTICIPANTS.fields}
    values |= {"participant_id": list(ids), "purposes": [[] for _ in ids], "split": ["train"] * len(ids)}
    return pl.DataFrame(values, schema=PARTICIPANTS.polars_schema())


def test_participants_keep_their_first_release_and_only_those_present_stay() -> None:
    conversations = pl.DataFrame(
        {"participant_id": ["user1", "user1", "user2"], "language": ["en", "en", "pt"]}
    )
    parent = participants("user1").with_columns(first_release=pl.lit("v1.0.0"))
    done = complete_participants(participants("user1", "user2", "user3"), conversations, parent, "v1.1.0")
    assert done.select("participant_id", "n_conversations", "language", "first_release").rows() == [
        ("user1", 2, "en", "v1.0.0"),
        ("user2", 1, "pt", "v1.1.0"),
    ]


def test_a_conversation_without_its_participant_is_an_error() -> None:
    conversations = pl.DataFrame({"participant_id": ["user9"], "language": ["en"]})
    with pytest.raises(DataError, match="user9"):
        complete_participants(participants("user1"), conversations, None, "v1.0.0")


def test_who_leaves_and_comes_back_keeps_the_first_release() -> None:
    parent = {"participants": participants("user1").with_columns(first_release=pl.lit("v1.1.0"))}
    noted = {"user1": "v0.9.0", "user2": "v1.0.0"}
    assert list_first_releases(noted, parent).rows() == [("user1", "v1.1.0"), ("user2", "v1.0.0")]
    assert list_first_releases(noted, None).height == 2
    assert list_first_releases({}, None).is_empty()
