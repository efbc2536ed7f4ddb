"""Speed, memory and shape of generated exports: `python -m benchmarks.synth 25000`.

Prints, for each dialect and with and without truth, messages per second by CPU time and by wall time of
`write_export` to a file, then lengths, shares and compression of the published dialect.
"""

from __future__ import annotations

import json
import resource
import statistics
import sys
import tempfile
import time
import zlib
from pathlib import Path
from typing import get_args

import polars as pl
import zstandard

from tasks.synth.export import generate, write_export
from tasks.synth.options import Dialect


def measure_speed(n: int, folder: Path) -> None:
    """Write exports of n conversations and print how long it took."""
    write_export(generate(200, 1), folder / "warm-up.jsonl", folder / "truth.jsonl")
    for dialect in get_args(Dialect):
        for truth in (None, folder / "truth.jsonl"):
            cpu, wall = time.process_time(), time.perf_counter()
            written = write_export(generate(n, 1, dialect), folder / "export.jsonl", truth)
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
            print(
                f"{dialect:11} truth={truth is not None!s:5} {written.n_messages:,} messages "
                f"{written.n_bytes / 1e6:,.0f} MB: {written.n_messages / cpu:,.0f}/s CPU, "
                f"{written.n_messages / wall:,.0f}/s wall"
            )
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:,.0f} MB")


def describe_shape() -> None:
    """Print lengths, shares and compression of 2,155 conversations."""
    export = generate(2155, 1, oddity_share=0)
    data = export.to_bytes()
    lengths: dict[str, list[int]] = {"user": [], "assistant": [], "thought": []}
    for line in data.splitlines():
        for message in json.loads(line)["messages"]:
            lengths[message["type"]].append(len(message["content"]))
            thoughts = message.get("reasons", message.get("reactions", []))
            lengths["thought"].extend(len(t["content"]) for t in thoughts)
    for name, values in lengths.items():
        cuts = statistics.quantiles(values, n=100)
        print(
            f"{name:9} n={len(values):,} characters p5 {cuts[4]:.0f} median {cuts[49]:.0f} p95 {cuts[94]:.0f}"
        )
    truth = export.truth()
    for facet in ("reason", "reaction"):
        shares = truth.labels.filter(pl.col("facet") == facet)["value"].value_counts(
            sort=True, normalize=True
        )
        print(facet, {name: round(share, 3) for name, share in shares.iter_rows()})
    print(f"{truth.spans.height} planted spans of {truth.spans['type'].n_unique()} types")
    gzip_ratio = len(data) / len(zlib.compress(data, 6))
    zstd_ratio = len(data) / len(zstandard.compress(data, 3))
    print(f"compression: gzip {gzip_ratio:.1f}, zstd {zstd_ratio:.1f}")


def main() -> None:
    """Measure an export of the size given, 25,000 conversations by default."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 25_000
    with tempfile.TemporaryDirectory() as folder:
        measure_speed(n, Path(folder))
    describe_shape()


if __name__ == "__main__":
    main()
