"""The declared ladder: how each quasi-identifier is made coarser, step by step, and what that costs.

Level 0 is the finest that is ever released. The last level of an attribute says nothing: null for the
survey answers, `und` for the language, a withheld model name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType

import polars as pl

WITHHELD_MODEL = "(withheld)"
UNKNOWN_LANGUAGE = "und"


@dataclass(frozen=True, slots=True)
class Step:
    """One attribute of the ladder.

    Attributes:
        column: its column.
        levels: finest first; each makes the value of that level from the value of level 0.
        worth: what a participant's value at each level is worth to a reader; the search keeps the most.
    """

    column: str
    levels: tuple[Callable[[pl.Expr], pl.Expr], ...]
    worth: tuple[float, ...]


def _same(value: pl.Expr) -> pl.Expr:
    return value


def _nothing(_: pl.Expr) -> pl.Expr:
    return pl.lit(None, dtype=pl.String)


def _by(values: Mapping[str, str]) -> Callable[[pl.Expr], pl.Expr]:
    return lambda value: value.replace_strict(values, default=None, return_dtype=pl.String)


WIDER_AGE = MappingProxyType(
    {"18-24": "18-34", "25-34": "18-34", "35-44": "35-54", "45-54": "35-54", "55-64": "55+", "65+": "55+"}
)
WIDER_EDUCATION = MappingProxyType(
    {
        "graduate": "university",
        "undergraduate": "university",
        "vocational": "school",
        "high_school": "school",
        "other": "school",
    }
)
_WORKING = (
    "healthcare", "education", "technology", "science_engineering", "business_finance", "law_public",
    "creative_media", "sales_service", "trades_transport", "other_work", "other",
)  # fmt: skip
WIDER_OCCUPATION = MappingProxyType(
    {"student": "student", "not_working": "not_working", **dict.fromkeys(_WORKING, "working")}
)


def _provider(value: pl.Expr) -> pl.Expr:
    """A model stands as `<provider><tab><name>` during the search; this keeps the provider."""
    return pl.concat_str(value.str.extract(r"^([^\t]*)\t"), pl.lit("\t"))


LADDER: tuple[Step, ...] = (
    Step("model", (_same, _provider, lambda _: pl.lit("\t")), (100.0, 60.0, 0.0)),
    Step("language", (_same, lambda _: pl.lit(UNKNOWN_LANGUAGE)), (30.0, 0.0)),
    Step("gender", (_same, _nothing), (2.0, 0.0)),
    Step("age_band", (_same, _by(WIDER_AGE), _nothing), (3.0, 2.0, 0.0)),
    Step("education", (_same, _by(WIDER_EDUCATION), _nothing), (2.0, 1.0, 0.0)),
    Step("occupation_group", (_same, _by(WIDER_OCCUPATION), _nothing), (2.5, 0.8, 0.0)),
)
"""Quasi-identifiers in the order of the report."""

COLUMNS = tuple(step.column for step in LADDER)
LAST = tuple(len(step.levels) - 1 for step in LADDER)
TEMPLATES: tuple[tuple[int, ...], ...] = tuple(
    sorted(
        product(*(range(len(step.levels)) for step in LADDER)),
        key=lambda levels: (-sum(s.worth[x] for s, x in zip(LADDER, levels, strict=True)), levels),
    )
)
"""Every combination of levels, the most valuable first; the last one says nothing."""


def at_level(index: int, level: int) -> str:
    """Name of the helper column that holds attribute `index` at a level."""
    return f"{COLUMNS[index]}@{level}"


def add_levels(people: pl.DataFrame) -> pl.DataFrame:
    """Add a column for every attribute at every level."""
    return people.with_columns(
        make(pl.col(step.column)).alias(at_level(i, level))
        for i, step in enumerate(LADDER)
        for level, make in enumerate(step.levels)
    )


def released_level(index: int, value: pl.Expr) -> pl.Expr:
    """Level at which a value of an earlier release stands; null stands at the last one."""
    step, last = LADDER[index], LAST[index]
    if step.column == "model":
        provider_only = value.str.ends_with("\t")
        return pl.when(value == "\t").then(last).when(provider_only).then(1).otherwise(0)
    if step.column == "language":
        return pl.when(value == UNKNOWN_LANGUAGE).then(last).otherwise(0)
    wider = {
        "age_band": set(WIDER_AGE.values()),
        "education": set(WIDER_EDUCATION.values()),
        "occupation_group": {"working"},
    }.get(step.column, set[str]())
    return pl.when(value.is_null()).then(last).when(value.is_in(list(wider))).then(1).otherwise(0)
