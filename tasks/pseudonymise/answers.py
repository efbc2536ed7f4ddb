"""Survey answers as typed to closed values: bands, groups and categories.

What a participant typed never reaches a release table; only values listed here do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any

import polars as pl
import yaml

from tasks.validate.ages import HIGHEST_AGE, stated_age

AGE_BANDS = ((18, "18-24"), (25, "25-34"), (35, "35-44"), (45, "45-54"), (55, "55-64"), (65, "65+"))
OTHER = "other"
FREQUENCIES = ("1", "2", "3", "4", "5")
_JOINING_WORDS = r"\b(?:a|an|the|at|in|of|for|and|with|from|by|to)\b"
_PLACEHOLDER = r"<[A-Z_]+_\d+>|\[[A-Z_]+\]"


@lru_cache(maxsize=1)
def answer_groups() -> Mapping[str, Mapping[str, str]]:
    """Return attribute to group to pattern, as `words/answers.yaml` declares them."""
    text = (files("tasks.pseudonymise") / "words" / "answers.yaml").read_text("utf-8")
    declared: Mapping[str, Mapping[str, Sequence[str]]] = yaml.safe_load(text)
    return {
        attribute: {group: _pattern(words) for group, words in groups.items()}
        for attribute, groups in declared.items()
    }


def _pattern(words: Sequence[Any]) -> str:
    parts = [re.escape(str(w)[:-1]) + r"\w*" if str(w).endswith("-") else re.escape(str(w)) for w in words]
    # not \b: `c++` and `i.t.` end in no word character
    return rf"(?:^|\W)(?:{'|'.join(parts)})(?:$|\W)"


def band_age() -> pl.Expr:
    """The age in `survey_age` to its band; null where it is none, several or not from 18 to 110."""
    years = stated_age()
    banded = pl.lit(None, pl.String)
    for lowest, band in AGE_BANDS:
        banded = pl.when(years >= lowest).then(pl.lit(band)).otherwise(banded)
    return pl.when(years <= HIGHEST_AGE).then(banded)


def group_answer(attribute: str, answer: pl.Expr) -> pl.Expr:
    """Free answer to the first group that a word of it belongs to; `other` if none, null if blank."""
    text = _normal(answer)
    grouped = pl.when(text != "").then(pl.lit(OTHER))
    for group, pattern in reversed(tuple(answer_groups()[attribute].items())):
        grouped = pl.when(text.str.contains(pattern)).then(pl.lit(group)).otherwise(grouped)
    return grouped


def group_gender(answer: pl.Expr) -> pl.Expr:
    """Gender to female, male, non_binary or self_described; a refusal to say is null."""
    refuses = _normal(answer).str.contains(r"prefer not|rather not|undisclosed|^n/?a$")
    return pl.when(~refuses).then(group_answer("gender", answer).replace(OTHER, "self_described"))


def list_purposes(answer: pl.Expr) -> pl.Expr:
    """Free answer to all categories it touches, sorted; `other` if none, an empty list if blank."""
    text = _normal(answer).fill_null("")
    groups = sorted(answer_groups()["purposes"].items())
    found = pl.concat_list(
        [pl.when(text.str.contains(pattern)).then(pl.lit(group)) for group, pattern in groups]
    ).list.drop_nulls()
    nothing = pl.lit([], dtype=pl.List(pl.String))
    rest = pl.when(text == "").then(nothing).otherwise(pl.lit([OTHER], dtype=pl.List(pl.String)))
    return pl.when(found.list.len() > 0).then(found).otherwise(rest)


def keep_frequency(answer: pl.Expr) -> pl.Expr:
    """Frequency from 1 to 5; everything else is null."""
    text = answer.str.strip_chars()
    return pl.when(text.is_in(FREQUENCIES)).then(text)


def _normal(answer: pl.Expr) -> pl.Expr:
    rest = answer.str.replace_all(_PLACEHOLDER, " ").str.to_lowercase().str.strip_chars()
    # what only joined the words that were masked says nothing
    says_something = rest.str.replace_all(_JOINING_WORDS, "").str.contains(r"[\p{L}\d]")
    return pl.when(says_something).then(rest).when(rest.is_not_null()).then(pl.lit(""))
