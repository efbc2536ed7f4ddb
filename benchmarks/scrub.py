"""Recall, over-masking, speed and memory of the scrubber: `python -m benchmarks.scrub --gold FILE --clean FILE`.

`--gold`: JSONL of {"id", "text", "spans": [{"start", "end", "type"}]}. `--clean`: an export in the published
dialect that is already clean, so that nearly every mask is a wrong one. `--presidio PYTHON`: interpreter of
an environment with the `bench` extra; the baseline is then measured in the same run.

Recall counts a gold span whose letters and digits are all masked, by whatever type; precision the share of
predicted spans that touch a gold span of any type. LOCATION is left out of both. Halves: texts are split by
a digest of their id; rules were written looking at misses of half 0 only.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import resource
import subprocess
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from tasks.scrub.jsonl import load_detector, scrub_file

SCORED = frozenset(
    [
        "PERSON",
        "EMAIL",
        "PHONE",
        "URL",
        "USERNAME",
        "IP",
        "CREDIT_CARD",
        "SSN",
        "IBAN",
        "ID",
        "SECRET",
        "ADDRESS",
        "DATE_OF_BIRTH",
        "CRYPTO",
        "GPS",
        "PATH",
    ]
)


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Read a JSONL file."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line]


def half_of(record: dict[str, Any]) -> int:
    """Return 0 or 1 by a digest of the id."""
    return hashlib.md5(str(record["id"]).encode(), usedforsecurity=False).digest()[0] % 2


def score(gold: list[dict[str, Any]], found: list[dict[str, Any]]) -> dict[str, Any]:
    """Compare predicted with gold spans."""
    total, full, partly = Counter[str](), Counter[str](), Counter[str]()
    n_predicted = n_touching = 0
    for record, prediction in zip(gold, found, strict=True):
        text = record["text"]
        masked, any_gold = bytearray(len(text)), bytearray(len(text))
        for span in prediction["spans"]:
            masked[span["start"] : span["end"]] = b"\1" * (span["end"] - span["start"])
        for span in record["spans"]:
            start, end = span["start"], span["end"]
            any_gold[start:end] = b"\1" * (end - start)
            if span["type"] not in SCORED:
                continue
            letters = [i for i in range(start, end) if text[i].isalnum()] or list(range(start, end))
            covered = sum(masked[i] for i in letters)
            total[span["type"]] += 1
            full[span["type"]] += covered == len(letters)
            partly[span["type"]] += covered > 0
        for span in prediction["spans"]:
            if span["type"] in SCORED:
                n_predicted += 1
                n_touching += any(any_gold[span["start"] : span["end"]])
    n = total.total()
    recall, precision = full.total() / n, n_touching / max(1, n_predicted)
    return {
        "n": n,
        "recall_full": round(recall, 3),
        "recall_any": round(partly.total() / n, 3),
        "precision": round(precision, 3),
        "f2": round(5 * precision * recall / (4 * precision + recall), 3),
        "recall_by_type": {t: round(full[t] / total[t], 3) for t in sorted(total)},
    }


def flatten(export: Path) -> list[dict[str, Any]]:
    """Turn an export into the lines that `thoughttrace scrub` reads; `side` tells whose text it is."""
    lines: list[dict[str, Any]] = []
    for record in read_lines(export):

        def add(text: str | None, side: str, record: dict[str, Any] = record) -> None:
            if text:
                lines.append(
                    {
                        "id": str(len(lines)),
                        "text": text,
                        "conversation_id": record["id"],
                        "role": "assistant" if side == "assistant" else "user",
                        "side": side,
                    }
                )

        for message in record["messages"]:
            add(message["content"], message["type"])
            for thought in (message.get("reasons") or []) + (message.get("reactions") or []):
                add(thought["content"], "thought")
        add(record.get("task_summary"), "survey")
        add(record.get("task_expectation"), "survey")
        for answers in record["survey_answers"]:
            for name in ("gender", "occupation", "purposes"):
                add(answers.get(name), "survey")
    return lines


def masked_share(lines: list[dict[str, Any]], found: list[dict[str, Any]]) -> dict[str, float]:
    """Share of characters masked, in percent, by side."""
    n_chars: dict[str, int] = defaultdict(int)
    n_masked: dict[str, int] = defaultdict(int)
    for line, prediction in zip(lines, found, strict=True):
        n_chars[line["side"]] += len(line["text"])
        n_masked[line["side"]] += sum(s["end"] - s["start"] for s in prediction["spans"])
    return {side: round(100 * n_masked[side] / n, 2) for side, n in sorted(n_chars.items())}


def run_ours(path: Path, *, high_recall: bool) -> tuple[list[dict[str, Any]], dict[str, float]]:
    """Scrub a file twice and time the second pass, in CPU seconds of this process."""
    detector = load_detector(high_recall=high_recall)
    n_chars = sum(len(r["text"]) for r in read_lines(path))
    seconds = 0.0
    for _ in range(2):
        sink = io.StringIO()
        started = time.process_time()
        scrub_file(path, sink, detector=detector)
        seconds = time.process_time() - started
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    measures = {
        "cpu_s": round(seconds, 2),
        "kb_per_s": round(n_chars / 1000 / seconds),
        "rss_mb": round(memory),
    }
    return [json.loads(line) for line in sink.getvalue().splitlines()], measures


def run_presidio(python: str, path: Path) -> tuple[list[dict[str, Any]], dict[str, float]]:
    """Run the baseline in its own environment."""
    script = Path(__file__).with_name("scrub_presidio.py")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.jsonl"
        done = subprocess.run([python, script, path, out], check=True, capture_output=True, text=True)
        measures = json.loads(done.stdout.splitlines()[-1])
        found = read_lines(out)
    n_chars = sum(len(r["text"]) for r in read_lines(path))
    return found, {**measures, "kb_per_s": round(n_chars / 1000 / measures["cpu_s"])}


def main() -> None:
    """Print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gold", type=Path, required=True)
    parser.add_argument("--clean", type=Path)
    parser.add_argument("--presidio", default="")
    parser.add_argument("--high-recall", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clean = Path(folder) / "clean.jsonl"
        lines = flatten(arguments.clean) if arguments.clean else []
        clean.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
        gold = read_lines(arguments.gold)
        engines = {"ours": lambda path: run_ours(path, high_recall=arguments.high_recall)}
        if arguments.presidio:
            engines["presidio"] = lambda path: run_presidio(arguments.presidio, path)
        report: dict[str, Any] = {}
        for name, run in engines.items():
            found, measures = run(arguments.gold)
            report[name] = {"gold": score(gold, found), "gold_speed": measures}
            for half in (0, 1):
                pairs = [(g, f) for g, f in zip(gold, found, strict=True) if half_of(g) == half]
                report[name][f"gold_half_{half}"] = score([g for g, _ in pairs], [f for _, f in pairs])
            if lines:
                found, measures = run(clean)
                report[name] |= {"clean_masked_percent": masked_share(lines, found), "clean_speed": measures}
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
