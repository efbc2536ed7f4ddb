"""Prefect task: label one shard's conversations, messages and thoughts."""

from __future__ import annotations

import polars as pl
from prefect import task

from schemas.config import TagSettings
from schemas.fields import (
    CLEAN_TABLES,
    CONVERSATIONS,
    ID_MAP,
    LABEL_REVIEW,
    LABELS,
    MESSAGES,
    TAG_OUTCOMES,
    THOUGHTS,
)
from schemas.run import RunContext, TableSet
from tasks.assemble.items import CleanTables, thought_id
from tasks.assemble.tables import assemble_tables
from tasks.memo.steps import StepFolder, run_step
from tasks.publish.origin import digest_taxonomy
from tasks.storage.store import Store, open_store
from tasks.storage.tables import read_table
from tasks.tag.budget import share_budget
from tasks.tag.chosen import choose_taxonomies
from tasks.tag.gold import load_decisions, load_gold
from tasks.tag.heads import HeadMemo
from tasks.tag.local import fit_tagger, list_training_texts
from tasks.tag.stage import asks_models, open_embedder, tag_release

STEP_VERSION = 2
IDLE_SETTINGS = {
    *("budget_usd", "concurrency", "timeout_s", "requests_per_minute", "tokens_per_minute"),
    *("batch_from", "batch_poll_s", "batch_hours"),
}
"""Settings that decide no label."""


@task(name="fit taggers", task_run_name="fit taggers")
def fit_taggers(run: RunContext) -> None:
    """Load the embedded model and fit its heads, so that the shards find them ready in this process.

    Raises:
        ConfigError: the model cannot be used.
    """
    private = open_store(run.private)
    embedder = open_embedder(run.settings.tag, private)
    if embedder is None:
        return
    taxonomies = choose_taxonomies(open_store(run.store), run.taxonomy_files)
    gold = load_gold(private, taxonomies).gold
    memo = HeadMemo(private)
    for facet, taxonomy in taxonomies.items():
        of_facet = [g for g in gold if g.facet == facet]
        embedder.recall(list_training_texts(taxonomy, of_facet))
        fit_tagger(taxonomy, embedder, of_facet, memo)
    embedder.save()


@task(name="tag", task_run_name="tag shard {number:04d}")
def tag_shard(run: RunContext, clean: TableSet, number: int, n_shards: int = 1) -> TableSet:
    """Write the shard's base tables and `labels`, with the outcomes, the review queue and the cost.

    Shards that are worked on side by side share the provider's limits evenly.

    Raises:
        BudgetError: the calls would cost more than the budget, or a price is unknown.
        ProviderError: the provider failed for good; what was paid for is kept.
    """
    private = open_store(run.private)
    taxonomies = choose_taxonomies(open_store(run.store), run.taxonomy_files)
    stored = load_gold(private, taxonomies)
    decisions, decisions_digest = load_decisions(private)
    settings = run.settings.tag.model_dump(exclude=IDLE_SETTINGS)

    def build(folder: StepFolder) -> None:
        base, tables = read_items(run, private, clean)
        result = tag_release(
            base["conversations"],
            base["messages"],
            base["thoughts"],
            list_export_labels(tables.thoughts),
            taxonomies=taxonomies,
            settings=share_limits(run.settings.tag, min(run.settings.run.workers, n_shards)),
            memo=private,
            gold=stored.gold,
            human_labels=decisions,
            now=run.started_at,
            budget=share_budget(run.started_at, run.settings.tag.budget_usd),
            may_ask=not run.is_dry,
        )
        for table in (CONVERSATIONS, MESSAGES, THOUGHTS):
            folder.table(table.name, base[table.name], table)
        folder.table("labels", result.labels, LABELS)
        folder.table("outcomes", result.dead_letters, TAG_OUTCOMES)
        folder.table("review", result.review, LABEL_REVIEW)
        folder.json("cost", result.cost)
        folder.json("counts", result.counts)

    parts = {
        "clean": clean.fingerprint,
        "policy": run.policy,
        "settings": settings,
        "gold": stored.digest,
        "decisions": decisions_digest,
        **({"is_dry": True} if run.is_dry and asks_models(run.settings.tag) else {}),
        "taxonomies": {facet: digest_taxonomy(t) for facet, t in taxonomies.items()},
    }
    return run_step(private, "tag", STEP_VERSION, parts, build)


def read_items(
    run: RunContext, private: Store, clean: TableSet
) -> tuple[dict[str, pl.DataFrame], CleanTables]:
    """Read a shard's scrubbed tables, and build its base tables from them."""
    tables = CleanTables(*(read_table(private, clean[t.name], t) for t in CLEAN_TABLES))
    id_map = read_table(private, clean["id_map"], ID_MAP)
    return assemble_tables(tables, id_map, run.policy), tables


def share_limits(settings: TagSettings, n_side_by_side: int) -> TagSettings:
    """Return the settings of one of several workers: its part of the provider's limits."""
    n = max(1, n_side_by_side)
    return settings.model_copy(
        update={
            "concurrency": max(1, settings.concurrency // n),
            **{
                name: max(1, getattr(settings, name) // n) if getattr(settings, name) else 0
                for name in ("requests_per_minute", "tokens_per_minute")
            },
        }
    )


def list_export_labels(thoughts: pl.DataFrame) -> pl.DataFrame:
    """List the labels that came with the export.

    Args:
        thoughts: `clean_thoughts`.

    Returns:
        item_id, facet, value (string), one row a labelled thought.
    """
    return thoughts.filter(pl.col("label").is_not_null()).select(
        thought_id().alias("item_id"), pl.col("kind").alias("facet"), pl.col("label").alias("value")
    )
