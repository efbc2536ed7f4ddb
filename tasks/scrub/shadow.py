"""The proof by canaries: a shadow copy of some conversations, planted, scrubbed and forgotten.

Reading the planted texts is most of the work, and the same conversations are chosen and planted in the same
way release after release. So what was read is remembered, in a memo apart from that of the shards; each run
withholds a part of it that no one can foretell, reads that anew and compares.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import polars as pl

from schemas.errors import InternalError
from schemas.fields import ID_MAP, SCRUB_MEMO, STAGED_TABLES
from schemas.run import RunContext, StagedExports, TableSet
from tasks.assemble.items import list_items
from tasks.memo.parts import Parts
from tasks.memo.steps import StepFolder, run_step
from tasks.scrub.canary import CANARY_SEED, choose_conversations, measure_canaries, plant_canaries
from tasks.scrub.memo import SpanMemo, text_hmac
from tasks.scrub.opened import load_keys, memo_parts, open_scrubber
from tasks.scrub.scrubber import Scrubber
from tasks.storage.store import Store, open_store
from tasks.storage.tables import read_table

STEP_VERSION = 1
CANARY_MEMO = "memo/scrub-canaries"
"""Folder of what was read in planted texts, and in texts around them that no shard had read yet; one folder an engine."""
READ_ANEW = 10
"""One in this many remembered readings is withheld from a run."""


def write_canary_proof(run: RunContext, staged: StagedExports, ids: TableSet) -> TableSet:
    """Write `canaries`: what `prove_by_canaries` measures; a step, done once for the same input.

    What the finished shards have read is not read again, so the later it is called, the less work it is.
    """
    private = open_store(run.private)
    keys = load_keys(private)
    scrubber = open_scrubber(run, private, keys)

    def build(folder: StepFolder) -> None:
        folder.json("canaries", prove_by_canaries(run, private, staged, ids, scrubber, keys.memo))

    parts = {
        "shards": [shard.fingerprint for shard in staged.shards],
        "ids": ids.fingerprint,
        "scrubber": scrubber.version,
    }
    return run_step(private, "canaries", STEP_VERSION, parts, build)


def prove_by_canaries(
    run: RunContext, private: Store, staged: StagedExports, ids: TableSet, scrubber: Scrubber, key: bytes
) -> dict[str, Any]:
    """Plant canaries in the raw texts of some conversations, scrub these and measure what survives.

    Args:
        run: the run; its start decides which readings are made anew.
        private: the private store.
        staged: the staged exports.
        ids: id maps, one a shard.
        scrubber: the scrubber of the run.
        key: key of the memos' digests.

    Returns:
        What `measure_canaries` returns.

    Raises:
        InternalError: a reading made anew differs from the remembered one.
    """
    shadow, truth = plant_canaries(_list_raw_items(private, staged, ids), CANARY_SEED)
    parts = Parts(private, f"{CANARY_MEMO}/{scrubber.engine}", SCRUB_MEMO.polars_schema())
    remembered = parts.read()
    offered, withheld = _withhold(remembered, run.started_at.isoformat())
    # the texts around a planted one are those of the shards, most of which have read them by now
    wanted = pl.Series([text_hmac(key, text) for text in shadow["text"].unique()], dtype=pl.String)
    read_before = memo_parts(private, scrubber.engine).read(wanted)
    memo = SpanMemo(key, scrubber.engine, pl.concat([read_before, offered]).unique("key"))
    texts = scrubber.scrub(shadow, memo).texts
    read = memo.fresh_rows()
    _require_same(withheld, read)
    parts.append(read.join(remembered, on="key", how="anti"))
    return measure_canaries(truth, texts)


def _withhold(remembered: pl.DataFrame, salt: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split a memo into what is offered and what is read anew."""
    digests: Iterable[bytes] = (hashlib.sha256(f"{salt}{k}".encode()).digest() for k in remembered["key"])
    is_withheld = pl.Series([d[0] % READ_ANEW == 0 for d in digests], dtype=pl.Boolean)
    return remembered.filter(~is_withheld), remembered.filter(is_withheld)


def _require_same(before: pl.DataFrame, now: pl.DataFrame) -> None:
    both = before.join(now, on="key", suffix="_now")
    differs = pl.any_horizontal(
        pl.col(name) != pl.col(f"{name}_now") for name in before.columns if name != "key"
    )
    n = both.filter(differs).height
    if n:
        raise InternalError(
            f"{n} of {both.height} planted texts, read anew, were remembered differently: the memo was changed, or "
            "the engine does not read the same text twice in the same way. Delete private/memo/scrub and "
            f"private/{CANARY_MEMO} in the store and run again; all texts are then read anew"
        )


def _list_raw_items(private: Store, staged: StagedExports, ids: TableSet) -> pl.DataFrame:
    """Raw texts of the chosen conversations; kept in memory only."""
    maps = [
        read_table(private, ids[f"{number:04d}.id_map"], ID_MAP)
        for number in range(1, len(staged.shards) + 1)
    ]
    chosen = choose_conversations(pl.concat(maps)["conversation_id"]).implode()
    items: list[pl.DataFrame] = []
    for shard, id_map in zip(staged.shards, maps, strict=True):
        some = id_map.filter(pl.col("conversation_id").is_in(chosen))
        if not some.height:
            continue
        conversations, messages, thoughts = (
            read_table(private, shard[t.name], t).join(some, on="conversation_key", how="semi")
            for t in STAGED_TABLES
        )
        items.append(list_items(conversations, messages, thoughts, some))
    return pl.concat(items)
