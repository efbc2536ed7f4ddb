"""How user messages relate to the user message before them."""

from __future__ import annotations

import polars as pl

from schemas.stats import Flow, Relationships
from tasks.stats.frames import Frames
from tasks.stats.intervals import ClusterBootstrap
from tasks.stats.names import FacetNames, LabelName
from tasks.stats.shares import END, count_flows, share_groups, share_labels

FIRST_REQUEST = "first_request"
LAST_TURN = 9
FLOW_TURNS = 4


def count_relationships(frames: Frames, names: FacetNames, boot: ClusterBootstrap) -> Relationships:
    """Shares with and without first requests, by turn, and how one turn follows another."""
    rows = frames.relationships
    names = names.with_unknown(rows["value"].unique())
    later = tuple(n for n in names.nodes if n.value != FIRST_REQUEST)
    rest = rows.filter(pl.col("value") != FIRST_REQUEST)
    n_user = frames.messages.filter(pl.col("role") == "user").height
    n_labelled = rows["m"].n_unique()
    turns = [(str(t), f"user message {t}") for t in range(1, LAST_TURN)]
    turns.append((f"{LAST_TURN}+", f"user message {LAST_TURN} and later"))
    turn = pl.when(pl.col("turn") < LAST_TURN).then(pl.col("turn").cast(pl.String))
    pairs = follow(frames, rows)
    return Relationships(
        n_user_messages=n_user,
        n_labelled=n_labelled,
        n_unlabelled=n_user - n_labelled,
        with_first=share_labels(rows, names.nodes, names, boot),
        without_first=share_labels(rest, later, names, boot),
        transitions=count_flows(pairs.with_columns(step=pl.lit("all")), ["all"], names.nodes),
        by_turn=share_groups(
            rows.with_columns(group=turn.otherwise(pl.lit(f"{LAST_TURN}+"))), turns, names.nodes, boot
        ),
        turn_flow=_flow_turns(pairs, names.nodes),
    )


def follow(frames: Frames, rows: pl.DataFrame) -> pl.DataFrame:
    """Pair the label of each user message with that of the next one in the conversation.

    Args:
        frames: collected inputs.
        rows: c, turn (from 1) and value, one row a labelled user message.

    Returns:
        turn, from_value, to_value. A last message pairs with `(end)`; a message whose successor has no
        label makes no pair.
    """
    ends = frames.messages.filter(pl.col("role") == "user").group_by("c").agg(last=pl.col("turn").max())
    is_next = (pl.col("c").shift(-1) == pl.col("c")) & (pl.col("turn").shift(-1) == pl.col("turn") + 1)
    return (
        rows.join(ends, on="c")
        .sort("c", "turn", "value")
        .with_columns(to_value=pl.when(is_next).then(pl.col("value").shift(-1)))
        .with_columns(
            to_value=pl.when(pl.col("turn") == pl.col("last")).then(pl.lit(END)).otherwise(pl.col("to_value"))
        )
        .filter(pl.col("to_value").is_not_null())
        .select("turn", "to_value", from_value="value")
    )


def _flow_turns(pairs: pl.DataFrame, nodes: tuple[LabelName, ...]) -> list[Flow]:
    """Flows between the first user messages, for the drawing of how conversations go on."""
    steps = [f"{t}>{t + 1}" for t in range(1, FLOW_TURNS)]
    first = pairs.filter(pl.col("turn") < FLOW_TURNS).with_columns(
        step=pl.format("{}>{}", pl.col("turn"), pl.col("turn") + 1)
    )
    return count_flows(first.select("step", "from_value", "to_value"), steps, nodes)
