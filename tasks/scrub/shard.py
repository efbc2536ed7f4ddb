"""One shard: from staged to clean tables. Knows nothing of Prefect, so that a worker process starts quickly."""

from __future__ import annotations

import polars as pl

from schemas.fields import CLEAN_TABLES, FUNNEL, ID_MAP, SCRUB_AUDIT, SCRUB_REVIEW, STAGED_TABLES
from schemas.run import RunContext, TableSet
from tasks.assemble.items import apply_scrub, list_items
from tasks.memo.steps import StepFolder, run_step
from tasks.scrub.memo import SpanMemo
from tasks.scrub.opened import load_keys, memo_parts, open_scrubber, read_memo
from tasks.storage.store import open_store
from tasks.storage.tables import read_table

STEP_VERSION = 1


def write_clean_shard(run: RunContext, shard: TableSet, number: int, ids: TableSet) -> TableSet:
    """Write a shard's clean tables, audit, review queue and funnel; a step, done once for the same input.

    Args:
        run: the run.
        shard: staged tables.
        number: of the shard, from 1.
        ids: id maps, one a shard.

    Raises:
        DataError: a text came back unscrubbed. Nothing falls back to the raw text.
    """
    private = open_store(run.private)
    keys = load_keys(private)
    scrubber = open_scrubber(run, private, keys)
    id_ref = ids[f"{number:04d}.id_map"]

    def build(folder: StepFolder) -> None:
        id_map = read_table(private, id_ref, ID_MAP)
        conversations, messages, thoughts = (
            read_table(private, shard[table.name], table).join(id_map, on="conversation_key", how="semi")
            for table in STAGED_TABLES
        )
        found_before = read_memo(run.private, scrubber.engine, run.started_at)
        memo = SpanMemo(keys.memo, scrubber.engine, found_before)
        result = scrubber.scrub(list_items(conversations, messages, thoughts, id_map), memo)
        memo_parts(private, scrubber.engine).append(memo.fresh_rows())
        clean = apply_scrub(conversations, messages, thoughts, id_map, result.texts)
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
