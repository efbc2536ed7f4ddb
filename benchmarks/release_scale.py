"""Time and memory of a whole release by its size: `python -m benchmarks.release_scale 1575 3150 6300 12600`.

Short messages (about 8 a conversation), `--model none`; 126,000 conversations are a million messages. The slope
is the exponent of time over size between the smallest and the largest; 1 is proportional.
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.frame import Measurement, Side, run_side
from benchmarks.prefect_server import warm_server

REACH = "1 M messages ≤ 30 min, ≤ 2 GB a process, time ∝ size"
MAX_MINUTES, MAX_MB, MAX_SLOPE, FULL = 30, 2000, 1.1, 126_000


def measure_scale(sizes: Sequence[int], model: str = "none") -> list[Measurement]:
    """One release of each size into a fresh store, against one warm server."""
    from tasks.synth.export import generate, write_export

    found: list[Measurement] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with warm_server(folder) as server:
            for n in sizes:
                export = folder / f"export-{n}.jsonl"
                written = write_export(generate(n, 5, "published", short=True), export)
                arguments = (str(folder / f"store-{n}"), model, str(export))
                run = run_side(Side("ours", "benchmarks.release_run:run_release", arguments, server.address))
                size = (
                    f"{n:,} conversations, {written.n_messages:,} messages, {written.n_bytes / 1e6:,.0f} MB"
                )
                found.append(Measurement("release, short messages", size, "wall_s", {"ours": [run]}, REACH))
                print(json.dumps(found[-1].as_dict()), file=sys.stderr, flush=True)
    return [*found[:-1], _judge(found, sizes)]


def _judge(found: Sequence[Measurement], sizes: Sequence[int]) -> Measurement:
    last = found[-1]
    if len(sizes) < 2:
        return last
    times = [m.median("ours", "stage_s") for m in found]
    slope = math.log(times[-1] / times[0]) / math.log(sizes[-1] / sizes[0])
    is_in_time = last.median("ours") <= MAX_MINUTES * 60 and last.median("ours", "peak_mb") <= MAX_MB
    holds = is_in_time and slope <= MAX_SLOPE
    note = f"stage time grows as size^{slope:.2f} between the smallest and the largest; proportional is 1"
    return replace(last, holds=holds if sizes[-1] >= FULL else None, note=note)


def main() -> None:
    """Measure the sizes given and print."""
    found = measure_scale([int(size) for size in sys.argv[1:]] or [1_575, 3_150, 6_300, 12_600])
    print(json.dumps([m.as_dict() for m in found], indent=1))


if __name__ == "__main__":
    main()
