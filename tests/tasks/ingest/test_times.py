"""Times are read the quick way and say what ISO 8601 says; of impossible ones nothing is made up."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.ingest.page import parse_times

_NUMBERS = {n: st.integers(0, 10**n - 1).map(f"{{:0{n}}}".format) for n in (2, 4)}
_FRACTIONS = st.integers(1, 9).flatmap(lambda n: st.text("0123456789", min_size=n, max_size=n))
_ZONES = st.sampled_from(["Z", "+00:00", "-00:00", "+05:30", "-23:59", "+24:00", "+14:61"])


def two(first: int, last: int) -> st.SearchStrategy[str]:
    return st.integers(first, last).map("{:02}".format) | _NUMBERS[2]


@st.composite
def times(draw: st.DrawFn) -> str:
    """What the dialects' models take for a time; many name no moment."""
    year = draw(st.integers(1965, 2040).map(str) | _NUMBERS[4])
    date = f"{year}-{draw(two(1, 12))}-{draw(two(27, 31))}"
    clock = f"{draw(two(0, 23))}:{draw(two(0, 59))}:{draw(two(58, 61))}"
    fraction = draw(st.just("") | _FRACTIONS.map(".{}".format))
    return f"{date}T{clock}{fraction}{draw(_ZONES)}"


@given(st.lists(times(), max_size=40))
@settings(max_examples=300, deadline=None)
def test_the_quick_forms_read_what_the_general_one_reads(texts: list[str]) -> None:
    column = pl.Series("t", texts, dtype=pl.String)
    general = column.str.to_datetime("%+", time_zone="UTC", time_unit="us", strict=False, cache=False)
    expected = general.set(general < datetime(1970, 1, 1, tzinfo=UTC), None)
    assert parse_times(column).eq_missing(expected).all()


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-02-28T23:59:59.123Z", datetime(2026, 2, 28, 23, 59, 59, 123_000, UTC)),
        ("2026-02-28T23:59:59.123456+00:00", datetime(2026, 2, 28, 23, 59, 59, 123_456, UTC)),
        ("2026-03-01T01:29:59+01:30", datetime(2026, 2, 28, 23, 59, 59, 0, UTC)),
        ("2026-02-29T00:00:00.000Z", None),
        ("2026-02-28T24:00:00.000Z", None),
        ("1969-12-31T23:59:59.999Z", None),
    ],
)
def test_forms_of_a_time(text: str, moment: datetime | None) -> None:
    # beside times of the usual form and alone
    for texts in ([text], ["2026-01-01T00:00:00.000Z", text]):
        assert parse_times(pl.Series(texts))[-1] == moment
