"""Reading and validating against not checking at all: `python -m benchmarks.ingest_scale 126000`.

Generates a published export of that many short conversations (126,000 give about a million messages and
430 MB), then runs, each in its own process and in both orders: ours (`ExportReader`, `validate_staged`
of every shard, `validate_across`), and the unchecked way (`json.loads` a line, lists, polars frames).
Prints the median of CPU time, wall time and peak memory, and their ratio, as JSON.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import polars as pl

SURVEY = ("age", "gender", "education", "occupation", "frequency", "purposes")
HEADER = (
    "id",
    "model_name",
    "model_provider",
    "created_at",
    "updated_at",
    "task_summary",
    "task_expectation",
)


def read_ours(path: Path) -> int:
    """Read and validate; return the number of messages kept."""
    from schemas.config import IngestSettings
    from tasks.ingest.reader import ExportReader
    from tasks.storage.inputs import list_inputs, open_input
    from tasks.validate.staged import validate_across, validate_staged

    reader = ExportReader(list_inputs([str(path)]), IngestSettings(), open_input=open_input)
    ids: list[pl.DataFrame] = []
    n = 0
    for shard in reader:
        result = validate_staged(shard.conversations, shard.messages, shard.thoughts)
        n += result.messages.height
        ids.append(result.ids)
    validate_across(pl.concat(ids))
    return n


def read_unchecked(path: Path) -> int:
    """Read the same columns without a single check; return the number of messages."""
    conversations: dict[str, list[Any]] = {name: [] for name in (*HEADER, *SURVEY)}
    messages: dict[str, list[Any]] = {
        name: [] for name in ("conversation_id", "position", "type", "content", "timestamp", "id")
    }
    thoughts: dict[str, list[Any]] = {
        name: [] for name in ("conversation_id", "position", "kind", "content", "timestamp", "label")
    }
    with path.open("rb") as lines:
        for line in lines:
            record = json.loads(line)
            for name in HEADER:
                conversations[name].append(record[name])
            survey = (record["survey_answers"] or [{}])[0]
            for name in SURVEY:
                conversations[name].append(survey.get(name))
            for position, message in enumerate(record["messages"]):
                messages["conversation_id"].append(record["id"])
                messages["position"].append(position)
                for name in ("type", "content", "timestamp", "id"):
                    messages[name].append(message[name])
                for kind in ("reasons", "reactions"):
                    for thought in message.get(kind) or ():
                        thoughts["conversation_id"].append(record["id"])
                        thoughts["position"].append(position)
                        thoughts["kind"].append(kind)
                        for name in ("content", "timestamp", "label"):
                            thoughts[name].append(thought.get(name))
    time_of = {"time_zone": "UTC", "time_unit": "us"}
    frames = [
        pl.DataFrame(conversations).with_columns(
            pl.col("created_at", "updated_at").str.to_datetime("%+", **time_of)
        ),
        pl.DataFrame(messages).with_columns(pl.col("timestamp").str.to_datetime("%+", **time_of)),
        pl.DataFrame(thoughts).with_columns(pl.col("timestamp").str.to_datetime("%+", **time_of)),
    ]
    return frames[1].height


WAYS = {"ours": read_ours, "unchecked": read_unchecked}


def measure(way: str, path: Path) -> dict[str, float]:
    """Run one way in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.ingest_scale", "--run", way, str(path)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def run(way: str, path: Path) -> None:
    """Run one way in this process and print its figures; imports are not timed."""
    import tasks.validate.staged  # noqa: F401 (imports are not timed)

    wall, cpu = time.perf_counter(), time.process_time()
    n = WAYS[way](path)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures = {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}
    print(json.dumps({**figures, "peak_mb": peak, "n_messages": n}))


def main() -> None:
    """Measure and print."""
    from tasks.synth.export import generate, write_export

    n, rounds = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 3
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "export.jsonl")
        written = write_export(generate(n, 5, "published", short=True), path)
        found: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
        for i in range(rounds):
            for way in sorted(WAYS, reverse=bool(i % 2)):
                found[way].append(measure(way, path))
    median = {
        way: {key: round(statistics.median(r[key] for r in runs), 2) for key in runs[0]}
        for way, runs in found.items()
    }
    ratio = {
        key: round(median["ours"][key] / median["unchecked"][key], 2)
        for key in ("cpu_s", "wall_s", "peak_mb")
    }
    print(json.dumps({"n_bytes": written.n_bytes, "rounds": rounds, **median, "ratio": ratio}, indent=1))


if __name__ == "__main__":
    if sys.argv[1] == "--run":
        run(sys.argv[2], Path(sys.argv[3]))
    else:
        main()
