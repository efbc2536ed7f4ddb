"""The review queue: what a person decides once becomes a rule on a keyed digest.

The queue holds no text. To show a candidate in its place the caller joins the raw items, on the machine
that may read them, with `show_in_context`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Literal

import polars as pl

from schemas.errors import UsageError
from schemas.fields import SCRUB_DECISIONS, SCRUB_REVIEW

CONTEXT_CHARS = 60


def group_queue(review: pl.DataFrame) -> pl.DataFrame:
    """Return the undecided candidates, each once, the most frequent first.

    Args:
        review: schema `scrub_review`.

    Returns:
        surface_hmac, type, recognizer, score, n_spans, n_conversations (both int64), item_id, start, end
        (first place, by item id).
    """
    return (
        review.select(SCRUB_REVIEW.columns)
        .filter(pl.col("status") == "undecided")
        .sort("item_id", "start")
        .group_by("surface_hmac", maintain_order=True)
        .agg(
            pl.col("type", "recognizer").first(),
            pl.col("score").max(),
            n_spans=pl.len().cast(pl.Int64),
            n_conversations=pl.col("conversation_id").n_unique().cast(pl.Int64),
            item_id=pl.col("item_id").first(),
            start=pl.col("start").first(),
            end=pl.col("end").first(),
        )
        .sort("n_conversations", "n_spans", "surface_hmac", descending=[True, True, False])
    )


def show_in_context(queue: pl.DataFrame, items: pl.DataFrame) -> pl.DataFrame:
    """Add the words around each candidate: raw text, for the reviewer's eyes only.

    Args:
        queue: from `group_queue`.
        items: item_id and text, unscrubbed.

    Returns:
        The queue with `candidate` and `context`; row law: as many rows as before, candidates whose item is
        not among the items show null.
    """
    texts = dict(items.select("item_id", "text").iter_rows())
    candidates: list[str | None] = []
    contexts: list[str | None] = []
    for item_id, start, end in queue.select("item_id", "start", "end").iter_rows():
        text = texts.get(item_id)
        candidates.append(None if text is None else text[start:end])
        contexts.append(None if text is None else text[max(0, start - CONTEXT_CHARS) : end + CONTEXT_CHARS])
    return queue.with_columns(
        pl.Series("candidate", candidates, pl.String), pl.Series("context", contexts, pl.String)
    )


def record_decisions(
    decisions: pl.DataFrame,
    queue: pl.DataFrame,
    digests: Iterable[str],
    decision: Literal["mask", "keep"],
    *,
    reviewer: str,
    now: dt.datetime,
) -> pl.DataFrame:
    """Turn candidates of the queue into rules; a later decision on the same digest replaces the earlier one.

    Args:
        decisions: schema `scrub_decisions`.
        queue: from `group_queue`.
        digests: surface digests, or unambiguous beginnings of them.
        decision: `mask` or `keep`.
        reviewer: who decided.
        now: when.

    Raises:
        UsageError: a digest is not in the queue, or fits several candidates.
    """
    kinds: dict[str, str] = dict(queue.select("surface_hmac", "type").iter_rows())
    rows = []
    for wanted in digests:
        fitting = [d for d in kinds if d.startswith(wanted)]
        if len(fitting) != 1:
            problem = "is not in the review queue" if not fitting else f"fits {len(fitting)} candidates"
            raise UsageError(f"{wanted}: {problem}; `thoughttrace review list --kind pii` shows the queue")
        rows.append((fitting[0], kinds[fitting[0]], decision, reviewer, now))
    fresh = pl.DataFrame(rows, schema=SCRUB_DECISIONS.polars_schema(), orient="row")
    return merge_decisions(decisions, fresh)


def merge_decisions(older: pl.DataFrame, newer: pl.DataFrame) -> pl.DataFrame:
    """Return the union of two decision tables, the later decision on a digest winning; ordered by digest.

    Raises:
        UsageError: a decision is neither `mask` nor `keep`.
    """
    both = pl.concat([older.select(SCRUB_DECISIONS.columns), newer.select(SCRUB_DECISIONS.columns)])
    n_wrong = both.filter(~pl.col("decision").is_in(["mask", "keep"])).height
    if n_wrong:
        raise UsageError(
            f"{n_wrong} decisions are neither `mask` nor `keep`; correct the file and import it again"
        )
    return (
        both.sort("decided_at", maintain_order=True).unique("surface_hmac", keep="last").sort("surface_hmac")
    )


def rules_of(decisions: pl.DataFrame) -> dict[str, str]:
    """Return the rules as `Scrubber(decisions=…)` takes them: surface digest to `mask` or `keep`."""
    return dict(decisions.select("surface_hmac", "decision").iter_rows())
