"""Telling what is in a block: the truth frames, from the plan, the texts and the lines they became."""

from __future__ import annotations

import numpy as np
import polars as pl

from tasks.synth.dialects import Wrapped
from tasks.synth.phrasebook import REACTIONS, REASONS, RELATIONSHIPS, Phrasebook
from tasks.synth.plan import Plan
from tasks.synth.plants import Oddity
from tasks.synth.truth import BAD, CONVERSATIONS, LABELS, ODDITIES, SPANS, Truth
from tasks.synth.writing import Texts


def tell_truth(
    book: Phrasebook, plan: Plan, texts: Texts, oddities: list[Oddity], wrapped: Wrapped, n: int
) -> Truth:
    """Say what is in the first `n` conversations; lines count from 0 within the block here."""
    c = pl.DataFrame(
        {
            "conversation": np.arange(n),
            "line": wrapped.line,
            "conversation_id": wrapped.conversation_id,
            "participant_id": wrapped.participant_id,
            "participant": plan.c_participant[:n],
            "task_first": plan.c_task_first[:n],
            "language": pl.Series(book.languages).gather(plan.p_language[plan.c_participant[:n]]),
            "n_messages": plan.c_n_messages[:n],
        }
    )
    m = pl.DataFrame(
        {
            "message": np.arange(len(plan.m_role)),
            "conversation": plan.m_conversation,
            "position": plan.m_position,
            "role": pl.Series(["user", "assistant"]).gather(plan.m_role),
            "relationship": pl.Series((*RELATIONSHIPS, None)).gather(
                plan.m_relationship % (len(RELATIONSHIPS) + 1)
            ),
            "topic": plan.m_topic,
        }
    ).join(c, on="conversation", how="inner", maintain_order="left")
    t = pl.DataFrame(
        {
            "thought": np.arange(len(plan.t_label)),
            "message": plan.t_message,
            "ordinal": plan.t_ordinal,
            "field": pl.Series(["reason", "reaction"]).gather(plan.m_role[plan.t_message]),
            "value": pl.Series((*REASONS, *REACTIONS)).gather(plan.t_label),
        }
    ).join(m, on="message", how="inner", maintain_order="left")
    counts = t.group_by("conversation").agg(
        n_reasons=(pl.col("field") == "reason").sum().cast(pl.Int64),
        n_reactions=(pl.col("field") == "reaction").sum().cast(pl.Int64),
    )
    return Truth(
        _conform(
            c.join(counts, on="conversation", how="left", maintain_order="left").with_columns(
                pl.col("n_reasons", "n_reactions").fill_null(0)
            ),
            CONVERSATIONS,
        ),
        _span_truth(texts.spans, c, m, t),
        _label_truth(book, m, t),
        _oddity_truth(oddities, m, t),
        pl.DataFrame(schema=BAD),
    )


def _conform(frame: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    missing = [pl.lit(None, dtype).alias(name) for name, dtype in schema.items() if name not in frame.columns]
    return frame.with_columns(missing).select(schema.names()).cast(pl.Schema(schema))


def _span_truth(spans: pl.DataFrame, c: pl.DataFrame, m: pl.DataFrame, t: pl.DataFrame) -> pl.DataFrame:
    def of(*targets: str) -> pl.DataFrame:
        return spans.filter(pl.col("target").is_in(targets)).with_columns(field="target")

    parts = [
        of("content").join(m, left_on="row", right_on="message", maintain_order="left"),
        of("thought").drop("field").join(t, left_on="row", right_on="thought", maintain_order="left"),
        # a task's conversations share summary and expectation, a participant's all share the survey
        of("task_summary", "task_expectation").join(
            c, left_on="row", right_on="task_first", maintain_order="left"
        ),
        of("occupation", "purposes", "feedback").join(
            c, left_on="row", right_on="participant", maintain_order="left"
        ),
    ]
    return pl.concat([_conform(p, SPANS) for p in parts]).sort("line", maintain_order=True)


def _label_truth(book: Phrasebook, m: pl.DataFrame, t: pl.DataFrame) -> pl.DataFrame:
    subtopic = pl.Series([topic.subtopic for topic in book.topics])
    topics = m.select("line", "conversation_id", "topic").unique(maintain_order=True)
    parts = [
        topics.with_columns(facet=pl.lit("topic"), value=subtopic.gather(topics["topic"])),
        m.filter(pl.col("role") == "user").with_columns(facet=pl.lit("relationship"), value="relationship"),
        t.with_columns(facet="field"),
    ]
    return pl.concat([_conform(p, LABELS) for p in parts]).sort("line", maintain_order=True)


def _oddity_truth(oddities: list[Oddity], m: pl.DataFrame, t: pl.DataFrame) -> pl.DataFrame:
    frame = pl.DataFrame(
        {
            "target": [o.target for o in oddities],
            "row": [o.row for o in oddities],
            "kind": [o.kind for o in oddities],
        },
        schema={"target": pl.String, "row": pl.Int64, "kind": pl.String},
    )
    parts = [
        frame.filter(pl.col("target") == target).join(
            where, left_on="row", right_on=key, maintain_order="left"
        )
        for target, where, key in (("content", m, "message"), ("thought", t, "thought"))
    ]
    return pl.concat([_conform(p, ODDITIES) for p in parts]).sort("line", maintain_order=True)
