"""Prefect tasks: scrub the shards, and prove that nothing personal is left."""

from __future__ import annotations

import os
from functools import lru_cache

import polars as pl
from prefect import task

from schemas.config import PrivacySettings
from schemas.errors import ReviewPendingError
from schemas.fields import (
    CLEAN_MESSAGES,
    CLEAN_TABLES,
    FUNNEL,
    ID_MAP,
    SCRUB_AUDIT,
    SCRUB_REVIEW,
    STAGED_TABLES,
)
from schemas.run import AppliedPolicy, RunContext, TableSet
from tasks.assemble.items import apply_scrub, list_items
from tasks.memo.steps import StepFolder, run_step
from tasks.pseudonymise.keys import load_master_key
from tasks.pseudonymise.registry_file import load_registry
from tasks.scrub.proof import summarise_privacy
from tasks.scrub.scrubber import Scrubber
from tasks.storage.store import Store, open_store
from tasks.storage.tables import read_json, read_table

STEP_VERSION = 1


@task(name="scrub", task_run_name="scrub shard {number:04d}")
def scrub_shard(run: RunContext, shard: TableSet, number: int, ids: TableSet) -> TableSet:
    """Write the shard's clean tables, the audit of masked spans and the review queue.

    Raises:
        DataError: a text came back unscrubbed. Nothing falls back to the raw text.
    """
    private = open_store(run.private)
    audit_key = load_registry(private, load_master_key(os.environ)).keys.audit
    scrubber = _scrubber(run.settings.privacy, run.policy, audit_key)
    id_ref = ids[f"{number:04d}.id_map"]

    def build(folder: StepFolder) -> None:
        id_map = read_table(private, id_ref, ID_MAP)
        staged = [
            read_table(private, shard[table.name], table).join(id_map, on="conversation_key", how="semi")
            for table in STAGED_TABLES
        ]
        result = scrubber.scrub(list_items(*staged, id_map))
        clean = apply_scrub(*staged, id_map, result.texts)
        dropped = pl.Series(result.dropped, dtype=pl.String).implode()
        rows: list[tuple[str, str, int, int, int, int]] = []
        for table, frame in zip(
            CLEAN_TABLES, (clean.conversations, clean.messages, clean.thoughts), strict=True
        ):
            kept = frame.filter(~pl.col("conversation_id").is_in(dropped))
            folder.table(table.name, kept, table)
            name = table.name.removeprefix("clean_")
            rows.append(("scrub", name, frame.height, kept.height, 0, frame.height - kept.height))
        folder.table("id_map", id_map, ID_MAP)
        folder.table("audit", result.audit, SCRUB_AUDIT)
        folder.table("review", result.review, SCRUB_REVIEW)
        folder.table("funnel", pl.DataFrame(rows, schema=FUNNEL.polars_schema(), orient="row"), FUNNEL)

    parts = {"shard": shard.fingerprint, "ids": id_ref.sha256, "scrubber": scrubber.version}
    return run_step(private, "scrub", STEP_VERSION, parts, build)


@lru_cache(maxsize=2)
def _scrubber(settings: PrivacySettings, policy: AppliedPolicy, audit_key: bytes) -> Scrubber:
    # loading the models costs a second, so a process keeps its scrubber
    return Scrubber(settings, policy, audit_key)


@task(name="check review queue")
def require_review(run: RunContext, clean: tuple[TableSet, ...]) -> int:
    """Return how many uncertain spans there are; under `block` none may be undecided.

    Raises:
        ReviewPendingError: undecided spans; says how many and what to do.
    """
    private = open_store(run.private)
    review = pl.concat([SCRUB_REVIEW.empty(), *(_review(private, shard) for shard in clean)])
    n_undecided = review.filter(pl.col("status") == "undecided").height
    if n_undecided:
        raise ReviewPendingError(
            f"{n_undecided} uncertain spans in {review['conversation_id'].n_unique()} conversations wait for a "
            f"decision: `thoughttrace review list --kind pii --store {run.store}`, then accept or reject them and "
            "run the same command again; --review mask masks them all"
        )
    return review.height


@task(name="prove privacy")
def prove_privacy(run: RunContext, clean: tuple[TableSet, ...], participants: TableSet) -> TableSet:
    """Write `privacy`: what was masked, what is uncertain, and how small the smallest group is."""
    private = open_store(run.private)

    def build(folder: StepFolder) -> None:
        audits = [read_table(private, shard["audit"], SCRUB_AUDIT) for shard in clean]
        reviews = [_review(private, shard) for shard in clean]
        messages = [read_table(private, shard["clean_messages"], CLEAN_MESSAGES) for shard in clean]
        folder.json(
            "privacy",
            summarise_privacy(
                pl.concat([SCRUB_AUDIT.empty(), *audits]),
                pl.concat([SCRUB_REVIEW.empty(), *reviews]),
                pl.concat([CLEAN_MESSAGES.empty(), *messages]),
                read_json(private, participants["k"].uri),
                run.policy,
            ),
        )

    parts = {
        "clean": [shard.fingerprint for shard in clean],
        "participants": participants.fingerprint,
        "policy": run.policy,
    }
    return run_step(private, "privacy", STEP_VERSION, parts, build)


def _review(private: Store, shard: TableSet) -> pl.DataFrame:
    return read_table(private, shard["review"], SCRUB_REVIEW)
