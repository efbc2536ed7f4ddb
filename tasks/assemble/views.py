"""Reader views: the base tables with labels joined on, as people load them."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from schemas.fields import VIEWS


def build_views(tables: Mapping[str, pl.DataFrame], parents: Mapping[str, str]) -> dict[str, pl.DataFrame]:
    """Join the labels onto the base tables.

    Args:
        tables: every base table by name.
        parents: subtopic node id to domain node id (domains are not keys).

    Returns:
        View name to frame; the rows of each base table, in its order.
    """
    labels = tables["labels"]
    topics = _topic_lists(labels.filter(pl.col("facet") == "topic"), parents)
    views = dict(tables)
    views["conversations"] = (
        tables["conversations"]
        .join(topics, left_on="conversation_id", right_on="item_id", how="left", maintain_order="left")
        .with_columns(pl.col("topic_domains", "topic_subtopics").fill_null(pl.lit([], pl.List(pl.String))))
    )
    views["messages"] = _join_single(
        tables["messages"], labels, ("relationship",), "message_id", "relationship"
    )
    views["thoughts"] = _join_single(
        tables["thoughts"], labels, ("reason", "reaction"), "thought_id", "label"
    )
    return {name: views[name].select(view.columns) for name, view in VIEWS.items()}


def _topic_lists(labels: pl.DataFrame, parents: Mapping[str, str]) -> pl.DataFrame:
    domain = pl.col("value").replace_strict(dict(parents) or {"": ""}, default=pl.col("value"))
    return labels.group_by("item_id").agg(
        topic_domains=domain.unique().sort(),
        topic_subtopics=pl.col("value").filter(pl.col("value").is_in(list(parents))).unique().sort(),
    )


def _join_single(
    table: pl.DataFrame, labels: pl.DataFrame, facets: tuple[str, ...], key: str, column: str
) -> pl.DataFrame:
    single = labels.filter(pl.col("facet").is_in(facets)).select(
        pl.col("item_id").alias(key), pl.col("value").alias(column)
    )
    return table.join(single, on=key, how="left", maintain_order="left", validate="1:1")
