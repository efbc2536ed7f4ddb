"""Prefect tasks: public ids from the registry, and survey answers that single nobody out."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import polars as pl
from prefect import task

from schemas.fields import (
    CLEAN_CONVERSATIONS,
    FUNNEL,
    ID_MAP,
    PARTICIPANTS,
    STAGED_CONVERSATIONS,
    STAGED_MESSAGES,
    STAGED_THOUGHTS,
    WITHHELD,
)
from schemas.run import RunContext, StagedExports, TableSet
from tasks.memo.steps import StepFolder, run_step
from tasks.pseudonymise.assign import Assignment, assign_ids
from tasks.pseudonymise.generalise import generalise_participants
from tasks.pseudonymise.keys import Keys, load_master_key
from tasks.pseudonymise.registry import Registry
from tasks.pseudonymise.registry_file import update_registry
from tasks.publish.releases import Release, latest_version, load_release
from tasks.storage.store import Store, open_store
from tasks.storage.tables import read_table

STEP_VERSION = 1


@task(name="assign public ids", task_run_name="assign public ids")
def assign_public_ids(run: RunContext, staged: StagedExports) -> TableSet:
    """Write `id_map`, one per shard as `<number>.id_map`, and the funnel of withdrawn participants.

    Raises:
        KeyMissingError: no id key, or not the registry's.
        ConflictError: a public id belongs to somebody else.
    """
    private = open_store(run.private)
    master = load_master_key(os.environ)
    shards = [read_table(private, s["staged_conversations"], STAGED_CONVERSATIONS) for s in staged.shards]
    conversations = pl.concat(shards)

    def change(registry: Registry, keys: Keys) -> tuple[Registry, Assignment]:
        assignment = assign_ids(registry, conversations, keys)
        return assignment.registry, assignment

    assignment = update_registry(private, master, change)
    id_map = assignment.id_map.select(ID_MAP.columns).sort("conversation_key")

    def build(folder: StepFolder) -> None:
        folder.table("id_map", id_map, ID_MAP)
        for number, shard in enumerate(shards, 1):
            own = id_map.join(shard.select("conversation_key"), on="conversation_key", how="semi")
            folder.table(f"{number:04d}.id_map", own, ID_MAP)
        folder.table("funnel", _count_withdrawn(private, staged.shards, id_map), FUNNEL)

    # ids are a function of the registry, which only grows; what counts is what it answered
    answered = str(id_map.hash_rows(seed=0).implode().hash()[0]) if id_map.height else ""
    parts = {"shards": [s.fingerprint for s in staged.shards], "answered": answered}
    return run_step(private, "ids", STEP_VERSION, parts, build)


@task(name="generalise survey", task_run_name="generalise survey")
def generalise_survey(run: RunContext, clean: Sequence[TableSet]) -> TableSet:
    """Write `participants`, what the other tables must withhold, and the report on k-anonymity (`k`)."""
    private, store = open_store(run.private), open_store(run.store)
    latest = latest_version(store)
    parent = load_release(store, latest, ("participants", "conversations")) if latest else None

    def build(folder: StepFolder) -> None:
        rows = [read_table(private, c["clean_conversations"], CLEAN_CONVERSATIONS) for c in clean]
        id_map = pl.concat([read_table(private, c["id_map"], ID_MAP) for c in clean])
        result = generalise_participants(
            pl.concat(rows),
            id_map,
            {},
            k=run.settings.privacy.k,
            policy=run.policy,
            version="",
            parent=_known_attributes(*parent) if parent else None,
        )
        folder.table("participants", result.participants, PARTICIPANTS)
        folder.table("withheld", result.withheld, WITHHELD)
        folder.json("k", result.report)

    parts = {
        "clean": [c.fingerprint for c in clean],
        "parent": parent[0].sha256 if parent else None,
        "k": run.settings.privacy.k,
        "policy": run.policy,
    }
    return run_step(private, "participants", STEP_VERSION, parts, build)


def _known_attributes(parent: Release, tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame | None:
    """The parent's participants with their model; None where everything was public at its finest."""
    if parent.manifest.info.policy == "as-published":
        return None
    models = (
        tables["conversations"]
        .sort("conversation_id")
        .group_by("participant_id", maintain_order=True)
        .agg(pl.col("model_name", "model_provider").first())
    )
    return tables["participants"].join(models, on="participant_id", how="left")


def _count_withdrawn(private: Store, shards: Sequence[TableSet], id_map: pl.DataFrame) -> pl.DataFrame:
    counts: dict[str, list[int]] = {}
    participants: list[str] = []
    for shard in shards:
        for name, table in (
            ("conversations", STAGED_CONVERSATIONS),
            ("messages", STAGED_MESSAGES),
            ("thoughts", STAGED_THOUGHTS),
        ):
            frame = read_table(private, shard[table.name], table)
            kept = frame.join(id_map, on="conversation_key", how="semi").height
            count = counts.setdefault(name, [0, 0])
            count[0] += frame.height
            count[1] += kept
            if name == "conversations":
                participants += frame["participant_key"].to_list()
    counts["participants"] = [len(set(participants)), id_map["participant_key"].n_unique()]
    rows = [("withdrawals", name, n, kept, 0, n - kept) for name, (n, kept) in counts.items()]
    return pl.DataFrame(rows, schema=FUNNEL.polars_schema(), orient="row")
