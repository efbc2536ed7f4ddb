"""What tagging a release costs, first and again: `python -m benchmarks.tag_local [SHARE] [STORE]`.

Takes a share (a tenth, if none is given) of a release of the published size, 2,155 conversations with 8,529
user messages and 10,174 thoughts, generated, all texts distinct. It is labelled four times: with the embedded
model, which embeds every text once ever; again; by a provider on loopback that answers at once; and again, which
must ask nothing. A store given by path keeps what was embedded and answered.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.frame import Measurement
from benchmarks.loopback_provider import provider_process
from benchmarks.tag_calls import MODEL
from schemas.config import TagSettings
from schemas.taxonomies import load_taxonomies
from tasks.storage.local import LocalStore
from tasks.tag.costs import sum_costs
from tasks.tag.stage import tag_release

FULL = 2_155
N_USER_MESSAGES, N_THOUGHTS = 8_529, 10_174
MAX_AGAIN_S = 5.0
NOTHING = pl.DataFrame(schema={"item_id": pl.String, "facet": pl.String, "value": pl.String})


def make_tables(n: int) -> dict[str, pl.DataFrame]:
    """Base tables of n generated conversations, as many messages and thoughts a conversation as published.

    All texts are distinct: what was generated before gets a number, because a text is embedded only once.
    """
    from tasks.synth.export import generate, write_export

    with tempfile.TemporaryDirectory() as folder:
        export = Path(folder) / "export.jsonl"
        write_export(generate(n, 11, "published"), export)
        with export.open(encoding="utf-8") as lines:
            records = [json.loads(line) for line in lines]
    conversations: list[dict[str, Any]] = []
    messages: list[dict[str, Any]] = []
    thoughts: list[dict[str, Any]] = []
    for record in records:
        cid = record["id"]
        conversations.append({"conversation_id": cid, "n_messages": len(record["messages"])})
        for p, m in enumerate(record["messages"]):
            mid = f"{cid}_message{p}"
            messages.append(
                {
                    "message_id": mid,
                    "conversation_id": cid,
                    "position": p,
                    "role": m["type"],
                    "content": m["content"],
                }
            )
            kind = "reason" if m["type"] == "user" else "reaction"
            thoughts += [
                {
                    "thought_id": f"{mid}_{kind}{i}",
                    "conversation_id": cid,
                    "message_id": mid,
                    "kind": kind,
                    "content": t["content"],
                }
                for i, t in enumerate(m.get(f"{kind}s") or [])
            ]
    return {
        "conversations": pl.DataFrame(conversations),
        "messages": number_repeats(pl.DataFrame(messages)),
        "thoughts": number_repeats(pl.DataFrame(thoughts)),
    }


def number_repeats(table: pl.DataFrame) -> pl.DataFrame:
    """Make every content distinct by the number of its appearance."""
    seen = pl.int_range(pl.len()).over("content")
    return table.with_columns(
        content=pl.when(seen > 0).then(pl.format("{} ({})", "content", seen)).otherwise("content")
    )


def label(tables: dict[str, pl.DataFrame], settings: TagSettings, store: Path) -> tuple[int, int]:
    """Label everything; returns the number of labels and of calls."""
    result = tag_release(
        **tables,
        export_labels=NOTHING,
        taxonomies=load_taxonomies(),
        settings=settings,
        memo=LocalStore(store),
        now=datetime(2026, 1, 1, tzinfo=UTC),
    )
    return result.labels.height, int(sum_costs([result.cost])["calls"])


def label_twice(
    tables: dict[str, pl.DataFrame], model: str, store: Path
) -> tuple[dict[str, float], dict[str, float]]:
    """Label with a model, first and again; figures of both."""
    found: list[dict[str, float]] = []
    for _ in range(2):
        wall, cpu = time.perf_counter(), time.process_time()
        n_labels, n_calls = label(tables, TagSettings(model=model, budget_usd=100), store)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        found.append({"wall_s": wall, "cpu_s": cpu, "labels": n_labels, "calls": n_calls})
    return found[0], found[1]


def measure_again(share: float, folder: Path) -> Measurement:
    """Label by a provider, then again with nothing changed."""
    with provider_process(0) as environment:
        os.environ |= environment
        tables = make_tables(round(FULL * share))
        first, again = label_twice(tables, MODEL, folder / "again")
    size = f"{tables['conversations'].height:,} conversations, nothing changed"
    is_quick = again["wall_s"] <= MAX_AGAIN_S if share == 1 else None
    holds = False if again["calls"] else is_quick
    note = f"{again['calls']:,} calls to a provider on loopback, after {first['calls']:,} the first time"
    return Measurement(
        "tag again",
        size,
        "wall_s",
        {"first": [first], "again": [again]},
        "0 calls, ≤ 5 s at the published size",
        holds,
        note,
    )


def main(share: float, store: Path) -> None:
    """Label four times and print seconds, as measured and in core-minutes of the published size."""
    tables = make_tables(round(FULL * share))
    n_users = tables["messages"].filter(pl.col("role") == "user").height
    n_items = n_users + tables["thoughts"].height + tables["conversations"].height
    print(
        f"{tables['conversations'].height:,} conversations, {n_users:,} user messages, "
        f"{tables['thoughts'].height:,} thoughts"
    )
    factor = (N_USER_MESSAGES + N_THOUGHTS + FULL) / n_items
    with provider_process(0) as environment:
        os.environ |= environment
        for model in ("local", MODEL):
            for name, run in zip(("first time", "again"), label_twice(tables, model, store), strict=True):
                print(
                    f"{model:18} {name:10} {run['wall_s']:6.1f} s, {run['cpu_s']:6.1f} s CPU "
                    f"({run['cpu_s'] * factor / 60:5.2f} core-minutes at the published size), "
                    f"{run['labels']:,} labels, {run['calls']:,} calls",
                    flush=True,
                )


if __name__ == "__main__":
    arguments = sys.argv[1:]
    with tempfile.TemporaryDirectory() as temporary:
        main(float(arguments[0]) if arguments else 0.1, Path(arguments[1] if arguments[1:] else temporary))
