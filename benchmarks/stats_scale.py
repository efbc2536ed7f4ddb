"""Time and memory of the statistics at any size: `python -m benchmarks.stats_scale 126000`.

Writes invented base tables of that many conversations as Parquet (about 8.2 messages each, 430 bytes a
message), then computes `stats.json` from lazy frames and prints CPU time, wall time and peak memory.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from schemas.config import StatsSettings
from schemas.fields import STAGES, TABLES
from schemas.taxonomies import load_taxonomies
from tasks.stats.compute import compute_stats

WORDS = "please tell me how to plant young leeks in a small wet garden near the river before the first frost comes "
PAIRS, PAIR_SHARES = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12), (13, 16, 17, 18, 14, 9, 5, 3, 3, 2)


def write_tables(n: int, folder: Path, seed: int = 1) -> None:
    """Write base tables of n conversations."""
    rng = np.random.default_rng(seed)
    taxonomies = load_taxonomies()
    person = pl.Series(np.sort(rng.integers(max(1, n // 2), size=n)))
    ids = pl.select(pl.format("user{}_task{}_conversation1", person, pl.int_range(n))).to_series()
    pairs = rng.choice(PAIRS, p=np.array(PAIR_SHARES) / sum(PAIR_SHARES), size=n)
    owner = np.repeat(np.arange(n), 2 * pairs)
    position = np.arange(len(owner)) - np.repeat(np.cumsum(2 * pairs) - 2 * pairs, 2 * pairs)
    last = np.repeat(pairs, 2 * pairs) - 1
    stage = np.where(last > 0, (6 * (position // 2) + last) // np.maximum(1, 2 * last), 0)
    asked, answered = _texts(rng, 76, len(owner)), _texts(rng, 560, len(owner))
    is_user = pl.Series(position % 2 == 0)
    messages = pl.select(
        conversation_id=ids.gather(owner),
        position=pl.Series(position),
        role=pl.when(is_user).then(pl.lit("user")).otherwise(pl.lit("assistant")),
        content=pl.when(is_user).then(asked).otherwise(answered),
        stage=pl.Series(stage).replace_strict(dict(enumerate(STAGES)), return_dtype=pl.String),
        language=pl.lit("en"),
        n_redactions=pl.Series(rng.poisson(0.1, len(owner))),
    ).with_columns(message_id=pl.format("{}_{}", "conversation_id", "position"))
    marked = messages.filter(pl.Series(rng.random(len(owner)) < 0.6))
    thoughts = marked.select(
        "conversation_id",
        "message_id",
        kind=pl.when(pl.col("role") == "user").then(pl.lit("reason")).otherwise(pl.lit("reaction")),
        content=_texts(rng, 79, marked.height),
    ).with_columns(thought_id=pl.format("{}_{}_0", "message_id", "kind"))
    users = messages.filter(pl.col("role") == "user")
    items = {
        "topic": ids,
        "relationship": users["message_id"],
        "reason": thoughts.filter(kind="reason")["thought_id"],
        "reaction": thoughts.filter(kind="reaction")["thought_id"],
    }
    labels = pl.concat(
        pl.DataFrame(
            {
                "item_id": items[facet],
                "facet": facet,
                "value": pl.Series([node.id for node in taxonomy.leaves]).gather(
                    rng.integers(len(taxonomy.leaves), size=len(items[facet]))
                ),
                "source": "model",
                "via": "direct",
                "labeller": "local/head",
                "taxonomy_version": taxonomy.version,
                "confidence": 0.7,
            }
        )
        for facet, taxonomy in taxonomies.items()
    )
    conversations = pl.select(
        conversation_id=ids,
        participant_id=pl.format("user{}", person),
        model_name=pl.format("Model {}", person % 20),
        language=pl.lit("en"),
    )
    people = conversations.select("participant_id", gender=pl.lit("female"), language=pl.lit("en")).unique()
    frames = {
        "participants": people,
        "conversations": conversations,
        "messages": messages,
        "thoughts": thoughts,
        "labels": labels,
    }
    for name, frame in frames.items():
        _complete(name, frame).write_parquet(folder / f"{name}.parquet", row_group_size=20_000)


def measure(folder: Path) -> dict[str, float]:
    """Compute the statistics of the tables in a folder."""
    tables = {path.stem: pl.scan_parquet(path) for path in sorted(folder.glob("*.parquet"))}
    cpu, wall = time.process_time(), time.perf_counter()
    stats = compute_stats(
        tables, taxonomies=load_taxonomies(), settings=StatsSettings(), min_cell=10, policy="strict"
    )
    return {
        "conversations": stats.document["counts"]["conversations"],
        "messages": stats.document["counts"]["messages"],
        "cpu_s": round(time.process_time() - cpu, 2),
        "wall_s": round(time.perf_counter() - wall, 2),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def _texts(rng: np.random.Generator, median: int, n: int) -> pl.Series:
    text = WORDS * 110
    length = np.clip(rng.lognormal(np.log(median), 0.9, 3_000), 5, 10_000).astype(int)
    pool = [f"{text[start : start + size]}{i}" for i, (start, size) in enumerate(_spans(rng, length))]
    return pl.Series(pool).gather(rng.integers(len(pool), size=n))


def _spans(rng: np.random.Generator, length: np.ndarray) -> list[tuple[int, int]]:
    return list(zip(rng.integers(len(WORDS), size=len(length)).tolist(), length.tolist(), strict=True))


def _complete(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    blank = {"string": "", "int32": 0, "int64": 0, "float64": 0.0, "bool": False, "list<string>": []}
    schema = TABLES[name].polars_schema()
    missing = [
        pl.lit(None if f.nullable else blank.get(f.dtype), schema[f.name]).alias(f.name)
        for f in TABLES[name].fields
        if f.name not in frame.columns
    ]
    return frame.with_columns(missing).select(pl.col(c).cast(t) for c, t in schema.items())


def main() -> None:
    """Write in one process and measure in another, as peak memory outlives what it was used for."""
    n = sys.argv[1] if len(sys.argv) > 1 else "2155"
    if len(sys.argv) > 3:
        folder = Path(sys.argv[3])
        if sys.argv[2] == "write":
            write_tables(int(n), folder)
        else:
            print(json.dumps(measure(folder)))
        return
    with tempfile.TemporaryDirectory() as name:
        for step in ("write", "measure"):
            subprocess.run([sys.executable, "-m", "benchmarks.stats_scale", n, step, name], check=True)


if __name__ == "__main__":
    main()
