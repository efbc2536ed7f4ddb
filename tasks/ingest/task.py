"""Prefect task: read the exports, check every row, and stage what is legal."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl
from prefect import task

from schemas.errors import InputError
from schemas.fields import (
    FUNNEL,
    QUARANTINE,
    QUARANTINE_SUMMARY,
    STAGED_CONVERSATIONS,
    STAGED_MESSAGES,
    STAGED_THOUGHTS,
)
from schemas.run import RunContext, StagedExports, TableSet
from tasks.ingest.page import StagedPage, cut_in_shards
from tasks.ingest.quarantine import check_quarantine_share, count_quarantined, summarise_quarantine
from tasks.ingest.quarantine_file import keep_quarantine
from tasks.ingest.reader import ExportReader, digest_inputs
from tasks.memo.steps import StepFolder, run_step
from tasks.storage.inputs import InputFile, list_inputs, open_input, refuse_store_inside
from tasks.storage.store import Store, open_store
from tasks.storage.tables import read_json, read_table
from tasks.validate.staged import ValidationResult, validate_across, validate_staged

STEP_VERSION = 1
STAGED = (STAGED_CONVERSATIONS, STAGED_MESSAGES, STAGED_THOUGHTS)


@task(name="read exports", task_run_name="read exports")
def read_exports(run: RunContext, exports: Sequence[str]) -> StagedExports:
    """Read, check and stage the exports; faults are quarantined and counted.

    Raises:
        InputError: an export cannot be read, or holds no legal conversation.
        DataError: more is quarantined than the settings allow.
    """
    refuse_store_inside(exports, run.store)
    files = list_inputs(exports)
    digests = digest_inputs(files, open_input=open_input)
    private = open_store(run.private)
    settings = run.settings.ingest

    def build(folder: StepFolder) -> None:
        reader = ExportReader(files, settings, open_input=open_input, digests=digests)
        checked: list[ValidationResult] = []
        shards: dict[str, pl.Series] = {}
        across = _Across(QUARANTINE.empty(), FUNNEL.empty())
        try:
            for page in reader:
                result = validate_staged(page.conversations, page.messages, page.thoughts)
                kept = StagedPage(result.conversations, result.messages, result.thoughts)
                for shard in cut_in_shards(kept, settings.shard_messages):
                    shard_id = f"{len(shards) + 1:04d}"
                    _write_shard(folder, shard_id, shard)
                    shards[shard_id] = shard.conversations["conversation_key"]
                checked.append(_without_frames(result))
            across = _check_across(private, folder, checked, shards)
        finally:
            # kept whatever becomes of the run: who mends the export needs every place, not the first three
            faults = (reader.quarantine, *(c.quarantine for c in checked), across.faults)
            quarantine = pl.concat(faults)
            keep_quarantine(private, quarantine, run.started_at)
        check_quarantine_share(quarantine, reader.n_conversations, settings, count_quarantined(quarantine))
        counted = Counter({("ingest", rule): n for rule, n in reader.counted.items()})
        for result in checked:
            counted.update({("validate", rule): n for rule, n in result.counted.items()})
        folder.table("quarantine", quarantine, QUARANTINE)
        folder.table("quarantine_summary", summarise_quarantine(quarantine, counted), QUARANTINE_SUMMARY)
        folder.table("funnel", _funnel(reader, checked, across), FUNNEL)
        folder.json("report", _report(reader, files, digests, list(shards)))

    parts = {
        "inputs": sorted((file.name, digests[file.uri]) for file in files),
        "settings": settings.model_dump(),
    }
    summary = run_step(private, "ingest", STEP_VERSION, parts, build)
    report = read_json(private, summary["report"].uri)
    if not report["shards"]:
        raise InputError(f"no legal conversation in {', '.join(file.name for file in files)}")
    return StagedExports(
        shards=tuple(_shard(summary, shard_id) for shard_id in report["shards"]),
        summary=summary,
        dialects=tuple(sorted(report["dialects"])),
    )


def _write_shard(folder: StepFolder, shard_id: str, shard: StagedPage) -> None:
    for table, frame in zip(STAGED, (shard.conversations, shard.messages, shard.thoughts), strict=True):
        folder.table(f"{shard_id}.{table.name}", frame, table)


def _without_frames(result: ValidationResult) -> ValidationResult:
    # the frames are on disk; only ids and counts stay in memory
    conversations, messages, thoughts = (table.empty() for table in STAGED)
    return replace(result, conversations=conversations, messages=messages, thoughts=thoughts)


@dataclass(frozen=True, slots=True)
class _Across:
    """What only shows across pages.

    Attributes:
        faults: `quarantine` rows.
        funnel: `funnel` rows: what the pages had counted as kept, and the participants of all pages.
    """

    faults: pl.DataFrame
    funnel: pl.DataFrame


def _check_across(
    private: Store, folder: StepFolder, checked: Sequence[ValidationResult], shards: Mapping[str, pl.Series]
) -> _Across:
    """Quarantine what only shows across pages; rewrites the shards concerned."""
    if not checked:
        return _Across(QUARANTINE.empty(), FUNNEL.empty())
    ids = pl.concat([result.ids for result in checked])
    faults = validate_across(ids)
    bad = faults.select("conversation_key").unique()
    kept = ids.filter("is_kept").join(bad, on="conversation_key", how="anti")
    n_in, n_out = ids["participant_key"].n_unique(), kept["participant_key"].n_unique()
    rows = [_row("participants", n_in, n_out, n_in - n_out)]
    for shard_id, keys in shards.items():
        if not keys.is_in(bad["conversation_key"].implode()).any():
            continue
        frames: list[pl.DataFrame] = []
        for table, name in zip(STAGED, ("conversations", "messages", "thoughts"), strict=True):
            before = read_table(private, folder.files[f"{shard_id}.{table.name}"], table)
            frames.append(before.join(bad, on="conversation_key", how="anti"))
            n_late = before.height - frames[-1].height
            rows.append(_row(name, 0, -n_late, n_late))
        _write_shard(folder, shard_id, StagedPage(*frames))
    return _Across(faults, pl.concat(rows))


def _funnel(reader: ExportReader, checked: Sequence[ValidationResult], across: _Across) -> pl.DataFrame:
    # a participant may be in several pages, so participants are counted over all of them
    of_pages = (r.funnel.filter(pl.col("table_name") != "participants") for r in checked)
    return (
        pl.concat([FUNNEL.empty(), reader.funnel, *of_pages, across.funnel])
        .group_by("stage", "table_name", maintain_order=True)
        .agg(pl.col("n_in", "n_out", "n_quarantined", "n_removed").sum())
    )


def _row(table: str, n_in: int, n_out: int, n_quarantined: int) -> pl.DataFrame:
    return pl.DataFrame(
        [("validate", table, n_in, n_out, n_quarantined, 0)], schema=FUNNEL.polars_schema(), orient="row"
    )


def _shard(summary: TableSet, shard_id: str) -> TableSet:
    # the fingerprint of a shard is its content, so that a file added at the end leaves it alone
    files = tuple((table.name, summary[f"{shard_id}.{table.name}"]) for table in STAGED)
    digest = hashlib.sha256("".join(ref.sha256 for _, ref in files).encode()).hexdigest()[:32]
    return TableSet(digest, files)


def _report(
    reader: ExportReader, files: Sequence[InputFile], digests: Mapping[str, str], shards: list[str]
) -> dict[str, Any]:
    return {
        "shards": shards,
        "inputs": [
            {
                "name": f.name,
                "sha256": digests[f.uri],
                "n_bytes": f.size,
                "n_conversations": reader.n_found_in[f.uri],
                "dialect": reader.dialect_of.get(f.uri, ""),
            }
            for f in files
        ],
        "dialects": dict(reader.dialects),
        "n_lines": reader.n_lines,
        "n_conversations": reader.n_conversations,
        "n_quarantined": reader.n_quarantined,
        "n_duplicates": reader.n_duplicates,
    }
