"""The release without the withdrawn: tables, records and the privacy figures that change with them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import polars as pl

from tasks.pseudonymise.k_report import count_classes

_QUASI = ("age_band", "gender", "education", "occupation_group", "ai_use_frequency")
_SURVEY_OF = {
    "age": "age_band",
    "gender": "gender",
    "education": "education",
    "occupation": "occupation_group",
    "frequency": "ai_use_frequency",
}


def suppress_small_groups(participants: pl.DataFrame, conversations: pl.DataFrame, k: int) -> pl.DataFrame:
    """Return participants whose class has fewer than `k` members now with all of their attributes null.

    A withdrawal may leave a class of `k` with fewer members. The class counts the chatbot's model too.

    Args:
        participants: `participants` without the withdrawn.
        conversations: `conversations` without the withdrawn.
        k: smallest class allowed.
    """
    models = conversations.group_by("participant_id").agg(
        _model=pl.concat_str("model_provider", "model_name", separator=" ", ignore_nulls=True).unique().sort()
    )
    is_small = pl.len().over([*_QUASI, "_model"]) < k
    return (
        participants.join(models, on="participant_id", how="left", maintain_order="left")
        .with_columns(pl.when(is_small).then(None).otherwise(pl.col(c)).alias(c) for c in _QUASI)
        .drop("_model")
    )


def keep_records(
    lines: Iterable[bytes], participants: pl.DataFrame, conversations: pl.DataFrame, *, is_strict: bool
) -> Iterator[bytes]:
    """Yield the records of the conversations that stay, byte for byte where nothing changed.

    Args:
        lines: records of the parent release.
        participants: `participants` of the patch; under `strict` their attributes are the survey.
        conversations: `conversations` of the patch.
        is_strict: whether records show the generalised survey.
    """
    owner = dict(conversations.select("conversation_id", "participant_id").iter_rows())
    people = {row["participant_id"]: row for row in participants.iter_rows(named=True)}
    for line in lines:
        record = json.loads(line)
        if record["id"] not in owner:
            continue
        survey = record["survey_answers"]
        shown = {key: people[owner[record["id"]]][column] for key, column in _SURVEY_OF.items()}
        if is_strict and survey and any(survey[0][key] != value for key, value in shown.items()):
            survey[0] |= shown
            line = json.dumps(record, ensure_ascii=False).encode() + b"\n"
        yield line


def update_privacy(
    parent: Mapping[str, Any], participants: pl.DataFrame, conversations: pl.DataFrame
) -> dict[str, Any]:
    """Return the privacy figures of the patch.

    Sizes of classes are measured again; what the scrubber counted stays as it was for the parent, because
    the withdrawn share of it cannot be told apart without reading their texts again.
    """
    sizes = count_classes(participants, conversations)
    required = int(parent.get("k_required", 0))
    smallest = min(sizes, default=0)
    return {
        **parent,
        "k": smallest,
        "k_margin": smallest - required,
        "is_satisfied": smallest >= required,
        "n_participants": participants.height,
        "n_below_k": sum(size for size in sizes if size < required),
        "n_classes": len(sizes),
    }


def missing_ids(found: Mapping[str, str | None], lines: Mapping[str, int]) -> list[int]:
    """Return the lines whose id nobody is known by."""
    return sorted(lines[name] for name, participant in found.items() if participant is None)


def known_ids(found: Mapping[str, str | None]) -> Collection[str]:
    """Return the public ids that were found."""
    return {participant for participant in found.values() if participant is not None}
