"""The state of a store in a few counts: what is out, what waits, what was spent."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from tasks.memo.spent import sum_spending
from tasks.memo.steps import WORK
from tasks.publish.candidate import list_candidates
from tasks.publish.releases import latest_version, list_releases
from tasks.storage.store import Store


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """What a maintainer asks first.

    Attributes:
        latest: newest version that is not yanked, empty if there is none.
        released_at: when it was made.
        n_releases: versions, yanked ones included.
        n_candidates: staged and waiting for approval.
        n_undecided_spans: uncertain spans of unfinished runs that nobody has decided yet.
        n_open_labels: labels of unfinished runs queued for a person.
        spent_usd: price of all answers of models in the month of `now`, see `tasks.memo.spent`.
    """

    latest: str
    released_at: str
    n_releases: int
    n_candidates: int
    n_undecided_spans: int
    n_open_labels: int
    spent_usd: float


def describe_store(store: Store, private: Store, now: datetime) -> StoreStatus:
    """Read the state of a store; writes nothing.

    Args:
        store: where releases live.
        private: where candidates and unfinished runs live.
        now: decides the month of `spent_usd`.
    """
    releases, candidates = list_releases(store), list_candidates(private)
    latest = latest_version(store) or ""
    month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return StoreStatus(
        latest=latest,
        released_at=next((r.manifest.created_at for r in releases if r.version == latest), ""),
        n_releases=len(releases),
        n_candidates=len(candidates),
        n_undecided_spans=_count_open(private, "scrub", pl.col("status") == "undecided"),
        n_open_labels=_count_open(private, "tag", pl.col("decision").is_null()),
        spent_usd=sum_spending(private, month, (month + timedelta(days=32)).replace(day=1)),
    )


def _count_open(private: Store, step: str, is_open: pl.Expr) -> int:
    keys = [o.key for o in private.list(f"{WORK}/{step}/") if o.key.endswith("/review.parquet")]
    return sum(pl.read_parquet(io.BytesIO(private.get(key))).filter(is_open).height for key in keys)
