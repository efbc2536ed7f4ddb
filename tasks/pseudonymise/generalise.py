"""The participants table: survey answers made coarse until nobody stands out.

Every participant's combination of quasi-identifiers is shared by at least k participants (k-anonymity,
Sweeney 2002, by local recoding along a declared ladder). Who already was in the parent release is never
shown finer than there, because two releases can be laid side by side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl

from schemas.errors import DataError
from schemas.fields import PARTICIPANTS
from tasks.pseudonymise.answers import band_age, group_answer, group_gender, keep_frequency, list_purposes
from tasks.pseudonymise.k_report import report_k
from tasks.pseudonymise.ladder import (
    COLUMNS,
    LAST,
    TEMPLATES,
    UNKNOWN_LANGUAGE,
    WITHHELD_MODEL,
    add_levels,
    at_level,
    released_level,
)
from tasks.pseudonymise.recode import Ints, choose_levels

AppliedPolicy = Literal["strict", "as-published"]
_SURVEY = ("age", "gender", "education", "occupation", "frequency", "purposes")


@dataclass(frozen=True, slots=True)
class GeneralisedParticipants:
    """Participants as released.

    Attributes:
        participants: the release table, sorted by participant_id.
        withheld: participant_id, model_name, model_provider, language (string): what the other tables must
            show for the participants whose model or language was made coarser; null leaves a column as it
            is, except that a coarser model without a known provider has none.
        report: k reached, class sizes and counts of what was made coarser; no values of any participant.
    """

    participants: pl.DataFrame
    withheld: pl.DataFrame
    report: dict[str, Any]


def generalise_participants(
    conversations: pl.DataFrame,
    id_map: pl.DataFrame,
    first_release: Mapping[str, str],
    *,
    k: int,
    policy: AppliedPolicy,
    version: str,
    parent: pl.DataFrame | None = None,
) -> GeneralisedParticipants:
    """Build the participants table.

    Args:
        conversations: scrubbed conversations: participant_id, model_name, model_provider, language and the
            six `survey_*` columns (string), one row a conversation.
        id_map: participant_id and split (string).
        first_release: participant id to the version it first appeared in; others appear in `version`.
        k: smallest number of participants that share a combination.
        policy: `strict` generalises until k is reached; `as-published` maps answers to their finest value
            and only measures k.
        version: version being made.
        parent: participants of the parent release, with model_name and model_provider of their
            conversations where known; nobody gets finer than there, under either policy. None where there
            is no parent, or where everything in it was public at its finest anyway.

    Returns:
        Table, what to withhold elsewhere, and the report.

    Raises:
        DataError: a participant is not in the id map.
    """
    people, n_conflicts = _one_row_each(conversations)
    people = people.join(id_map.select("participant_id", "split").unique(), on="participant_id", how="left")
    if people["split"].null_count():
        raise DataError(f"{people['split'].null_count()} participants are not in the id map")
    levelled = add_levels(people.with_columns(_floor_levels(people, parent)))
    shown = _show(levelled, k if policy == "strict" else None)
    table = (
        shown.with_columns(
            first_release=pl.col("participant_id").replace_strict(
                dict(first_release), default=version, return_dtype=pl.String
            )
        )
        .select(PARTICIPANTS.columns)
        .sort("participant_id")
    )
    return GeneralisedParticipants(
        participants=table,
        withheld=_withheld(shown, people),
        report=report_k(shown, people, k, policy, n_conflicts),
    )


def _one_row_each(conversations: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """One row a participant, answers mapped to their finest value; and how many gave two answers."""
    answers = [f"survey_{name}" for name in _SURVEY]

    def usual(name: str) -> pl.Expr:
        # the most frequent answer; of equals the first in order, whatever the order of the rows
        return pl.col(name).drop_nulls().mode().sort().first()

    model = pl.concat_str(pl.col("model_provider").fill_null(""), pl.lit("\t"), pl.col("model_name"))
    raw = (
        conversations.with_columns(model=model)
        .group_by("participant_id")
        .agg(
            *(usual(name) for name in answers),
            *(pl.col(name).drop_nulls().n_unique().alias(f"n_{name}") for name in answers),
            usual("language"),
            usual("model"),
            n_conversations=pl.len().cast(pl.Int32),
        )
        .sort("participant_id")
    )
    n_conflicts = raw.filter(pl.any_horizontal([pl.col(f"n_{name}") > 1 for name in answers])).height
    people = raw.select(
        "participant_id",
        "n_conversations",
        "model",
        pl.col("language").fill_null(UNKNOWN_LANGUAGE),
        age_band=band_age(),
        gender=group_gender(pl.col("survey_gender")),
        education=group_answer("education", pl.col("survey_education")),
        occupation_group=group_answer("occupation", pl.col("survey_occupation")),
        ai_use_frequency=keep_frequency(pl.col("survey_frequency")),
        purposes=list_purposes(pl.col("survey_purposes")),
    )
    return people, n_conflicts


def _floor_levels(people: pl.DataFrame, parent: pl.DataFrame | None) -> list[pl.Series]:
    """Finest level allowed for every attribute of every participant, as columns `floor@<attribute>`."""
    if parent is None:
        return [pl.Series(f"floor@{c}", [0] * people.height, dtype=pl.Int32) for c in COLUMNS]
    before = parent.with_columns(is_known=pl.lit(True))
    if "model_name" in parent.columns:
        name = pl.col("model_name")
        kept = pl.when(name.str.ends_with(WITHHELD_MODEL)).then(pl.lit("")).otherwise(name)
        before = before.with_columns(
            model=pl.concat_str(pl.col("model_provider").fill_null(""), pl.lit("\t"), kept)
        )
    else:
        before = before.with_columns(model=pl.lit("any\tany"))
    joined = people.select("participant_id").join(
        before.select("participant_id", "is_known", *COLUMNS).unique("participant_id"),
        on="participant_id", how="left", maintain_order="left",
    )  # fmt: skip
    floors = joined.select(
        pl.when(pl.col("is_known"))
        .then(released_level(i, pl.col(c)))
        .otherwise(0)
        .cast(pl.Int32)
        .alias(f"floor@{c}")
        for i, c in enumerate(COLUMNS)
    )
    return floors.get_columns()


def _show(people: pl.DataFrame, k: int | None) -> pl.DataFrame:
    """Show participants at the finest levels allowed, or with `k` at those that k of them share."""
    floors = people.select(f"floor@{c}" for c in COLUMNS).to_numpy().astype(np.int64)
    levels = floors
    if k is not None:
        codes = [
            _number_values([people[at_level(i, level)] for level in range(last + 1)])
            for i, last in enumerate(LAST)
        ]
        levels = choose_levels(codes, floors, TEMPLATES, k)
    shown: list[pl.Series] = []
    for i, column in enumerate(COLUMNS):
        value = people[at_level(i, 0)]
        for level in range(1, LAST[i] + 1):
            coarse = people[at_level(i, level)]
            value = coarse.zip_with(pl.Series(levels[:, i] == level), value)
        shown.append(value.alias(column))
    return people.with_columns(shown)


def _number_values(levels: Sequence[pl.Series]) -> Ints:
    """Participants x levels: a number for every value, 0 for null."""
    n = len(levels[0])
    numbers = pl.concat([s.rename("") for s in levels]).rank("dense").fill_null(0).cast(pl.Int64)
    return numbers.to_numpy().reshape(len(levels), n).T


def _withheld(shown: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    before = people.select("participant_id", was_model="model", was_language="language")
    provider = pl.col("model").str.extract(r"^([^\t]*)\t")
    coarse_name = (
        pl.when(provider != "")
        .then(pl.concat_str(provider, pl.lit(f" {WITHHELD_MODEL}")))
        .otherwise(pl.lit(WITHHELD_MODEL))
    )
    has_coarse_model = pl.col("model") != pl.col("was_model")
    return (
        shown.join(before, on="participant_id")
        .filter(has_coarse_model | (pl.col("language") != pl.col("was_language")))
        .select(
            "participant_id",
            model_name=pl.when(has_coarse_model).then(coarse_name),
            model_provider=pl.when(has_coarse_model & (provider != "")).then(provider),
            language=pl.when(pl.col("language") != pl.col("was_language")).then(pl.col("language")),
        )
        .sort("participant_id")
    )
