"""Prefect tasks: scrub the shards, and prove that nothing personal is left."""

from __future__ import annotations

from typing import Any

import polars as pl
from prefect import task

from schemas.errors import ReviewPendingError
from schemas.fields import (
    CLEAN_MESSAGES,
    FUNNEL,
    ID_MAP,
    SCRUB_AUDIT,
    SCRUB_REVIEW,
    STAGED_TABLES,
)
from schemas.run import BuiltRelease, RunContext, StagedExports, TableSet
from tasks.memo.steps import StepFolder, run_step
from tasks.scrub.audit_release import audit_release
from tasks.scrub.built import scan_built
from tasks.scrub.proof import summarise_canaries, summarise_privacy, summarise_scans
from tasks.scrub.review_file import write_queue
from tasks.scrub.shadow import write_canary_proof
from tasks.scrub.shard import write_clean_shard
from tasks.scrub.workers import in_worker, start_in_worker
from tasks.storage.store import Store, open_store
from tasks.storage.tables import read_json, read_table, scan_table

PROOF_VERSION = 2


@task(name="scrub", task_run_name="scrub shard {number:04d}")
def scrub_shard(run: RunContext, shard: TableSet, number: int, ids: TableSet) -> TableSet:
    """Write the shard's clean tables, the audit of masked spans and the review queue.

    Raises:
        DataError: a text came back unscrubbed. Nothing falls back to the raw text.
    """
    return in_worker(write_clean_shard, run, shard, number, ids)


@task(name="check review queue", task_run_name="check review queue")
def require_review(run: RunContext, staged: StagedExports, ids: TableSet, clean: tuple[TableSet, ...]) -> int:
    """Keep the review queue and return how many rows it has; under `block` none may be undecided.

    Raises:
        ReviewPendingError: undecided spans; says how many and what to do.
    """
    private = open_store(run.private)
    review = pl.concat([SCRUB_REVIEW.empty(), *(_review(private, shard) for shard in clean)])
    shards = [
        {ID_MAP.name: ids[f"{number:04d}.id_map"], **{t.name: shard[t.name] for t in STAGED_TABLES}}
        for number, shard in enumerate(staged.shards, 1)
    ]
    write_queue(private, review, shards)
    undecided = review.filter(pl.col("status") == "undecided")
    if undecided.height:
        raise ReviewPendingError(
            f"{undecided.height} uncertain spans ({undecided['surface_hmac'].n_unique()} different ones) in "
            f"{undecided['conversation_id'].n_unique()} conversations wait for a decision; see them with "
            f"`thoughttrace review list --store {run.store}`, decide with `thoughttrace review accept` (mask) or "
            "`reject` (leave readable), and run the same command again; or mask them all with --review mask"
        )
    return review.height


@task(name="plant canaries", task_run_name="plant canaries")
def plant_canaries(run: RunContext, staged: StagedExports, ids: TableSet) -> TableSet:
    """Write `canaries`: which of the canaries in a shadow copy of some conversations survive scrubbing."""
    return in_worker(write_canary_proof, run, staged, ids)


@task(name="prove privacy", task_run_name="prove privacy")
def prove_privacy(
    run: RunContext,
    staged: StagedExports,
    clean: tuple[TableSet, ...],
    participants: TableSet,
    built: BuiltRelease,
    canaries: TableSet,
) -> TableSet:
    """Write `privacy`: what was masked and what is uncertain, and the proofs.

    The proofs are the size of the smallest group, the canaries found in a shadow copy of the run, and what
    a second, separate engine still finds in the built tables.
    """
    private = open_store(run.private)

    def build(folder: StepFolder) -> None:
        raw_ids = _raw_ids(private, staged)
        # in two processes, where there are some, while this one counts
        scans_of = [
            start_in_worker(scan_built, run, built, raw_ids, of_records) for of_records in (False, True)
        ]
        audits = [read_table(private, shard["audit"], SCRUB_AUDIT) for shard in clean]
        reviews = [_review(private, shard) for shard in clean]
        messages = [
            scan_table(private, shard["clean_messages"], CLEAN_MESSAGES).select("sensitive").collect()
            for shard in clean
        ]
        counted = summarise_privacy(
            pl.concat([SCRUB_AUDIT.empty(), *audits]),
            pl.concat([SCRUB_REVIEW.empty(), *reviews]),
            pl.concat([CLEAN_MESSAGES.empty().select("sensitive"), *messages]),
            read_json(private, participants["k"].uri),
            run.policy,
            sum(_count_dropped(private, shard) for shard in clean),
        )
        scanned = [wait() for wait in scans_of]
        scans = {name: scan for some, _ in scanned for name, scan in some.items()}
        n_ids = sum(n for _, n in scanned)
        proof = {
            **counted,
            "canary": summarise_canaries(read_json(private, canaries["canaries"].uri)),
            "second_scan": summarise_scans(scans),
            "raw_ids": {"n_known": len(raw_ids), "hits": n_ids},
        }
        folder.json("privacy", proof)

    parts = {
        "clean": [shard.fingerprint for shard in clean],
        "built": built.tables.fingerprint,
        "participants": participants.fingerprint,
        "canaries": canaries.fingerprint,
        "policy": run.policy,
    }
    return run_step(private, "privacy", PROOF_VERSION, parts, build)


@task(name="audit for personal data", task_run_name="audit {version}")
def audit_pii(run: RunContext, version: str) -> dict[str, Any]:
    """Scan and measure a published release again; returns counts, places and measures, and what is wrong."""
    privacy, gate = run.settings.privacy, run.settings.gate
    audit = audit_release(open_store(run.store), version, privacy, policy_file=gate.policy_file)
    return {**audit.describe(), "complaint": audit.complain()}


def _raw_ids(private: Store, staged: StagedExports) -> set[str]:
    """Ids of recruitment platforms and sessions in these exports; those of a published export are public."""
    columns = ("recruitment_id", "session_key")
    found: set[str] = set()
    for shard in staged.shards:
        frame = read_table(private, shard["staged_conversations"], STAGED_TABLES[0])
        raw = frame.filter(pl.col("dialect") != "published")
        found.update(value for name in columns for value in raw[name].drop_nulls())
    return found


def _count_dropped(private: Store, shard: TableSet) -> int:
    rows = read_table(private, shard["funnel"], FUNNEL)
    return int(rows.filter(pl.col("table_name") == "conversations")["n_removed"].sum())


def _review(private: Store, shard: TableSet) -> pl.DataFrame:
    return read_table(private, shard["review"], SCRUB_REVIEW)
