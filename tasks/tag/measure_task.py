"""Prefect task: how good the labels of a release are, and which of them a person should look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl
from prefect import task

from schemas.fields import CONVERSATIONS, LABEL_REVIEW, LABELS, MESSAGES, THOUGHTS
from schemas.run import BuiltRelease, RunContext, TableSet
from tasks.memo.steps import StepFolder, run_step
from tasks.publish.origin import digest_taxonomy
from tasks.storage.store import Store, open_store
from tasks.storage.tables import read_table
from tasks.tag.budget import share_budget
from tasks.tag.canaries import measure_canaries
from tasks.tag.chosen import choose_taxonomies
from tasks.tag.gold import load_decisions, load_gold
from tasks.tag.measure import measure_release
from tasks.tag.queue import load_queue, merge_queues, save_queue
from tasks.tag.stage import asks_models, open_session
from tasks.tag.task import IDLE_SETTINGS

STEP_VERSION = 1
CANARIES = "canaries"
"""Under which their scores and costs stand."""


@task(name="measure labels", task_run_name="measure labels")
def measure_labels(
    run: RunContext, built: BuiltRelease, labelled: Sequence[TableSet], *, has_canaries: bool = False
) -> TableSet:
    """Write `quality`: agreement with gold and between labellers, over all shards together; and `cost`.

    The items that a person should look at are gathered from the shards into the store's review queue; a
    run that labelled nothing leaves the queue, without the conversations that are gone.

    Args:
        run: the run.
        built: tables of the release.
        labelled: labels and review queues of the shards.
        has_canaries: whether a provider whose snapshot is new is asked about items of our own.
    """
    private = open_store(run.private)
    taxonomies = choose_taxonomies(open_store(run.store), run.taxonomy_files)
    stored = load_gold(private, taxonomies)
    decisions, decisions_digest = load_decisions(private)

    def build(folder: StepFolder) -> None:
        tables = {
            t.name: read_table(private, built.tables[t.name], t)
            for t in (CONVERSATIONS, MESSAGES, THOUGHTS, LABELS)
        }
        quality = measure_release(
            **tables,
            taxonomies=taxonomies,
            settings=run.settings.tag,
            memo=private,
            gold=stored.gold,
        )
        cost: dict[str, Any] = {}
        budget = share_budget(run.started_at, run.settings.tag.budget_usd)
        session = open_session(
            run.settings.tag, private, run.started_at, budget=budget, may_ask=not run.is_dry
        )
        if session is not None and has_canaries and run.settings.tag.canaries and not run.settings.tag.replay:
            found = measure_canaries(tables["labels"], taxonomies, run.settings.tag, private, session)
            cost = {CANARIES: spent} if (spent := session.ledger.sum_by_model()) else {}
            for facet, scored in found.items():
                quality.setdefault(facet, {})[CANARIES] = scored
        folder.json("quality", quality)
        folder.json("cost", cost)
        queues = _read_queues(private, labelled) or [load_queue(private)]
        queue = merge_queues(queues, decisions, tables["conversations"])
        folder.table("review", queue, LABEL_REVIEW)
        save_queue(private, queue)

    parts = {
        "built": built.tables.fingerprint,
        "labelled": [shard.fingerprint for shard in labelled],
        "settings": run.settings.tag.model_dump(exclude=IDLE_SETTINGS),
        "gold": stored.digest,
        "decisions": decisions_digest,
        "has_canaries": has_canaries,
        **({"is_dry": True} if run.is_dry and asks_models(run.settings.tag) else {}),
        "taxonomies": {facet: digest_taxonomy(t) for facet, t in taxonomies.items()},
    }
    return run_step(private, "measure", STEP_VERSION, parts, build)


def _read_queues(private: Store, labelled: Sequence[TableSet]) -> list[pl.DataFrame]:
    known = (dict(shard.files).get("review") for shard in labelled)
    return [read_table(private, ref, LABEL_REVIEW) for ref in known if ref is not None]
