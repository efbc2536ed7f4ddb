"""Rules of staged rows: offenders are named, their conversation goes whole, rows are conserved."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.errors import DataError
from schemas.fields import STAGED_CONVERSATIONS, STAGED_MESSAGES, STAGED_THOUGHTS, Table
from schemas.rules import RULES
from schemas.tables import broken_rows, is_legal, table_model
from tasks.ingest.page import StagedPage
from tasks.validate.ages import is_minor, is_out_of_range
from tasks.validate.staged import ValidationResult, validate_across, validate_staged
from tests.exports import jsonl, published, read_bytes, session


def shard(*records: dict[str, Any]) -> StagedPage:
    return read_bytes(jsonl(records or (published(i) for i in range(3)))).pages[0]


def validate(staged: StagedPage) -> ValidationResult:
    return validate_staged(staged.conversations, staged.messages, staged.thoughts)


def rules_of(frame: pl.DataFrame) -> set[str]:
    return set(frame["rule"])


@pytest.mark.parametrize(
    ("age", "is_nobodys", "minor"),
    [
        ("34", False, False),
        (" 18 ", False, False),
        ("17", False, True),
        ("17 years", False, True),
        ("17.5", False, True),
        ("17,5", False, True),
        ("13", False, True),
        ("12", True, False),
        ("2", True, False),
        ("366", True, False),
        ("-5", True, False),
        ("110", False, False),
        ("111", True, False),
        ("25-34", False, False),
        ("thirty", False, False),
        ("", False, False),
        (None, False, False),
        ("9" * 400, True, False),
    ],
)
def test_ages(age: str | None, is_nobodys: bool, minor: bool) -> None:
    frame = pl.DataFrame({"survey_age": [age]}, schema={"survey_age": pl.String})
    assert frame.select(is_out_of_range(), minor=is_minor()).row(0) == (is_nobodys, minor)


def test_an_impossible_age_becomes_null_and_is_counted() -> None:
    survey = published(0)["survey_answers"][0]
    result = validate(shard(published(0), published(1, survey_answers=[{**survey, "age": "366"}])))
    assert result.conversations["survey_age"].to_list() == ["34", None]
    assert result.counted == {"survey.age_out_of_range": 1}
    assert result.quarantine.height == 0


def test_a_minor_goes_with_every_conversation_in_every_shard() -> None:
    minor = {"age": "16"}
    records = [
        session(1, tasks=2, survey=minor),
        session(2, tasks=1),
        {**session(3, tasks=1), "recruitment_id": session(1)["recruitment_id"]},
    ]
    read = read_bytes(jsonl(records), page_messages=4)
    results = [validate(s) for s in read.pages]
    assert sum(r.conversations.height for r in results) == 2
    late = validate_across(pl.concat([r.ids for r in results]))
    # the same participant did not state the age in the other session
    assert late["conversation_key"].to_list() == [f"session:{records[2]['session_id']}/task1/conversation1"]
    assert rules_of(late) == {"participant.minor"}
    assert late["line"].to_list() == [3]


def test_numbers_and_keys_name_one_conversation() -> None:
    again = {**session(3, tasks=1), "recruitment_id": session(1)["recruitment_id"].upper()}
    result = validate(shard(session(1, tasks=2), again))
    late = validate_across(pl.concat([result.ids, result.ids.head(1)]))
    assert late.select("line", "rule").rows() == [
        (1, "conversation.number_reused"),
        (1, "row.duplicate_key"),
        (2, "conversation.number_reused"),
    ]


def test_rows_without_parents_are_found() -> None:
    staged = shard()
    keys = staged.conversations["conversation_key"]
    messages = staged.messages.filter(pl.col("conversation_key") != keys[0])
    stranger = staged.messages.filter(pl.col("conversation_key") == keys[1]).with_columns(
        conversation_key=pl.lit("published:user9_task1_conversation1")
    )
    result = validate_staged(
        staged.conversations,
        pl.concat([messages, stranger]).sort("conversation_key", "position"),
        staged.thoughts,
    )
    assert rules_of(result.quarantine) == {
        "conversation.without_messages",
        "thought.orphan",
        "message.orphan",
    }
    assert set(result.conversations["conversation_key"]) == set(keys[1:])
    assert result.messages["conversation_key"].unique().sort().to_list() == sorted(keys[1:])


def test_a_thought_of_the_wrong_kind_is_found() -> None:
    staged = shard()
    thoughts = staged.thoughts.with_columns(kind=pl.lit("reason"))
    result = validate_staged(staged.conversations, staged.messages, thoughts)
    assert rules_of(result.quarantine) == {"thought.wrong_kind"}
    assert result.conversations.height == 0
    assert result.thoughts.schema == STAGED_THOUGHTS.polars_schema()


def test_late_thoughts_and_repeated_message_ids_are_legal() -> None:
    # a thought written after the next message, or after `updated_at`, was measured on real records
    record = published(0, updated_at="2026-04-12T09:30:01+00:00")
    for message in record["messages"]:
        message["id"] = 5
    assert validate(shard(record)).quarantine.height == 0


def test_a_wrong_schema_is_a_fault_of_the_code() -> None:
    staged = shard()
    with pytest.raises(DataError, match="staged_messages does not have its schema"):
        validate_staged(staged.conversations, staged.messages.drop("content"), staged.thoughts)
    wrong = staged.messages.with_columns(pl.col("position").cast(pl.Int64))
    with pytest.raises(DataError, match="staged_messages does not have its schema: position"):
        validate_staged(staged.conversations, wrong, staged.thoughts)
    for wrong in (
        staged.conversations.drop("survey_age"),
        staged.conversations.with_columns(survey_age=1),
    ):
        with pytest.raises(DataError, match="staged_conversations does not have its schema"):
            validate_staged(wrong, staged.messages, staged.thoughts)


STAGED = shard()
TABLES = {
    "conversations": STAGED_CONVERSATIONS,
    "messages": STAGED_MESSAGES,
    "thoughts": STAGED_THOUGHTS,
}


@st.composite
def damaged_tables(draw: st.DrawFn) -> tuple[Table, pl.DataFrame]:
    """A staged table with one cell replaced by another of its column or null, or a row twice."""
    name = draw(st.sampled_from(sorted(TABLES)))
    table, frame = TABLES[name], getattr(STAGED, name)
    row = draw(st.integers(0, frame.height - 1))
    if draw(st.integers(0, 4)) == 0:
        return table, pl.concat([frame, frame[row]])
    column = draw(st.sampled_from(table.columns))
    values = frame[column].to_list()
    values[row] = draw(
        st.sampled_from([None, *values, *(["nobody"] if frame[column].dtype == pl.String else [])])
    )
    return table, frame.with_columns(pl.Series(column, values, dtype=frame[column].dtype))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(damaged_tables())
def test_the_quick_check_and_pandera_agree(damaged: tuple[Table, pl.DataFrame]) -> None:
    from pandera.errors import SchemaErrors

    table, frame = damaged
    try:
        table_model(table).validate(frame, lazy=True)
    except SchemaErrors:
        assert not is_legal(table, frame)
        broken = broken_rows(table, frame)
        assert broken.height
        assert rules_of(broken) <= set(RULES)
    else:
        assert is_legal(table, frame)
