"""Where the time of a run goes: `python -m benchmarks.stage_profile 500 [--plot FILE]`, or `make profile`.

Releases that many invented conversations with the embedded model under py-spy, all processes of the run at 100 samples
a second; `--stacks FILE` reads what was recorded before. Each sample belongs to the stage whose function is on its
stack, and within it to the innermost module of this project, with the library that this module called. Samples are
those in which a thread was running, so seconds are of all threads and processes together.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path

from benchmarks.release_run import ID_KEY
from tasks.synth.export import generate, write_export

STAGES = {
    "read_exports": "reading exports",
    "write_clean_shard": "scrubbing",
    "write_canary_proof": "canaries",
    "fit_taggers": "tagging",
    "tag_shard": "tagging",
    "build_release": "building tables",
    "scan_built": "second scan",
    "measure_labels": "comparing labels",
    "compute_statistics": "counting",
    "judge_release": "judging",
    "write_report": "report",
    "stage_candidate": "staging",
}
"""Function by which samples are known to stage."""
RATE = 100
"""Samples a second, as recorded."""
_FRAME = re.compile(r"(?P<function>.+) \((?P<file>[^():]+)(?::\d+)?\)$")
_OURS = re.compile(r"(?:^|/)(tasks|schemas|flows)/")
_LIBRARIES = ("numpy", "onnxruntime", "polars", "pyarrow", "spacy", "thinc", "re2", "scipy", "altair", "tiktoken", "yaml")  # fmt: skip
_COLOURS = ("#2f6f9f", "#4c9a6a", "#c28f2c", "#8d5a97", "#b5533c", "#6b7a8f", "#9aa5b1")
_SHOWN, _LEAST = 6, 0.01
_WIDTH = 560


def count_samples(lines: Iterable[str]) -> dict[str, Counter[str]]:
    """Count the samples of each stage by what was at work.

    Args:
        lines: py-spy's raw format, `frame;frame;… count`, outermost first.

    Returns:
        Stage to name of a module or library to samples; samples of no stage are left out.
    """
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for line in lines:
        stack, _, n = line.rstrip("\n").rpartition(" ")
        frames = [m for part in stack.split(";") if (m := _FRAME.match(part)) is not None]
        stage = next((STAGES[m["function"]] for m in frames if m["function"] in STAGES), None)
        if stage is not None:
            found[stage][_name_work([m["file"] for m in frames])] += int(n)
    return dict(found)


def _name_work(files: list[str]) -> str:
    """The innermost module of this project, with the library that it called."""
    for place in range(len(files) - 1, -1, -1):
        if _OURS.search(files[place]):
            module = files[place][files[place].rfind("tasks/") if "tasks/" in files[place] else 0 :]
            inner = [name for file in files[place + 1 :] for name in _LIBRARIES if f"{name}/" in file]
            return f"{module.removesuffix('.py')} ({inner[0]})" if inner else module.removesuffix(".py")
    return "elsewhere"


def render_table(found: Mapping[str, Counter[str]], n_stages: int = 3) -> str:
    """Markdown: the largest stages, and what in them takes the largest shares."""
    lines = ["| stage | thread seconds | of these |", "|---|---:|---|"]
    for stage, counts in _largest(found, n_stages):
        total = counts.total()
        parts = ", ".join(f"{n / total:.0%} `{name}`" for name, n in _largest_parts(counts))
        lines.append(f"| {stage} | {total / RATE:,.1f} | {parts} |")
    return "\n".join(lines) + "\n"


def render_plot(found: Mapping[str, Counter[str]], n_stages: int = 3) -> str:
    """SVG: a bar a stage, cut by what was at work, all on one scale of thread seconds."""
    stages = _largest(found, n_stages)
    longest = max(counts.total() for _, counts in stages)
    rows: list[str] = []
    y = 8
    for stage, counts in stages:
        total = counts.total()
        rows.append(
            f'<text x="8" y="{y + 14}" font-weight="bold">{escape(stage)}, {total / RATE:,.1f} s</text>'
        )
        y += 20
        parts = _largest_parts(counts)
        parts.append(("all else", total - sum(n for _, n in parts)))
        x = 8.0
        for colour, (_, n) in zip(_COLOURS, parts, strict=False):
            width = _WIDTH * n / longest
            rows.append(f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="16" fill="{colour}"/>')
            x += width
        y += 20
        for colour, (name, n) in zip(_COLOURS, parts, strict=False):
            rows.append(
                f'<rect x="12" y="{y + 3}" width="10" height="10" fill="{colour}"/>'
                f'<text x="28" y="{y + 12}">{n / total:.0%} {escape(name)}</text>'
            )
            y += 16
        y += 8
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH + 16}" height="{y}" font-family="sans-serif" '
        f'font-size="12"><rect width="100%" height="100%" fill="white"/>{"".join(rows)}</svg>\n'
    )


def _largest_parts(counts: Counter[str]) -> list[tuple[str, int]]:
    return [(name, n) for name, n in counts.most_common(_SHOWN) if n >= _LEAST * counts.total()]


def _largest(found: Mapping[str, Counter[str]], n: int) -> list[tuple[str, Counter[str]]]:
    return sorted(found.items(), key=lambda item: -item[1].total())[:n]


def record(n: int, py_spy: str, stacks: Path) -> None:
    """Release n invented conversations under py-spy.

    Raises:
        SystemExit: py-spy is not there, or the release failed.
    """
    if shutil.which(py_spy) is None:
        raise SystemExit(
            f"{py_spy} is not there; `make bench-peers` installs it, `--py-spy` names another one"
        )
    with tempfile.TemporaryDirectory() as name:
        export = Path(name, "export.jsonl")
        write_export(generate(n, 5, "published"), export)
        flags = ("--review", "mask", "--model", "local", "--yes", "--json")
        release = (
            sys.executable,
            "-m",
            "flows.cli.app",
            "release",
            str(export),
            "--store",
            f"{name}/store",
            *flags,
        )
        command = (py_spy, "record", "-s", "-r", str(RATE), "-f", "raw", "-o", str(stacks), "--", *release)
        environment = {"THOUGHTTRACE_ID_KEY": ID_KEY, **os.environ}
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(
            f"py-spy or the release ended with {done.returncode}: {done.stderr.splitlines()[-1:]}"
        )


def main() -> None:
    """Print the table, and draw the plot where one is wanted."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stage_profile", description=__doc__)
    parser.add_argument("n", type=int, nargs="?", default=500, help="Conversations.")
    parser.add_argument("--stacks", type=Path, help="Read this instead: py-spy's raw format.")
    parser.add_argument("--py-spy", default=".venv-bench/bin/py-spy", help="The program.")
    parser.add_argument("--plot", type=Path, help="SVG file to draw.")
    parser.add_argument("--stages", type=int, default=3, help="How many stages, the largest first.")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        stacks = arguments.stacks or Path(folder, "stacks")
        if arguments.stacks is None:
            record(arguments.n, arguments.py_spy, stacks)
        found = count_samples(stacks.read_text().splitlines())
    if not found:
        parser.error(f"{stacks}: no sample of any stage; record with `-f raw` and `-s`")
    if arguments.plot is not None:
        arguments.plot.parent.mkdir(parents=True, exist_ok=True)
        arguments.plot.write_text(render_plot(found, arguments.stages))
    print(render_table(found, arguments.stages), end="")


if __name__ == "__main__":
    main()
