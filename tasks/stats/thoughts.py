"""Labels of reasons and reactions: alone, by stage, by domain and by length; thoughts per message."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import numpy as np
import polars as pl

from schemas.fields import STAGES
from schemas.stats import Flow, ThoughtLabels, ThoughtsPerMessage
from tasks.stats.frames import Frames
from tasks.stats.intervals import ClusterBootstrap, count_matrix
from tasks.stats.names import FacetNames, LabelName
from tasks.stats.shares import count_flows, ints, number, share_groups, share_labels
from tasks.stats.topics import find_domains

LENGTH_CLASSES = (("2-4", 4), ("6-8", 8), ("10-14", 14), ("16+", None))
STAGE_NAMES = {"early": "early", "mid_early": "mid-early", "mid_late": "mid-late", "late": "late"}
MIN_FLOW_TURNS = 4

Kind = Literal["reason", "reaction"]


def count_thought_labels(
    frames: Frames, kind: Kind, names: FacetNames, topics: FacetNames, boot: ClusterBootstrap
) -> ThoughtLabels:
    """Every figure on the labels of one kind of thought."""
    rows = frames.thought_labels.filter(pl.col("facet") == kind)
    names = names.with_unknown(rows["value"].unique())
    n_thoughts = frames.thoughts.filter(pl.col("kind") == kind).height
    n_labelled = rows["t"].n_unique()
    staged = rows.filter(pl.col("n_role") >= 2).with_columns(group=pl.col("stage").cast(pl.String))
    topics = topics.with_unknown(frames.topics["value"].unique())
    domains = find_domains(frames.topics, topics).select("c", group="value")
    lengths = frames.conversations.select("c", group=_length_class())
    return ThoughtLabels(
        facet=kind,
        n_thoughts=n_thoughts,
        n_labelled=n_labelled,
        n_unlabelled=n_thoughts - n_labelled,
        labels=share_labels(rows, names.nodes, names, boot),
        by_stage=share_groups(staged, list(STAGE_NAMES.items()), names.nodes, boot),
        by_domain=share_groups(
            rows.join(domains, on="c"), [(n.value, n.name) for n in topics.top], names.nodes, boot
        ),
        by_length=share_groups(
            rows.join(lengths, on="c"), [(c, f"{c} messages") for c, _ in LENGTH_CLASSES], names.nodes, boot
        ),
        stage_flow=flow_stages(rows, names.nodes),
    )


def flow_stages(rows: pl.DataFrame, nodes: tuple[LabelName, ...]) -> list[Flow]:
    """How the label at one stage is followed by the label at the next, within conversations.

    Only conversations with at least four messages of the role. Each stage takes the labelled message
    nearest to its anchor (0, 1/3, 2/3, 1 of the way) within a sixth; of two at the same distance the
    earlier one; of several thoughts on it the first. In whole numbers, so that ties are ties.

    Args:
        rows: c, t, turn (from 1), n_role and value.
        nodes: labels, in order.
    """
    last = pl.col("n_role") - 1
    distance = (3 * (pl.col("turn") - 1) - pl.col("k") * last).abs()
    anchors = pl.DataFrame({"k": range(len(STAGES))}, schema={"k": pl.Int64})
    nearest = (
        rows.filter(pl.col("n_role") >= MIN_FLOW_TURNS)
        .join(anchors, how="cross")
        .with_columns(distance=distance)
        .filter(2 * pl.col("distance") <= last)
        .sort("distance", "turn", "t", "value")
        .group_by("c", "k", maintain_order=True)
        .agg(pl.col("value").first())
    )
    pairs = nearest.join(nearest.select("c", k=pl.col("k") - 1, to_value="value"), on=["c", "k"], how="inner")
    steps = [f"{a}>{b}" for a, b in pairwise(STAGES)]
    return count_flows(
        pairs.select(
            step=pl.col("k").replace_strict(dict(enumerate(steps)), return_dtype=pl.String),
            from_value="value",
            to_value="to_value",
        ),
        steps,
        nodes,
    )


def count_per_message(frames: Frames, boot: ClusterBootstrap) -> list[ThoughtsPerMessage]:
    """How many messages of each role carry a thought, and how many."""
    n_thoughts = frames.thoughts.group_by("m").agg(n=pl.len().cast(pl.Int64))
    rows: list[ThoughtsPerMessage] = []
    kinds: tuple[tuple[Kind, str], ...] = (("reason", "user"), ("reaction", "assistant"))
    for kind, role in kinds:
        messages = (
            frames.messages.filter(pl.col("role") == role)
            .select("m", "p")
            .join(n_thoughts, on="m", how="left")
            .with_columns(pl.col("n").fill_null(0))
        )
        has = ints((messages["n"] > 0).cast(pl.Int64))
        by_person = count_matrix(ints(messages["p"]), has, boot.n_clusters, 2)
        found = boot.ratio(by_person[:, 1:], by_person.sum(1, keepdims=True))
        rows.append(
            ThoughtsPerMessage(
                kind=kind,
                n_messages=messages.height,
                n_with=int(has.sum()),
                share_with=number(found.value[0]),
                low=number(found.low[0]),
                high=number(found.high[0]),
                mean=number(messages["n"].mean()),
                per_message=np.bincount(np.minimum(ints(messages["n"]), 3), minlength=4).tolist(),
            )
        )
    return rows


def _length_class() -> pl.Expr:
    classes = pl.lit(LENGTH_CLASSES[-1][0])
    for name, longest in reversed(LENGTH_CLASSES[:-1]):
        classes = pl.when(pl.col("n") <= longest).then(pl.lit(name)).otherwise(classes)
    return classes
