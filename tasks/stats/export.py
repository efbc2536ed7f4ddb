"""The lists of `stats.json` as small tables, for `stats/<name>.parquet`."""

from __future__ import annotations

import types
from collections.abc import Sequence
from typing import Any, Literal, Union, get_args, get_origin

import polars as pl
from pydantic import BaseModel

from schemas import stats as s

FLAGS = ("is_suppressed", "is_held")


def tabulate(model: s.StatsDocument) -> dict[str, pl.DataFrame]:
    """One frame for each list of the document; columns and types are those of its rows.

    Lists of the same shape share a table, told apart by the leading column `list` (for example
    `labels_by_group` holds reasons and reactions by stage, domain and length, and relationships by turn).
    """
    length, relations, topics = model.conversation_length, model.relationships, model.topics
    thoughts = {"reason": model.reasons, "reaction": model.reactions}
    labels = {k: t.labels for k, t in thoughts.items()}
    groups = {
        f"{k}.{name}": getattr(t, name)
        for k, t in thoughts.items()
        for name in ("by_stage", "by_domain", "by_length")
    }
    flows = {f"{k}.stage_flow": t.stage_flow for k, t in thoughts.items()}
    compared = length.compared.histogram if length.compared else []
    return {
        "models": _frame(s.ModelRow, {"": model.models}),
        "conversation_lengths": _frame(
            s.LengthBin, {"release": length.histogram, "compared": compared}, "corpus"
        ),
        "published_lengths": _frame(s.PublishedLength, {"": length.published}),
        "topics": _frame(s.TopicShare, {"domains": topics.domains, "subtopics": topics.subtopics}, "list"),
        "labels": _frame(
            s.LabelShare,
            {
                **labels,
                "relationship.with_first": relations.with_first,
                "relationship.without_first": relations.without_first,
            },
            "list",
        ),
        "labels_by_group": _frame(
            s.GroupShare, {**groups, "relationship.by_turn": relations.by_turn}, "list"
        ),
        "label_flows": _frame(
            s.Flow,
            {
                **flows,
                "relationship.transitions": relations.transitions,
                "relationship.turn_flow": relations.turn_flow,
            },
            "list",
        ),
        "thoughts_per_message": _frame(s.ThoughtsPerMessage, {"": model.thoughts_per_message}),
        "demographics": _frame(s.DemographicCell, {"": model.demographics.cells}),
        "text_lengths": _frame(s.TextLength, {"": model.text_lengths}),
        "text_length_bins": _frame(s.TextLengthBin, {"": model.text_length_bins}),
        "languages": _frame(s.LanguageRow, {"": model.languages}),
        "redactions": _frame(s.RedactionRow, {"": model.redactions.by_type}),
        "completeness": _frame(s.CompletenessRow, {"": model.completeness}),
        "label_provenance": _frame(s.ProvenanceRow, {"": model.labelling.provenance}),
    }


def _frame(row_type: type[BaseModel], lists: dict[str, Sequence[BaseModel]], key: str = "") -> pl.DataFrame:
    schema: dict[str, Any] = {key: pl.String} if key else {}
    for name, field in row_type.model_fields.items():
        schema.update(_columns(name, field.annotation))
    rows = [
        {**({key: name} if key else {}), **_flatten(row.model_dump(mode="python"))}
        for name, found in lists.items()
        for row in found
    ]
    last = [flag for flag in FLAGS if flag in schema]
    return pl.DataFrame(rows, schema=schema).select(pl.exclude(last), *last)


def _columns(name: str, annotation: Any) -> dict[str, Any]:
    """Column name and dtype of one field; a nested model gives one column for each of its fields."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {
            f"{name}_{inner}": dtype
            for field, info in annotation.model_fields.items()
            for inner, dtype in _columns(field, info.annotation).items()
        }
    if get_origin(annotation) in {Union, types.UnionType}:
        (annotation,) = [a for a in get_args(annotation) if a is not type(None)]
    if get_origin(annotation) is list:
        return {name: pl.List(_columns("", get_args(annotation)[0])[""])}
    return {name: pl.String if get_origin(annotation) is Literal else _scalar(annotation)}


def _scalar(kind: Any) -> Any:
    return {bool: pl.Boolean, int: pl.Int64, float: pl.Float64, str: pl.String}[kind]


def _flatten(row: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, dict):
            flat.update({f"{name}_{inner}": v for inner, v in value.items()})
        else:
            flat[name] = value
    return flat
