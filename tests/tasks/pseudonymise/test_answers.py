"""Survey answers as typed become closed values."""

import polars as pl
import pytest

from tasks.pseudonymise.answers import (
    answer_groups,
    band_age,
    group_answer,
    group_gender,
    keep_frequency,
    list_purposes,
)
from tasks.pseudonymise.ladder import WIDER_EDUCATION, WIDER_OCCUPATION


def one(expression, value):
    return pl.DataFrame({"x": [value]}, schema={"x": pl.String}).select(expression(pl.col("x"))).item()


@pytest.mark.parametrize(
    ("typed", "band"),
    [("18", "18-24"), ("24", "18-24"), ("25", "25-34"), (" 64 ", "55-64"), ("65", "65+"), ("110", "65+"),
     ("17", None), ("2", None), ("366", None), ("111", None), ("", None), ("thirty", None), ("31 years", "25-34"),
     ("24.5", "18-24"), ("30 or 40", None), (None, None)],
)  # fmt: skip
def test_age(typed, band):
    frame = pl.DataFrame({"survey_age": [typed]}, schema={"survey_age": pl.String})
    assert frame.select(band_age()).item() == band


@pytest.mark.parametrize(
    ("typed", "group"),
    [("Nurse", "healthcare"), ("registered NURSE (night)", "healthcare"), ("primary school teacher", "education"),
     ("Student", "student"), ("student and part-time barista", "student"), ("software developer", "technology"),
     ("IT support", "technology"), ("Civil engineer", "science_engineering"), ("accountant", "business_finance"),
     ("truck driver", "trades_transport"), ("unemployed", "not_working"), ("Retired teacher", "not_working"),
     ("Falconer", "other"), ("<PERSON_1> at <LOCATION_2>", None), ("   ", None), (None, None),
     ("composer of fits", "other")],
)  # fmt: skip
def test_occupation(typed, group):
    assert one(lambda x: group_answer("occupation", x), typed) == group


@pytest.mark.parametrize(
    ("typed", "group"),
    [("Graduate", "graduate"), ("Undergraduate", "undergraduate"), ("High school", "high_school"), ("MBA", "graduate"),
     ("Bachelor's", "undergraduate"), ("PhD", "graduate"), ("apprenticeship", "vocational"), ("clown", "other"), ("", None)],
)  # fmt: skip
def test_education(typed, group):
    assert one(lambda x: group_answer("education", x), typed) == group


@pytest.mark.parametrize(
    ("typed", "group"),
    [("Male", "male"), ("female", "female"), ("F", "female"), ("Woman", "female"), ("non-binary", "non_binary"),
     ("Prefer not to say", None), ("two-spirit", "self_described"), ("", None), (None, None)],
)  # fmt: skip
def test_gender(typed, group):
    assert one(group_gender, typed) == group


def test_frequency_and_purposes():
    assert [one(keep_frequency, x) for x in ("1", "5 ", "6", "daily", None)] == ["1", "5", None, None, None]
    assert one(list_purposes, "Coding, learning; fun").to_list() == ["coding", "entertainment", "learning"]
    assert one(list_purposes, "zzz").to_list() == ["other"]
    assert one(list_purposes, "").to_list() == []
    assert one(list_purposes, None).to_list() == []


def test_every_group_has_a_wider_one():
    groups = answer_groups()
    assert {*groups["occupation"], "other"} == set(WIDER_OCCUPATION)
    assert {*groups["education"], "other"} == set(WIDER_EDUCATION)
