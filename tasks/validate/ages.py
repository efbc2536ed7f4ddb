"""Stated ages: impossible ones become null, minors are held back."""

from __future__ import annotations

import polars as pl

LOWEST_AGE, ADULT_AGE, HIGHEST_AGE = 13, 18, 110
_NUMBER = r"\d+(?:[.,]\d+)?"


def stated_age() -> pl.Expr:
    """Return the number in `survey_age` as float, null where it holds none or several.

    "17 years" counts as 17: a minor must not pass because of a word.
    """
    numbers = pl.col("survey_age").str.extract_all(_NUMBER)
    only = pl.when(numbers.list.len() == 1).then(numbers.list.first())
    return only.str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)


def is_minor() -> pl.Expr:
    """Whether the stated age is from 13 to 17."""
    return ((stated_age() >= LOWEST_AGE) & (stated_age() < ADULT_AGE)).fill_null(False)


def is_out_of_range() -> pl.Expr:
    """Whether the stated age is nobody's: below 13 or above 110."""
    return ((stated_age() < LOWEST_AGE) | (stated_age() > HIGHEST_AGE)).fill_null(False)
