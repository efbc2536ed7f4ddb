"""Prefect tasks: scrub the shards, and prove that nothing personal is left."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl
from prefect import task

from schemas.config import CustomRecognizer, PrivacySettings
from schemas.errors import ConfigError, ReviewPendingError
from schemas.fields import (
    BASE_TABLES,
    CLEAN_MESSAGES,
    CLEAN_TABLES,
    FUNNEL,
    ID_MAP,
    SCRUB_AUDIT,
    SCRUB_DENY,
    SCRUB_MEMO,
    SCRUB_REVIEW,
    STAGED_TABLES,
)
from schemas.run import BuiltRelease, RunContext, StagedExports, TableSet
from tasks.assemble.items import apply_scrub, list_items
from tasks.assemble.records import RECORDS, read_records
from tasks.memo.parts import Parts
from tasks.memo.steps import StepFolder, run_step
from tasks.pseudonymise.keys import Keys, load_master_key
from tasks.pseudonymise.registry_file import load_registry
from tasks.scrub.audit_release import audit_release
from tasks.scrub.audit_scan import count_known_ids, scan_lines, scan_texts
from tasks.scrub.canary import measure_canaries, plant_canaries
from tasks.scrub.deny import DENIED_TYPE, DenyList, make_rules, merge_rules, read_values
from tasks.scrub.deny_file import read_rules
from tasks.scrub.detect import Detector
from tasks.scrub.engine import build_detector
from tasks.scrub.memo import SpanMemo
from tasks.scrub.proof import summarise_canaries, summarise_privacy, summarise_scans
from tasks.scrub.review import rules_of
from tasks.scrub.review_file import read_decisions, write_queue
from tasks.scrub.scrubber import Scrubber
from tasks.scrub.workers import in_worker
from tasks.storage.store import Store, open_store
from tasks.storage.tables import read_json, read_table, scan_table

STEP_VERSION = 1
CANARY_CONVERSATIONS = 200
"""Conversations in the shadow copy: enough for a narrow interval, few enough to cost seconds."""
CANARY_SEED = 20260501
UNREAD_SHARE = 0.2
"""Share of a shard's messages from which on it counts as unread."""
MEMO = "memo/scrub"
"""Folder of the span memo in the private store, one folder an engine."""
_loading = threading.Lock()


@task(name="scrub", task_run_name="scrub shard {number:04d}")
def scrub_shard(run: RunContext, shard: TableSet, number: int, ids: TableSet) -> TableSet:
    """Write the shard's clean tables, the audit of masked spans and the review queue.

    Raises:
        DataError: a text came back unscrubbed. Nothing falls back to the raw text.
    """
    return in_worker(write_clean_shard, run, shard, number, ids)


def write_clean_shard(run: RunContext, shard: TableSet, number: int, ids: TableSet) -> TableSet:
    """What the task does, for a process that Prefect knows nothing of."""
    private = open_store(run.private)
    keys = _keys(private)
    scrubber = _open_scrubber(run, private, keys)
    id_ref = ids[f"{number:04d}.id_map"]

    def build(folder: StepFolder) -> None:
        id_map = read_table(private, id_ref, ID_MAP)
        conversations, messages, thoughts = (
            read_table(private, shard[table.name], table).join(id_map, on="conversation_key", how="semi")
            for table in STAGED_TABLES
        )
        found_before = _read_memo(run.private, scrubber.engine, run.started_at)
        memo = SpanMemo(keys.memo, scrubber.engine, found_before)
        result = scrubber.scrub(list_items(conversations, messages, thoughts, id_map), memo)
        _memo_parts(private, scrubber.engine).append(memo.fresh_rows())
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


def select_unread(run: RunContext, shards: Sequence[TableSet]) -> tuple[TableSet, ...]:
    """Return the shards with messages that no release read before; the others cost next to nothing.

    Tells whether processes are worth their start; reads the private store, and changes nothing.

    Args:
        run: the run.
        shards: staged shards.
    """
    private = open_store(run.private)
    if not private.list(f"{MEMO}/"):
        return tuple(shards)
    keys = _keys(private)
    engine = _open_scrubber(run, private, keys).engine
    memo = SpanMemo(keys.memo, engine, _read_memo(run.private, engine, run.started_at))
    messages = STAGED_TABLES[1]
    unread: list[TableSet] = []
    for shard in shards:
        texts = read_table(private, shard[messages.name], messages)["content"].unique().to_list()
        if memo.count_unknown(texts) > UNREAD_SHARE * len(texts):
            unread.append(shard)
    return tuple(unread)


def _open_scrubber(run: RunContext, private: Store, keys: Keys) -> Scrubber:
    """The scrubber of this run: settings, standing decisions and the deny-list."""
    privacy = run.settings.privacy
    # two threads that come first at once would each load the models
    with _loading:
        detector = _detector(privacy.high_recall, privacy.recognizers)
    decisions = rules_of(read_decisions(private))
    deny = DenyList(
        keys.audit, merge_rules(read_rules(private), _read_deny_file(privacy.deny_file, keys, run))
    )
    return Scrubber(privacy, run.policy, keys.audit, decisions=decisions, deny=deny, detector=detector)


@lru_cache(maxsize=2)
def _detector(high_recall: bool, recognizers: tuple[CustomRecognizer, ...]) -> Detector:
    # loading the models costs a second, so a process keeps its detector
    return build_detector(PrivacySettings(high_recall=high_recall, recognizers=recognizers))


def _read_deny_file(path: str, keys: Keys, run: RunContext) -> pl.DataFrame:
    """Rules of the strings that the settings name; the file is read and never stored."""
    if not path:
        return SCRUB_DENY.empty()
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"privacy.deny_file {path}: {type(error).__name__}") from None
    values = ((value, DENIED_TYPE, "") for value in read_values(text, path))
    return make_rules(keys.audit, values, source="deny_list", now=run.started_at)


@lru_cache(maxsize=1)
def _read_memo(private: str, engine: str, started_at: datetime) -> pl.DataFrame:
    """The memo as the run found it, read once a process; what its own shards add is theirs alone."""
    del started_at  # only tells one run from the next
    return _memo_parts(open_store(private), engine).read()


def _memo_parts(private: Store, engine: str) -> Parts:
    return Parts(private, f"{MEMO}/{engine}", SCRUB_MEMO.polars_schema())


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


@task(name="prove privacy", task_run_name="prove privacy")
def prove_privacy(
    run: RunContext,
    staged: StagedExports,
    ids: TableSet,
    clean: tuple[TableSet, ...],
    participants: TableSet,
    built: BuiltRelease,
) -> TableSet:
    """Write `privacy`: what was masked and what is uncertain, and the proofs.

    The proofs are the size of the smallest group, the canaries found in a shadow copy of the run, and what
    a second, separate engine still finds in the built tables.
    """
    private = open_store(run.private)
    keys = _keys(private)
    scrubber = _open_scrubber(run, private, keys)

    def build(folder: StepFolder) -> None:
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
        shadow, truth = plant_canaries(_sample_items(private, staged, ids), CANARY_SEED)
        # a planted text is in no memo; the texts around it may be
        memo = SpanMemo(keys.memo, scrubber.engine, _read_memo(run.private, scrubber.engine, run.started_at))
        found = measure_canaries(truth, scrubber.scrub(shadow, memo).texts)
        raw_ids = _raw_ids(private, staged)
        scans: dict[str, dict[str, Any]] = {}
        n_ids = 0
        # one table at a time: together, and as Python strings, they are several times the release
        for table in BASE_TABLES:
            frame = read_table(private, built.tables[table.name], table)
            scans[table.name] = scan_texts(frame)
            n_ids += count_known_ids(_strings(frame), raw_ids)
        packed = private.get(built.tables[RECORDS].uri)
        scans[RECORDS] = scan_lines(RECORDS, (line.decode() for line in read_records(packed)))
        n_ids += count_known_ids((line.decode() for line in read_records(packed)), raw_ids)
        proof = {
            **counted,
            "canary": summarise_canaries(found),
            "second_scan": summarise_scans(scans),
            "raw_ids": {"n_known": len(raw_ids), "hits": n_ids},
        }
        folder.json("privacy", proof)

    parts = {
        "clean": [shard.fingerprint for shard in clean],
        "built": built.tables.fingerprint,
        "participants": participants.fingerprint,
        "scrubber": scrubber.version,
        "policy": run.policy,
    }
    return run_step(private, "privacy", STEP_VERSION, parts, build)


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


def _strings(frame: pl.DataFrame) -> Iterator[str]:
    for column in frame.select(pl.col(pl.String)).iter_columns():
        yield from column.drop_nulls().unique()


def _sample_items(private: Store, staged: StagedExports, ids: TableSet) -> pl.DataFrame:
    """Raw texts of some conversations of every shard, for the shadow copy; kept in memory only."""
    quota = -(-CANARY_CONVERSATIONS // len(staged.shards))
    parts: list[pl.DataFrame] = []
    for number, shard in enumerate(staged.shards, 1):
        id_map = read_table(private, ids[f"{number:04d}.id_map"], ID_MAP)
        # by hash, so that the sample does not follow the order of the export
        chosen = id_map.sort(pl.col("conversation_id").hash(CANARY_SEED)).head(quota)
        conversations, messages, thoughts = (
            read_table(private, shard[t.name], t).join(chosen, on="conversation_key", how="semi")
            for t in STAGED_TABLES
        )
        parts.append(list_items(conversations, messages, thoughts, chosen))
    return pl.concat(parts)


def _keys(private: Store) -> Keys:
    return load_registry(private, load_master_key(os.environ)).keys


def _count_dropped(private: Store, shard: TableSet) -> int:
    rows = read_table(private, shard["funnel"], FUNNEL)
    return int(rows.filter(pl.col("table_name") == "conversations")["n_removed"].sum())


def _review(private: Store, shard: TableSet) -> pl.DataFrame:
    return read_table(private, shard["review"], SCRUB_REVIEW)
