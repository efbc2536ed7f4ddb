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
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.frame import Measurement, Side, run_side
from benchmarks.prefect_server import warm_server
from benchmarks.release_run import count_memo

REACH = "≤ 10 % of the full release's stage time; only new text scrubbed and tagged"
MAX_SHARE = 0.1
MEMOS = {"texts_read": "scrub", "vectors": "vectors", "answers": "labels"}
"""What only new text may add to: readings of the scrubber, vectors of the tagger, answers paid for."""
FULL_REACH, MAX_FULL_S = "≤ 8 min with the embedded model", 480


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
                before = dict.fromkeys(MEMOS, 0)
                for side, export in (("full", base), ("1 % new", more)):
                    target = "benchmarks.release_run:run_release"
                    run = run_side(Side(side, target, (str(store), model, str(export)), server.address))
                    after = {name: count_memo(store, memo) for name, memo in MEMOS.items()}
                    runs[side].append(run | {name: n - before[name] for name, n in after.items()})
                    before = after
    found = Measurement("release again", f"{n:,} conversations, --model {model}", "stage_s", runs, REACH)
    share = found.ratio("1 % new", "full")
    n = {name: found.median("1 % new", name) for name in MEMOS}
    note = (
        f"{share:.1%} of the stage time; for {len(new_texts):,} new texts {n['texts_read']:,.0f} readings, each "
        f"as it came and, where something was masked, as it stands then, {n['vectors']:,.0f} vectors and "
        f"{n['answers']:,.0f} paid answers"
    )
    is_new_only = n["texts_read"] <= 2 * len(new_texts) and n["vectors"] + n["answers"] <= 2 * len(new_texts)
    return replace(found, holds=share <= MAX_SHARE and is_new_only, note=note)


def judge_full(again: Measurement, *, is_published_size: bool) -> Measurement:
    """The full releases of `measure_again` by themselves, held against the goal of a whole release."""
    found = replace(again, stage="whole release", metric="wall_s", runs={"ours": again.runs["full"]})
    holds = found.median("ours") <= MAX_FULL_S if is_published_size else None
    return replace(found, reach=FULL_REACH, holds=holds, note="the first runs of release again")


def main() -> None:
    """Measure once and print."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    model = sys.argv[2] if len(sys.argv) > 2 else "none"
    print(json.dumps(measure_again(int(sys.argv[1]), 1, model).as_dict(), indent=1))


if __name__ == "__main__":
    main()
