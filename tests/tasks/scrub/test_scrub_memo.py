"""A text is read once; the memo holds no text and answers only its own engine and key."""

import polars as pl
import pytest

from schemas.config import PrivacySettings
from schemas.fields import SCRUB_MEMO
from tasks.scrub.scrubber import Scrubber

SETTINGS = PrivacySettings()
AUDIT = b"a" * 32
MEMO = b"m" * 32


@pytest.fixture(scope="module")
def items() -> pl.DataFrame:
    texts = ["I am Ines Vandermolen, ines@example.org", "the same words again", "the same words again"]
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


@pytest.fixture(scope="module")
def first(items: pl.DataFrame) -> Scrubber:
    scrubber = Scrubber(SETTINGS, "strict", AUDIT, memo_key=MEMO)
    scrubber.scrub(items)
    return scrubber


def test_rows_hold_no_text(first: Scrubber) -> None:
    rows = first.memo.fresh_rows()
    assert rows.schema == SCRUB_MEMO.polars_schema()
    assert rows.height == 2
    assert "Ines" not in str(rows.to_dicts())
    assert "example" not in str(rows.to_dicts())


def test_second_run_reads_nothing_and_gives_the_same(
    first: Scrubber, items: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = Scrubber(SETTINGS, "strict", AUDIT, detector=first._detector).scrub(items)
    again = Scrubber(
        SETTINGS, "strict", AUDIT, detector=first._detector, memo_key=MEMO, memo=first.memo.fresh_rows()
    )
    read: list[str] = []
    detect = first._detector.detect
    monkeypatch.setattr(first._detector, "detect", lambda texts: read.extend(texts) or detect(texts))
    result = again.scrub(items)
    assert not set(read) & set(items["text"])
    assert result.texts.equals(plain.texts)
    assert result.audit.equals(plain.audit)
    assert again.memo.fresh_rows().height == 0


def test_other_key_or_engine_finds_nothing(first: Scrubber, items: pl.DataFrame) -> None:
    rows = first.memo.fresh_rows()
    for memo, key in ((rows, b"x" * 32), (rows.with_columns(engine=pl.lit("older")), MEMO)):
        other = Scrubber(SETTINGS, "strict", AUDIT, detector=first._detector, memo_key=key, memo=memo)
        assert other.memo.look_up(items["text"]) == {}
