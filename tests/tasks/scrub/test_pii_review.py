"""Decisions are rules on digests: asked once, later ones win, nothing is decided by accident."""

import datetime as dt

import polars as pl
import pytest

from schemas.config import PrivacySettings
from schemas.errors import UsageError
from schemas.fields import SCRUB_DECISIONS
from tasks.scrub.review import group_queue, merge_decisions, record_decisions, rules_of, show_in_context
from tasks.scrub.scrubber import Scrubber

NOW = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
KEY = b"k" * 32


@pytest.fixture(scope="module")
def items() -> pl.DataFrame:
    texts = ["the box says 48291037 on top", "again 48291037 here", "another is 77120945 there"]
    return pl.DataFrame(
        {
            "item_id": ["1", "2", "3"],
            "conversation_id": ["a", "b", "c"],
            "field": ["content"] * 3,
            "role": ["user"] * 3,
            "kind": ["message"] * 3,
            "position": pl.Series([0, 0, 0], dtype=pl.Int32),
            "text": texts,
        }
    )


def test_queue_shows_each_candidate_once_most_frequent_first(scrubber: Scrubber, items: pl.DataFrame) -> None:
    queue = group_queue(scrubber.scrub(items).review)
    assert queue["n_conversations"].to_list() == [2, 1]
    shown = show_in_context(queue, items)
    assert shown["candidate"].to_list() == ["48291037", "77120945"]
    assert "candidate" not in queue.columns


def test_decisions_settle_the_queue(scrubber: Scrubber, items: pl.DataFrame) -> None:
    queue = group_queue(scrubber.scrub(items).review)
    digests = queue["surface_hmac"].to_list()
    none = SCRUB_DECISIONS.empty()
    decided = record_decisions(none, queue, [digests[0][:12]], "mask", reviewer="r", now=NOW)
    decided = record_decisions(decided, queue, [digests[1]], "keep", reviewer="r", now=NOW)
    assert decided.schema == SCRUB_DECISIONS.polars_schema()
    again = Scrubber(
        PrivacySettings(), "strict", KEY, decisions=rules_of(decided), detector=scrubber._detector
    )
    result = again.scrub(items)
    assert result.n_undecided == 0
    assert result.texts["text"].to_list() == [
        "the box says <ID_1> on top",
        "again <ID_1> here",
        "another is 77120945 there",
    ]


def test_later_decision_wins(scrubber: Scrubber, items: pl.DataFrame) -> None:
    queue = group_queue(scrubber.scrub(items).review)
    digest = queue["surface_hmac"][0]
    first = record_decisions(SCRUB_DECISIONS.empty(), queue, [digest], "mask", reviewer="r", now=NOW)
    later = record_decisions(first, queue, [digest], "keep", reviewer="s", now=NOW + dt.timedelta(hours=1))
    assert rules_of(later) == {digest: "keep"}
    assert rules_of(merge_decisions(later, first)) == {digest: "keep"}
    assert merge_decisions(later, later).equals(later)


@pytest.mark.parametrize("wanted", ["", "zz"])
def test_unknown_or_ambiguous_digest_is_refused(scrubber: Scrubber, items: pl.DataFrame, wanted: str) -> None:
    queue = group_queue(scrubber.scrub(items).review)
    with pytest.raises(UsageError, match=r"candidates|queue"):
        record_decisions(SCRUB_DECISIONS.empty(), queue, [wanted], "keep", reviewer="r", now=NOW)


def test_wrong_decision_in_an_imported_file_is_refused() -> None:
    row = [("d", "ID", "maybe", "r", NOW)]
    wrong = pl.DataFrame(row, schema=SCRUB_DECISIONS.polars_schema(), orient="row")
    with pytest.raises(UsageError, match="1 decisions"):
        merge_decisions(SCRUB_DECISIONS.empty(), wrong)
