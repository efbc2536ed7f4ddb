"""The review queue of labels in the private store: what waits for a person, and what was decided.

A decision is kept for itself (`review/labels/`), because the next run makes the queue anew; the queue's
row notes it, so that what is open is seen at once; and it lands in the gold store.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import polars as pl

from schemas.errors import InputError
from schemas.fields import LABEL_REVIEW
from tasks.memo.parts import PartStore
from tasks.storage.parquet import decode_table, encode_table
from tasks.storage.store import Store
from tasks.tag.gold import drop_gold, save_decisions, save_gold
from tasks.tag.items import Gold, Item
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


def open_questions(queue: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of a queue that nobody has decided."""
    return queue.filter(pl.col("decision").is_null())


def record_decisions(
    private: Store, decisions: pl.DataFrame, others: Mapping[str, tuple[str, Item]] | None = None
) -> int:
    """Record what people decided: it wins from the next run on, and is gold at once.

    Args:
        private: the private store.
        decisions: item_id, facet, value, reviewer (string), one row a value.
        others: facet and item of those that are not in the queue.

    Returns:
        How many items were decided.

    Raises:
        InputError: an item is neither in the queue nor among the others; names it.
    """
    queue = load_queue(private)
    items = {**(others or {}), **_read_items(queue)}
    keys = decisions.select("item_id", "facet").unique()
    unknown = [i for i, facet in keys.sort("item_id").iter_rows() if items.get(i, ("",))[0] != facet]
    if unknown:
        raise InputError(
            f"{len(unknown)} decisions are on items that neither the queue nor the latest release holds in "
            f"that facet, first {unknown[0]}"
        )
    save_decisions(private, decisions)
    drop_gold(private, keys["item_id"])
    for reviewer, of_reviewer in decisions.group_by("reviewer", maintain_order=True):
        rows = of_reviewer.select("item_id", "facet", "value").iter_rows()
        gold = [Gold(items[item_id][1], facet, value) for item_id, facet, value in rows]
        save_gold(private, gold, str(reviewer[0]), has_ids=True)
    _note(private, queue, decisions)
    return keys.height


def take_back(private: Store, decisions: pl.DataFrame) -> int:
    """Take decisions back: their items are labelled by models again, and are gold no more.

    Args:
        private: the private store.
        decisions: item_id, facet (string): what is taken back.
    """
    keys = decisions.select("item_id", "facet").unique()
    nothing = pl.lit(None, pl.String())
    save_decisions(private, keys.with_columns(value=nothing, reviewer=nothing))
    drop_gold(private, keys["item_id"])
    _note(private, load_queue(private), keys.with_columns(value=nothing, reviewer=nothing))
    return keys.height


def _note(private: Store, queue: pl.DataFrame, decisions: pl.DataFrame) -> None:
    """Write the decisions into the queue's rows."""
    if queue.is_empty():
        return
    said = decisions.group_by("item_id", "facet").agg(
        said=pl.when(pl.col("value").is_null().all())
        .then(None)
        .otherwise(pl.col("value").sort().str.join(";")),
        who=pl.col("reviewer").first(),
        is_decided=pl.lit(value=True).first(),
    )
    noted = queue.join(said, on=["item_id", "facet"], how="left", maintain_order="left").with_columns(
        decision=pl.when(pl.col("is_decided")).then("said").otherwise("decision"),
        reviewer=pl.when(pl.col("is_decided")).then("who").otherwise("reviewer"),
    )
    save_queue(private, noted.select(LABEL_REVIEW.columns))


def _read_items(queue: pl.DataFrame) -> dict[str, tuple[str, Item]]:
    columns = ("item_id", "facet", "text", "context", "position", "n_messages", "conversation_id")
    return {
        item_id: (facet, Item(item_id, text, context, position, n_messages, group))
        for item_id, facet, text, context, position, n_messages, group in queue.select(columns).iter_rows()
    }


def list_items(items: Mapping[str, Iterable[Item]], wanted: Iterable[str]) -> dict[str, tuple[str, Item]]:
    """Return facet and item of those ids that a release holds."""
    ids = set(wanted)
    return {i.item_id: (facet, i) for facet, of in items.items() for i in of if i.item_id in ids}
