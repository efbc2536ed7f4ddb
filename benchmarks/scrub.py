"""Recall, over-masking, speed and memory of the scrubber: `python -m benchmarks.scrub [--gold FILE] [--clean FILE]`.

Every set is scrubbed by the public command, `thoughttrace scrub FILE`, default and `--high-recall`; with
`--presidio PYTHON`, the interpreter of an environment with the `bench` extra, the baseline reads the same
files in the same run. Sets: the invented ones of `benchmarks.sets`, and of each the half that was not looked
at while rules were written; `--gold`: JSONL of {"id", "text", "spans": [{"start", "end", "type"}]};
`--clean`: an export in the published dialect that is clean already, so that nearly every mask is a wrong one.

Recall counts a gold span whose letters and digits are all masked, by whatever type; precision the share of
predicted spans that touch a gold span of any type. LOCATION is left out of both.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from benchmarks.sets import SETS

SEED = 7
SCORED = frozenset(
    ["PERSON", "EMAIL", "PHONE", "URL", "USERNAME", "IP", "CREDIT_CARD", "SSN", "IBAN", "ID", "SECRET", "ADDRESS", "DATE_OF_BIRTH", "CRYPTO", "GPS", "PATH"]
)  # fmt: skip
CHECKSUMMED = ("EMAIL", "CREDIT_CARD", "IBAN", "SSN", "IP")
Lines = list[dict[str, Any]]


def read_lines(path: Path) -> Lines:
    """Read a JSONL file."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line]


def write_lines(path: Path, lines: Lines) -> None:
    """Write what the command reads: all but the gold spans."""
    kept = [{k: v for k, v in line.items() if k != "spans"} for line in lines]
    path.write_text("".join(json.dumps(line) + "\n" for line in kept), "utf-8")


def half_of(record: dict[str, Any]) -> int:
    """Return 0 (looked at) or 1 (not looked at) by a digest of the id."""
    return hashlib.md5(str(record["id"]).encode(), usedforsecurity=False).digest()[0] % 2


def score(gold: Lines, found: Lines) -> dict[str, Any]:
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
        "f2": round(5 * precision * recall / max(1e-9, 4 * precision + recall), 3),
        "recall_by_type": {t: round(full[t] / total[t], 3) for t in sorted(total)},
        "n_by_type": dict(sorted(total.items())),
    }


def flatten(export: Path) -> Lines:
    """Turn an export into the lines that `thoughttrace scrub` reads; `side` tells whose text it is."""
    lines: Lines = []
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


def masked_share(lines: Lines, found: Lines, *, only: str | None = None) -> dict[str, float]:
    """Share of characters masked, in percent, by side; `only`: of one type."""
    n_chars: dict[str, int] = defaultdict(int)
    n_masked: dict[str, int] = defaultdict(int)
    for line, prediction in zip(lines, found, strict=True):
        side = line.get("side", "all")
        n_chars[side] += len(line["text"])
        n_masked[side] += sum(s["end"] - s["start"] for s in prediction["spans"] if only in {None, s["type"]})
    return {side: round(100 * n_masked[side] / n, 2) for side, n in sorted(n_chars.items())}


def run(command: list[str]) -> dict[str, float]:
    """Run a command to its end; return CPU seconds (user and system) and peak memory.

    Raises:
        SystemExit: the command failed.
    """
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    child = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"{' '.join(command[:3])} failed")
    return {"cpu_s": round(usage.ru_utime + usage.ru_stime, 2), "rss_mb": round(usage.ru_maxrss / 1000)}


def commands(arguments: argparse.Namespace) -> dict[str, list[str]]:
    """Return the engines in the order they run: name to command, to which input and output are added."""
    ours = str(Path(sys.executable).with_name("thoughttrace"))
    engines = {"default": [ours, "scrub"]}
    if not arguments.quick:
        engines["high_recall"] = [ours, "scrub", "--high-recall"]
    if arguments.presidio:
        engines["presidio"] = [arguments.presidio, str(Path(__file__).with_name("scrub_presidio.py"))]
    return dict(reversed(engines.items())) if arguments.reverse else engines


def scrub(command: list[str], lines: Lines, folder: Path) -> tuple[Lines, dict[str, float]]:
    """Run one engine over some texts."""
    source, target = folder / "in.jsonl", folder / "out.jsonl"
    write_lines(source, lines)
    out = [str(target)] if command[-1].endswith(".py") else ["--out", str(target)]
    used = run([*command, str(source), *out])
    return read_lines(target), used


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run all engines over all sets."""
    sets: dict[str, Lines] = {name: generate(SEED) for name, generate in SETS.items()}
    if arguments.gold:
        sets["gold"] = read_lines(arguments.gold)
    clean = flatten(arguments.clean) if arguments.clean else []
    # one run a set would mostly measure starting up
    joined = [line for lines in sets.values() for line in lines]
    report: dict[str, Any] = {
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        "seed": SEED,
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for engine, command in commands(arguments).items():
            found, _ = scrub(command, joined, folder)
            _, start = scrub(command, [{"id": "0", "text": "Nothing to see."}], folder)
            report[engine] = {"start_cpu_s": start["cpu_s"], "sets": {}}
            position = 0
            for set_name, gold in sets.items():
                part = found[position : position + len(gold)]
                position += len(gold)
                if set_name == "lookalikes":
                    report[engine]["lookalikes_masked_percent"] = masked_share(gold, part)["all"]
                    continue
                unseen = [i for i, record in enumerate(gold) if half_of(record)]
                report[engine]["sets"][set_name] = {
                    "all": score(gold, part),
                    "unseen_half": score([gold[i] for i in unseen], [part[i] for i in unseen]),
                }
            if clean:
                part, used = scrub(command, clean, folder)
                seconds = used["cpu_s"] - start["cpu_s"]
                n_chars = sum(len(line["text"]) for line in clean)
                report[engine]["clean"] = {
                    "masked_percent": masked_share(clean, part),
                    "secret_percent": masked_share(clean, part, only="SECRET"),
                    **used,
                    "kb_per_cpu_s": round(n_chars / 1000 / seconds, 2),
                    "kb_per_cpu_s_with_start": round(n_chars / 1000 / used["cpu_s"], 2),
                }
    return report


def render(report: dict[str, Any]) -> str:
    """Return the table of the documentation, in Markdown."""
    engines = [name for name in ("presidio", "default", "high_recall") if name in report]
    rows: list[tuple[str, list[str]]] = []
    for name in report["default"]["sets"]:
        scores = [report[e]["sets"][name] for e in engines]
        rows.append(
            (
                f"{name}: F2 (unseen half)",
                [f"{s['all']['f2']:.3f} ({s['unseen_half']['f2']:.3f})" for s in scores],
            )
        )
        for kind, label in (("PERSON", "names"), ("ADDRESS", "addresses"), ("USERNAME", "user names")):
            if kind in scores[0]["all"]["recall_by_type"]:
                rows.append(
                    (
                        f"{name}: full recall of {label}",
                        [f"{s['all']['recall_by_type'][kind]:.2f}" for s in scores],
                    )
                )
        if name == "credentials":
            rows.append(
                (
                    f"{name}: recall full / any",
                    [f"{s['all']['recall_full']:.2f} / {s['all']['recall_any']:.2f}" for s in scores],
                )
            )
    rows.append(
        ("all sets: full recall of e-mail, card, IBAN, SSN, IP", [_checksummed(report[e]) for e in engines])
    )
    rows.append(
        (
            "look-alikes: characters masked",
            [f"{report[e]['lookalikes_masked_percent']:.1f} %" for e in engines],
        )
    )
    if "clean" in report["default"]:
        clean = [report[e]["clean"] for e in engines]
        shares = [c["masked_percent"] for c in clean]
        rows.append(
            (
                "real, clean: masked, user / thoughts / assistant",
                [f"{s['user']:.2f} / {s['thought']:.2f} / {s['assistant']:.2f} %" for s in shares],
            )
        )
        rows.append(
            ("real, clean: kB per CPU second after the start", [f"{c['kb_per_cpu_s']:.3g}" for c in clean])
        )
        rows.append(("real, clean: peak memory (RSS), MB", [str(c["rss_mb"]) for c in clean]))
    rows.append(("start: CPU seconds", [f"{report[e]['start_cpu_s']:.1f}" for e in engines]))
    head = ["measure", *engines]
    table = [head, ["---"] * len(head), *([label, *cells] for label, cells in rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in table)


def _checksummed(results: dict[str, Any]) -> str:
    n = hit = 0.0
    for each in results["sets"].values():
        for kind in CHECKSUMMED:
            count = each["all"]["n_by_type"].get(kind, 0)
            n += count
            hit += count * each["all"]["recall_by_type"].get(kind, 0.0)
    return f"{hit / n:.3f} (n {n:.0f})"


def main() -> None:
    """Print the table, and write the JSON behind it where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gold", type=Path)
    parser.add_argument("--clean", type=Path)
    parser.add_argument("--presidio", default="", help="Interpreter of an environment with the bench extra.")
    parser.add_argument("--quick", action="store_true", help="Leave high_recall out.")
    parser.add_argument("--reverse", action="store_true", help="Run the engines in the other order.")
    parser.add_argument("--json", type=Path, help="Write all figures here.")
    arguments = parser.parse_args()
    report = measure(arguments)
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    sys.stdout.write(render(report) + "\n")


if __name__ == "__main__":
    main()
