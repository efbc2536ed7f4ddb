"""A text is read once; the memo holds no text and answers only its own engine and key."""

import polars as pl
import pytest

from schemas.config import PrivacySettings
from schemas.fields import SCRUB_MEMO
from tasks.scrub.memo import SpanMemo, text_hmac
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
def scrubber() -> Scrubber:
    return Scrubber(SETTINGS, "strict", AUDIT)


@pytest.fixture(scope="module")
def rows(scrubber: Scrubber, items: pl.DataFrame) -> pl.DataFrame:
    memo = SpanMemo(MEMO, scrubber.engine)
    scrubber.scrub(items, memo)
    return memo.fresh_rows()


def test_rows_hold_no_text(rows: pl.DataFrame) -> None:
    assert rows.schema == SCRUB_MEMO.polars_schema()
    # two texts as they came, and one of them again after redaction
    assert rows.height == 3
    assert "Ines" not in str(rows.to_dicts())
    assert "example" not in str(rows.to_dicts())


def test_second_run_reads_nothing_and_gives_the_same(
    scrubber: Scrubber, rows: pl.DataFrame, items: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = scrubber.scrub(items)
    memo = SpanMemo(MEMO, scrubber.engine, rows)
    read: list[str] = []
    detect = scrubber._detector.detect
    monkeypatch.setattr(scrubber._detector, "detect", lambda texts: read.extend(texts) or detect(texts))
    result = scrubber.scrub(items, memo)
    assert read == []
    assert result.texts.equals(plain.texts)
    assert result.audit.equals(plain.audit)
    assert memo.fresh_rows().height == 0


def test_only_new_texts_are_read(
    scrubber: Scrubber, rows: pl.DataFrame, items: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = items.head(1).with_columns(
        item_id=pl.lit("4"), conversation_id=pl.lit("d"), text=pl.lit("new words")
    )
    read: list[str] = []
    detect = scrubber._detector.detect
    monkeypatch.setattr(scrubber._detector, "detect", lambda texts: read.extend(texts) or detect(texts))
    scrubber.scrub(pl.concat([items, more]), SpanMemo(MEMO, scrubber.engine, rows))
    assert read == ["new words"]


def test_a_redacted_text_is_not_taken_for_an_original() -> None:
    assert text_hmac(MEMO, "the same words") != text_hmac(MEMO, "the same words", "redacted")


def test_other_key_or_engine_finds_nothing(
    scrubber: Scrubber, rows: pl.DataFrame, items: pl.DataFrame
) -> None:
    for memo, key in ((rows, b"x" * 32), (rows.with_columns(engine=pl.lit("older")), MEMO)):
        assert SpanMemo(key, scrubber.engine, memo).look_up(items["text"]) == {}
