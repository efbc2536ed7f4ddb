"""Calls of a re-tag after one label was split in two: `python -m benchmarks.retag_split 2000`.

The same items with 1 %, 5 %, 20 % and all of them under the label that is split; a provider on loopback counts
the calls. Re-tagging all is the last row.
"""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import UTC, datetime
from typing import Any

import polars as pl

from benchmarks.frame import Measurement
from benchmarks.tag_calls import MODEL

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SPLIT, PARTS, OTHER = "content_relevance", ("missing_content", "wrong_content"), "explicit_affirmation"
SHARES = (0.01, 0.05, 0.2, 1.0)
REACH = "calls ∝ affected items exactly"


def make_taxonomies() -> tuple[Any, Any]:
    """The reactions as shipped, but for rules between two labels, and with one label split."""
    from schemas.taxonomies import Taxonomy, load_taxonomies

    shipped = load_taxonomies()["reaction"]
    old = shipped.model_copy(
        update={"nodes": tuple(n.model_copy(update={"boundaries": ()}) for n in shipped.nodes)}
    )
    nodes = [node.model_dump() for node in old.nodes if node.id != SPLIT]
    nodes += [{"id": part, "name": part, "definition": f"Dissatisfied: {part}."} for part in PARTS]
    change = {"kind": "split", "from": [SPLIT], "to": list(PARTS)}
    document = old.model_dump(exclude={"nodes", "changes"})
    document |= {"version": "v2", "based_on": "v1", "nodes": nodes, "changes": [change]}
    return old, Taxonomy.model_validate(document)


def make_tables(n: int, n_affected: int) -> dict[str, pl.DataFrame]:
    """Conversations of two messages with one labelled reaction each."""
    from schemas.fields import LABELS

    cids = [f"user{c}_task1_conversation1" for c in range(n)]
    messages = [
        {
            "message_id": f"{cid}_message{p}",
            "conversation_id": cid,
            "position": p,
            "role": ("user", "assistant")[p],
            "content": f"Text {p} of {cid}",
        }
        for cid in cids
        for p in (0, 1)
    ]
    thoughts = [
        {
            "thought_id": f"{cid}_message1_reaction0",
            "conversation_id": cid,
            "message_id": f"{cid}_message1",
            "kind": "reaction",
            "content": f"What {cid} thought",
        }
        for cid in cids
    ]
    row = dict.fromkeys(LABELS.columns) | {
        "facet": "reaction",
        "source": "model",
        "via": "direct",
        "labeller": MODEL,
        "model_snapshot": "m1",
        "taxonomy_version": "v1",
        "prompt_sha256": "0" * 64,
        "confidence": 0.9,
        "labelled_at": NOW,
    }
    labels = [
        row | {"item_id": f"{cid}_message1_reaction0", "value": SPLIT if number < n_affected else OTHER}
        for number, cid in enumerate(cids)
    ]
    return {
        "conversations": pl.DataFrame({"conversation_id": cids, "n_messages": [2] * n}),
        "messages": pl.DataFrame(messages),
        "thoughts": pl.DataFrame(thoughts),
        "labels": pl.DataFrame(labels, schema=LABELS.polars_schema()).sort(LABELS.primary_key),
    }


def retag_share(n: int, share: float) -> dict[str, Any]:
    """Plan and apply the re-tag; return affected items, planned calls and calls that were made."""
    from schemas.config import TagSettings
    from schemas.taxonomies import load_taxonomies
    from tasks.tag.retag_run import apply_retag, plan_retag
    from tasks.tag.retagger import open_retagger
    from tests.tag_provider import FakeProvider

    old, new = make_taxonomies()
    n_affected = round(n * share)
    tables = make_tables(n, n_affected)
    provider = FakeProvider()
    os.environ |= {"OPENAI_API_KEY": "bench", "OPENAI_API_BASE": provider.url}
    try:
        wall, cpu = time.perf_counter(), time.process_time()
        retagger = open_retagger(TagSettings(model=MODEL, budget_usd=100), None, NOW)
        plan = plan_retag(**tables, old={**load_taxonomies(), "reaction": old}, new=[new], retagger=retagger)
        result, _ = apply_retag(plan, **tables, retagger=retagger)
    finally:
        provider.close()
    asked = result.labels.filter(pl.col("value").is_in(PARTS)).height
    return {
        "affected": n_affected,
        "planned_calls": plan.estimate.calls,
        "calls": provider.n_calls,
        "labels_changed": asked,
        "wall_s": round(time.perf_counter() - wall, 2),
        "cpu_s": round(time.process_time() - cpu, 2),
    }


def measure_split(n: int) -> Measurement:
    """All shares over n items."""
    runs = {f"{share:.0%} affected": [retag_share(n, share)] for share in SHARES}
    found = [run for each in runs.values() for run in each]
    holds = all(r["calls"] == r["planned_calls"] == r["affected"] == r["labels_changed"] for r in found)
    note = "calls for affected items: " + ", ".join(f"{r['calls']:,} for {r['affected']:,}" for r in found)
    return Measurement("re-tag after a split", f"{n:,} items", "calls", runs, REACH, holds, note)


def main() -> None:
    """Measure and print."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
    print(json.dumps(measure_split(n).as_dict(), indent=1))


if __name__ == "__main__":
    main()
