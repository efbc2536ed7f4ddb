"""A release, and again with 1 % new conversations: `python -m benchmarks.release_again 2155 [MODEL]`.

Both runs are the whole command line against one warm Prefect server. Compared is the stage time, without what
does not depend on the conversations (`benchmarks.release_run.FIXED`); counted are the texts that the scrubber
had to read and those in the new conversations, the calls to a provider, and the vectors computed.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.frame import Measurement, Side, run_side
from benchmarks.prefect_server import warm_server
from benchmarks.release_run import count_memo

REACH = "≤ 10 % of the full release's stage time; only new text read"
MAX_SHARE = 0.1


def split_export(n: int, folder: Path) -> tuple[Path, Path, set[str]]:
    """Write an export of n conversations and one with 1 % more; return both and the new texts."""
    from tasks.synth.export import generate, write_export

    base, more = folder / "base.jsonl", folder / "more.jsonl"
    write_export(generate(n + max(1, n // 100), 5, "published"), more)
    lines = more.read_bytes().splitlines(keepends=True)
    base.write_bytes(b"".join(lines[:n]))
    return base, more, list_texts(lines[n:]) - list_texts(lines[:n])


def list_texts(lines: list[bytes]) -> set[str]:
    """The distinct texts of records in the published dialect: messages, thoughts, summaries, survey."""
    found: set[str] = set()
    for line in lines:
        record = json.loads(line)
        found.update(record[name] or "" for name in ("task_summary", "task_expectation"))
        for survey in record["survey_answers"]:
            found.update(str(survey[name] or "") for name in ("gender", "occupation", "purposes"))
        for message in record["messages"]:
            found.add(message["content"])
            found.update(t["content"] for t in message.get("reasons", message.get("reactions", ())))
    return found - {""}


def measure_again(n: int, rounds: int, model: str = "none") -> Measurement:
    """Release twice into a fresh store, `rounds` times."""
    runs: dict[str, list[dict[str, Any]]] = {"1 % new": [], "full": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        base, more, new_texts = split_export(n, folder)
        with warm_server(folder) as server:
            for number in range(rounds):
                store = folder / f"store-{number}"
                n_read = 0
                for side, export in (("full", base), ("1 % new", more)):
                    target = "benchmarks.release_run:run_release"
                    run = run_side(Side(side, target, (str(store), model, str(export)), server.address))
                    now_read = count_memo(store, "scrub")
                    runs[side].append(run | {"texts_read": now_read - n_read})
                    n_read = now_read
    found = Measurement("release again", f"{n:,} conversations, --model {model}", "stage_s", runs, REACH)
    share = found.ratio("1 % new", "full")
    read = found.median("1 % new", "texts_read")
    note = (
        f"{share:.1%} of the stage time; {read:,.0f} readings for {len(new_texts):,} new texts, each read as it "
        f"came and, where something was masked, as it stands then"
    )
    holds = share <= MAX_SHARE and read <= 2 * len(new_texts)
    return Measurement(found.stage, found.size, found.metric, runs, REACH, holds, note)


def main() -> None:
    """Measure once and print."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    model = sys.argv[2] if len(sys.argv) > 2 else "none"
    print(json.dumps(measure_again(int(sys.argv[1]), 1, model).as_dict(), indent=1))


if __name__ == "__main__":
    main()
