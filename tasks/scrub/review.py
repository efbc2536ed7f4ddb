"""The review queue: what a person decides once becomes a rule on a keyed digest.

The queue holds no text. To show a candidate in its place the caller joins the raw items, on the machine
that may read them, with `show_in_context`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from typing import Literal

import polars as pl

from schemas.errors import UsageError
from schemas.fields import SCRUB_DECISIONS, SCRUB_REVIEW

CONTEXT_CHARS = 60
CANDIDATE_CHARS = 240
"""A candidate may be a whole text in a language that nobody can judge; more of it helps no reviewer."""
VERDICTS: Mapping[str, Literal["mask", "keep"]] = {
    "accept": "mask",
    "mask": "mask",
    "reject": "keep",
    "keep": "keep",
}
"""What a reviewer may write for each decision: a finding is accepted, so masked, or rejected, so kept readable."""


def group_queue(review: pl.DataFrame, statuses: Collection[str] = ("undecided",)) -> pl.DataFrame:
    """Return the candidates of these statuses, each once, the most frequent first.

    Args:
        review: schema `scrub_review`.
        statuses: which ones: `undecided` block a strict run, `masked` and `unjudged` are listed only.

    Returns:
        surface_hmac, type, recognizer, score, status, n_spans, n_conversations (both int64), item_id,
        conversation_id, field, start, end (first place, by item id).
    """
    return (
        review.select(SCRUB_REVIEW.columns)
        .filter(pl.col("status").is_in(list(statuses)))
        .sort("item_id", "start")
        .group_by("surface_hmac", maintain_order=True)
        .agg(
            pl.col("type", "recognizer").first(),
            pl.col("score").max(),
            status=pl.col("status").first(),
            n_spans=pl.len().cast(pl.Int64),
            n_conversations=pl.col("conversation_id").n_unique().cast(pl.Int64),
            item_id=pl.col("item_id").first(),
            conversation_id=pl.col("conversation_id").first(),
            field=pl.col("field").first(),
            start=pl.col("start").first(),
            end=pl.col("end").first(),
        )
        .sort("n_conversations", "n_spans", "surface_hmac", descending=[True, True, False])
    )


def open_rows(review: pl.DataFrame, decisions: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of the queue that no decision settles.

    Args:
        review: schema `scrub_review`.
        decisions: schema `scrub_decisions`.
    """
    return review.join(decisions, on="surface_hmac", how="anti", maintain_order="left")


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
        end = min(end, start + CANDIDATE_CHARS)
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
    rows = [(d, kinds[d], decision, reviewer, now) for d in resolve_digests(kinds, digests)]
    fresh = pl.DataFrame(rows, schema=SCRUB_DECISIONS.polars_schema(), orient="row")
    return merge_decisions(decisions, fresh)


def resolve_digests(
    known: Collection[str], wanted: Iterable[str], among: str = "in the review queue"
) -> list[str]:
    """Return the full digests that these, or unambiguous beginnings of them, mean.

    Args:
        known: digests that may be meant.
        wanted: digests or beginnings.
        among: what the known ones are, for the message.

    Raises:
        UsageError: one is not known, or fits several.
    """
    found: list[str] = []
    for beginning in wanted:
        fitting = [d for d in known if d.startswith(beginning)]
        if len(fitting) != 1:
            problem = f"is not {among}" if not fitting else f"fits {len(fitting)} candidates"
            raise UsageError(f"{beginning}: {problem}; `thoughttrace review list --kind pii` shows the queue")
        found.append(fitting[0])
    return found


def drop_decisions(decisions: pl.DataFrame, digests: Iterable[str]) -> pl.DataFrame:
    """Return the decisions without these: their candidates are asked for again."""
    return decisions.filter(~pl.col("surface_hmac").is_in(list(digests)))


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
