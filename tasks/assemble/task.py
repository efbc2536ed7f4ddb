"""Prefect task: the base tables of a release, its difference from the parent, and its version."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import polars as pl
from prefect import task

from schemas.errors import GateError
from schemas.fields import BASE_TABLES, CLEAN_CONVERSATIONS, CLEAN_TABLES, FUNNEL, ID_MAP, TABLES, WITHHELD
from schemas.params import PublishingOptions, SourceOptions
from schemas.run import BuiltRelease, RunContext, StagedExports, TableSet
from tasks.assemble.items import CleanTables
from tasks.assemble.merge import (
    append_to_parent,
    complete_participants,
    concat_shards,
    list_first_releases,
    sum_funnel,
)
from tasks.assemble.published import write_records
from tasks.assemble.records import RECORDS, compress_records, read_records
from tasks.assemble.withhold import withhold, withhold_languages
from tasks.memo.steps import StepFolder, run_step
from tasks.pseudonymise.registry_file import read_first_releases
from tasks.publish.diff import diff_tables
from tasks.publish.layout import release as release_key
from tasks.publish.releases import Release, latest_version, list_versions, load_release
from tasks.publish.versions import check_next_version, propose_version
from tasks.storage.store import Store, open_store
from tasks.storage.tables import read_json, read_table
from tasks.tag.chosen import choose_taxonomies
from tasks.validate.release import validate_release

STEP_VERSION = 2

STAGES = ("ingest", "validate", "withdrawals", "scrub")


@task(name="build tables", task_run_name="build tables")
def build_release(
    run: RunContext,
    staged: StagedExports,
    ids: TableSet,
    clean: tuple[TableSet, ...],
    participants: TableSet,
    labelled: tuple[TableSet, ...],
    source: SourceOptions,
    publishing: PublishingOptions,
) -> BuiltRelease:
    """Merge the shards, compare with the latest release and settle the version.

    Raises:
        DataError: rows are lost, or a table breaks a rule.
        GateError: more conversations vanish than the settings allow.
        UsageError: the version asked for goes backwards.
    """
    store, private = open_store(run.store), open_store(run.private)
    latest = latest_version(store)
    parent, parent_tables = load_release(store, latest) if latest else (None, None)
    published = list_versions(store)
    first_releases = read_first_releases(private)

    def build(folder: StepFolder) -> None:
        tables = concat_shards({n: read_table(private, s[n], TABLES[n]) for n in _SHARDED} for s in labelled)
        people = read_table(private, participants["participants"], TABLES["participants"])
        withheld = read_table(private, participants["withheld"], WITHHELD)
        tables["conversations"] = withhold(tables["conversations"], withheld)
        tables["messages"] = withhold_languages(tables["messages"], tables["conversations"], withheld)
        if source.append and parent_tables is not None:
            tables = append_to_parent(parent_tables, tables)
            kept = parent_tables["participants"].join(people, on="participant_id", how="anti")
            people = pl.concat([people, kept])
        elif parent_tables is not None and not source.allow_removals:
            _check_removals(parent_tables, tables, run.settings.gate.max_removed_share)
        old_people = list_first_releases(first_releases, parent_tables)
        tables["participants"] = complete_participants(people, tables["conversations"], old_people, "")
        tables["changes"] = diff_tables(parent_tables, tables)
        version = publishing.set_version or propose_version(
            published,
            tables["changes"],
            bump=publishing.bump,
            is_taxonomy_changed=parent is not None and _taxonomies_changed(run, store, parent),
        )
        if version is None:
            folder.json("outcome", {"version": latest, "is_unchanged": True})
            return
        tables["participants"] = complete_participants(people, tables["conversations"], old_people, version)
        tables["funnel"] = _funnel(private, staged, ids, clean)
        tables["quarantine_summary"] = read_table(
            private, staged.summary["quarantine_summary"], TABLES["quarantine_summary"]
        )
        validate_release(tables)
        lines = _records(run, private, clean, withheld, tables)
        if source.append and latest:
            lines = _append_records(store, latest, tables, lines)
        # compressing is native code and leaves the other core to the tables
        with ThreadPoolExecutor(1) as pool:
            packed = pool.submit(compress_records, lines)
            for table in BASE_TABLES:
                folder.table(table.name, tables[table.name], table)
            folder.bytes(RECORDS, packed.result())
        folder.json("outcome", {"version": version, "is_unchanged": False})

    if publishing.set_version:
        check_next_version(publishing.set_version, published)
    parts = {
        "labelled": [s.fingerprint for s in labelled],
        "clean": [s.fingerprint for s in clean],
        "ingest": staged.summary.fingerprint,
        "participants": participants.fingerprint,
        "parent": parent.sha256 if parent else None,
        "published": published,
        "first_releases": first_releases,
        "source": source.model_dump(),
        "bump": publishing.bump,
        "set_version": publishing.set_version,
        "policy": run.policy,
        "max_removed_share": run.settings.gate.max_removed_share,
    }
    files = run_step(private, "build", STEP_VERSION, parts, build)
    outcome = read_json(private, files["outcome"].uri)
    return BuiltRelease(
        tables=files,
        version=outcome["version"],
        parent=latest or "",
        is_unchanged=outcome["is_unchanged"],
    )


_SHARDED = ("conversations", "messages", "thoughts", "labels")


def _taxonomies_changed(run: RunContext, store: Store, parent: Release) -> bool:
    chosen = choose_taxonomies(store, run.taxonomy_files)
    now = {facet: taxonomy.version for facet, taxonomy in chosen.items()}
    return now != {facet: info.version for facet, info in parent.manifest.info.taxonomies.items()}


def _check_removals(
    parent: Mapping[str, pl.DataFrame], tables: Mapping[str, pl.DataFrame], limit: float
) -> None:
    old = parent["conversations"]
    n_gone = old.join(tables["conversations"], on="conversation_id", how="anti").height
    if old.height and n_gone > limit * old.height:
        raise GateError(
            f"{n_gone} of the last release's {old.height} conversations are missing from these exports "
            f"(limit {limit:.1%}); give all exports, use --append to add to the release, or --allow-removals"
        )


def _funnel(
    private: Store, staged: StagedExports, ids: TableSet, clean: tuple[TableSet, ...]
) -> pl.DataFrame:
    refs = [staged.summary["funnel"], ids["funnel"], *(shard["funnel"] for shard in clean)]
    rows = [read_table(private, ref, FUNNEL) for ref in refs]
    # a participant may be in several shards, so participants are counted over all of them
    kept = [read_table(private, shard["clean_conversations"], CLEAN_CONVERSATIONS) for shard in clean]
    n_in = read_table(private, ids["id_map"], ID_MAP)["participant_id"].n_unique()
    n_out = pl.concat(kept)["participant_id"].n_unique()
    people = [("scrub", "participants", n_in, n_out, 0, n_in - n_out)]
    rows.append(pl.DataFrame(people, schema=FUNNEL.polars_schema(), orient="row"))
    return sum_funnel(rows, STAGES)


def _records(
    run: RunContext,
    private: Store,
    clean: tuple[TableSet, ...],
    withheld: pl.DataFrame,
    tables: Mapping[str, pl.DataFrame],
) -> Iterator[bytes]:
    for shard in clean:
        conversations, messages, thoughts = (
            read_table(private, shard[table.name], table) for table in CLEAN_TABLES
        )
        shard_tables = CleanTables(withhold(conversations, withheld), messages, thoughts)
        yield from write_records(shard_tables, tables["labels"], tables["participants"], run.policy)


def _append_records(
    store: Store, parent: str, tables: Mapping[str, pl.DataFrame], new: Iterator[bytes]
) -> Iterator[bytes]:
    fresh = list(new)
    replaced = {json.loads(line)["id"] for line in fresh}
    present = set(tables["conversations"]["conversation_id"])
    for line in read_records(store.get(release_key(parent, RECORDS))):
        record: dict[str, Any] = json.loads(line)
        if record["id"] not in replaced and record["id"] in present:
            yield line
    yield from fresh
