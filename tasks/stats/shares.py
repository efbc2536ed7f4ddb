"""Shares of labels, alone and within groups, with intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import polars as pl

from schemas.stats import Flow, GroupShare, LabelShare, Spread
from tasks.stats.intervals import ClusterBootstrap, Counts, Estimate, count_matrix
from tasks.stats.names import FacetNames, LabelName

END = "(end)"


def share_labels(
    rows: pl.DataFrame, nodes: Sequence[LabelName], names: FacetNames, boot: ClusterBootstrap
) -> list[LabelShare]:
    """Share of each label among the rows, one entry a node, in the order given.

    Args:
        rows: p (participant's row number) and value (node id); every value must be one of the nodes.
        nodes: labels to list.
        names: display names and parents.
        boot: draws of participants.
    """
    matrix = _matrix(rows, [n.value for n in nodes], boot.n_clusters)
    found = boot.ratio(matrix, matrix.sum(1, keepdims=True))
    counts = matrix.sum(0)
    return [
        LabelShare(
            value=node.value,
            name=names.name(node.value),
            parent=names.parent(node.value),
            n=int(counts[i]),
            share=number(found.value[i]),
            low=number(found.low[i]),
            high=number(found.high[i]),
        )
        for i, node in enumerate(nodes)
    ]


def share_bases(
    rows: pl.DataFrame, nodes: Sequence[LabelName], base: pl.DataFrame, boot: ClusterBootstrap
) -> Estimate:
    """Share of the base rows that have each label; with several labels a row they sum to more than 1.

    Args:
        rows: p and value.
        nodes: labels, in order.
        base: p, one row for each that could have a label.
        boot: draws of participants.
    """
    matrix = _matrix(rows, [n.value for n in nodes], boot.n_clusters)
    return boot.ratio(matrix, count_matrix(ints(base["p"]), ints(base["p"]) * 0, boot.n_clusters, 1))


def share_groups(
    rows: pl.DataFrame,
    groups: Sequence[tuple[str, str]],
    nodes: Sequence[LabelName],
    boot: ClusterBootstrap,
) -> list[GroupShare]:
    """Share of each label within each group; groups without a label are left out.

    Args:
        rows: p, group (string) and value; groups and values not listed are ignored.
        groups: id and display name of each group, in order.
        nodes: labels to list within each group.
        boot: draws of participants.
    """
    values = [n.value for n in nodes]
    group_no = {g: i for i, (g, _) in enumerate(groups)}
    value_no = {v: i for i, v in enumerate(values)}
    rows = rows.filter(pl.col("group").is_in(list(group_no)), pl.col("value").is_in(values))
    cell = _codes(rows["group"], group_no) * len(values) + _codes(rows["value"], value_no)
    matrix = count_matrix(ints(rows["p"]), cell, boot.n_clusters, len(groups) * len(values))
    base = matrix.reshape(boot.n_clusters, len(groups), len(values)).sum(2)
    found = boot.ratio(matrix, base)
    counts, bases = matrix.sum(0), base.sum(0)
    return [
        GroupShare(
            group=group,
            group_name=group_name,
            base=int(bases[g]),
            value=node.value,
            name=node.name,
            n=int(counts[i]),
            share=number(found.value[i]),
            low=number(found.low[i]),
            high=number(found.high[i]),
        )
        for g, (group, group_name) in enumerate(groups)
        if bases[g] > 0
        for i, node in enumerate(nodes, start=g * len(values))
    ]


def count_flows(rows: pl.DataFrame, steps: Sequence[str], nodes: Sequence[LabelName]) -> list[Flow]:
    """Count how labels follow each other.

    Args:
        rows: step, from_value and to_value (strings), one row a pair.
        steps: steps in order.
        nodes: labels in order; the end comes last.

    Returns:
        The flows that occur; shares are of all flows of the same step and start.
    """
    order = {v: i for i, v in enumerate([*(n.value for n in nodes), END])}
    counted = (
        rows.group_by("step", "from_value", "to_value")
        .agg(n=pl.len().cast(pl.Int64))
        .with_columns(share=pl.col("n") / pl.col("n").sum().over("step", "from_value"))
    )
    step_no = {s: i for i, s in enumerate(steps)}
    flows = [
        Flow(
            step=row["step"],
            from_value=row["from_value"],
            to_value=row["to_value"],
            n=row["n"],
            share=number(row["share"]),
        )
        for row in counted.iter_rows(named=True)
    ]
    last = len(order)
    return sorted(
        flows,
        key=lambda f: (
            step_no[f.step],
            order.get(f.from_value, last),
            order.get(f.to_value, last),
            f.from_value,
            f.to_value,
        ),
    )


def describe(values: pl.Series) -> Spread:
    """Mean and quantiles (linear interpolation) of a column; nulls are left out."""
    values = values.drop_nulls().cast(pl.Float64)

    def quantile(q: float) -> float | None:
        return number(values.quantile(q, "linear"))

    return Spread(
        n=values.len(),
        mean=number(values.mean()),
        p5=quantile(0.05),
        q1=quantile(0.25),
        median=quantile(0.5),
        q3=quantile(0.75),
        p90=quantile(0.9),
        p95=quantile(0.95),
        min=quantile(0),
        max=quantile(1),
    )


def number(value: object) -> float | None:
    """Round to six decimals for the document; null for NaN, infinities and missing values."""
    if not isinstance(value, int | float | np.floating):
        return None
    value = float(value)
    return round(value, 6) + 0.0 if math.isfinite(value) else None


def _matrix(rows: pl.DataFrame, values: Sequence[str], n_clusters: int) -> Counts:
    code = {v: i for i, v in enumerate(values)}
    return count_matrix(ints(rows["p"]), _codes(rows["value"], code), n_clusters, len(values))


def _codes(column: pl.Series, codes: dict[str, int]) -> Counts:
    if not column.len():
        return np.zeros(0, dtype=np.int64)
    return column.cast(pl.String).replace_strict(codes, return_dtype=pl.Int64).to_numpy()


def ints(column: pl.Series) -> Counts:
    """A column of whole numbers as an array."""
    return column.cast(pl.Int64).to_numpy()
