"""CPU time of tagging with the embedded model: `python -m benchmarks.tag_local [SHARE]`.

Takes a share (a tenth, if none is given) of a release of the published size, 2,155 conversations with 8,529
user messages and 10,174 thoughts, generated, and labels it twice: the first time every text is embedded, the
second time none is.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

FULL = 2_155
N_USER_MESSAGES, N_THOUGHTS = 8_529, 10_174


def make_tables(n: int) -> dict[str, pl.DataFrame]:
    """Base tables of n generated conversations, as many messages and thoughts a conversation as published."""
    from tasks.synth.export import generate, write_export

    with tempfile.TemporaryDirectory() as folder:
        export = Path(folder) / "export.jsonl"
        write_export(generate(n, 11, "published"), export)
        records = [json.loads(line) for line in export.read_text(encoding="utf-8").splitlines()]
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
        "messages": pl.DataFrame(messages),
        "thoughts": pl.DataFrame(thoughts),
    }


def main(share: float) -> None:
    """Label twice and print CPU seconds, as measured and scaled by items to the published size."""
    from schemas.config import TagSettings
    from schemas.taxonomies import load_taxonomies
    from tasks.storage.local import LocalStore
    from tasks.tag.stage import tag_release

    tables = make_tables(round(FULL * share))
    n_users = tables["messages"].filter(pl.col("role") == "user").height
    print(
        f"{tables['conversations'].height:,} conversations, {n_users:,} user messages, {tables['thoughts'].height:,} thoughts"
    )
    nothing = pl.DataFrame(schema={"item_id": pl.String, "facet": pl.String, "value": pl.String})
    factor = (N_USER_MESSAGES + N_THOUGHTS + FULL) / (
        n_users + tables["thoughts"].height + tables["conversations"].height
    )
    with tempfile.TemporaryDirectory() as folder:
        for name in ("first time", "again"):
            cpu = time.process_time()
            tag_release(
                **tables,
                export_labels=nothing,
                taxonomies=load_taxonomies(),
                settings=TagSettings(),
                memo=LocalStore(Path(folder)),
                now=datetime(2026, 1, 1, tzinfo=UTC),
            )
            cpu = time.process_time() - cpu
            print(
                f"{name:12} {cpu:6.1f} s CPU; {cpu * factor / 60:5.2f} core-minutes at the published size",
                flush=True,
            )


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 0.1)
