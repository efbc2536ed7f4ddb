"""Topics of conversations: domains and subtopics, several of each may apply."""

from __future__ import annotations

import polars as pl

from schemas.stats import Topics, TopicShare
from tasks.stats.frames import Frames
from tasks.stats.intervals import ClusterBootstrap
from tasks.stats.names import FacetNames, LabelName
from tasks.stats.shares import number, share_bases, share_labels


def find_domains(topics: pl.DataFrame, names: FacetNames) -> pl.DataFrame:
    """Domains of each conversation: its domain labels and the parents of its subtopic labels.

    Args:
        topics: c, p and value (any topic node).
        names: the topic taxonomy.

    Returns:
        c, p, value: one row a conversation and domain.
    """
    parents = {n.value: n.parent for n in names.below}
    domain = pl.col("value").replace(list(parents), list(parents.values())) if parents else pl.col("value")
    return topics.select("c", "p", value=domain).unique().sort("c", "value")


def count_topics(frames: Frames, names: FacetNames, boot: ClusterBootstrap) -> Topics:
    """Shares of domains and subtopics, of assignments and of labelled conversations."""
    names = names.with_unknown(frames.topics["value"].unique())
    domains = find_domains(frames.topics, names)
    below = [n.value for n in names.below]
    subtopics = frames.topics.filter(pl.col("value").is_in(below)).unique()
    labelled = domains["c"].n_unique()
    return Topics(
        n_conversations=frames.conversations.height,
        n_labelled=labelled,
        n_unlabelled=frames.conversations.height - labelled,
        n_domain_assignments=domains.height,
        n_subtopic_assignments=subtopics.height,
        domains=_share_topics(domains, names.top, domains, names, boot),
        subtopics=_share_topics(subtopics, names.below, domains, names, boot),
    )


def _share_topics(
    rows: pl.DataFrame,
    nodes: tuple[LabelName, ...],
    labelled: pl.DataFrame,
    names: FacetNames,
    boot: ClusterBootstrap,
) -> list[TopicShare]:
    of_assignments = share_labels(rows, nodes, names, boot)
    of_conversations = share_bases(rows, nodes, labelled.select("c", "p").unique(), boot)
    return [
        TopicShare(
            **share.model_dump(),
            n_conversations=share.n,
            share_of_conversations=number(of_conversations.value[i]),
            low_of_conversations=number(of_conversations.low[i]),
            high_of_conversations=number(of_conversations.high[i]),
        )
        for i, share in enumerate(of_assignments)
    ]
