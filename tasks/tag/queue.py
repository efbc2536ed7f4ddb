"""The review queue of labels in the private store: what waits for a person after a run."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from schemas.fields import LABEL_REVIEW
from tasks.memo.parts import PartStore
from tasks.storage.parquet import decode_table, encode_table
from tasks.tag.review import MAX_QUEUE

QUEUE = "review/label_queue.parquet"


def merge_queues(
    queues: Sequence[pl.DataFrame], decisions: pl.DataFrame, conversations: pl.DataFrame
) -> pl.DataFrame:
    """Gather the queues of all shards into one: the most useful first, decided items left out.

    Args:
        queues: `label_review` tables.
        decisions: item_id, facet (string): what people have settled already.
        conversations: conversation_id (string): conversations of the release; items of others go.

    Returns:
        A `label_review` table of at most 1,000 rows; an item that a taxonomy change put in doubt stays,
        decided or not, because the decision was made under the old meaning.
    """
    if not queues:
        return LABEL_REVIEW.empty()
    rows = pl.concat(queues).unique(["item_id", "facet"], keep="first", maintain_order=True)
    rows = rows.join(conversations.select("conversation_id"), on="conversation_id", how="semi")
    settled = decisions.select("item_id", "facet").unique()
    is_doubted = pl.col("why") == "taxonomy_change"
    open_rows = pl.concat(
        [
            rows.filter(is_doubted),
            rows.filter(~is_doubted).join(settled, on=["item_id", "facet"], how="anti"),
        ]
    )
    return open_rows.sort(["priority", "facet", "item_id"], descending=[True, False, False]).head(MAX_QUEUE)


def save_queue(store: PartStore, queue: pl.DataFrame) -> None:
    """Replace the queue of the store."""
    store.put(QUEUE, encode_table(queue, LABEL_REVIEW))


def load_queue(store: PartStore) -> pl.DataFrame:
    """Return the queue of the last run; empty where no run has left one."""
    if not any(info.key == QUEUE for info in store.list(QUEUE)):
        return LABEL_REVIEW.empty()
    return decode_table(store.get(QUEUE), LABEL_REVIEW)
