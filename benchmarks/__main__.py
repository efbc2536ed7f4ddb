"""All benchmarks in one run: `python -m benchmarks [STAGE...]`, or `make bench`.

Every stage runs against its peer on the same bytes, in processes of their own and in both orders. Results go to
`build/bench/`: `results.json`, `results.md` and `results.svg`; with `--page docs/performance.md` table and plot
also go there. A stage that cannot be measured here is listed with the reason. `--keep` leaves what the
folder already holds of other stages, so that the table can be made in several sittings; each row says when.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.frame import MIN_ROUNDS, Measurement, skip
from benchmarks.publish_results import (
    StageResult,
    describe_machine,
    read_results,
    show_results,
    write_results,
)


@dataclass(frozen=True, slots=True)
class Options:
    """How much is measured.

    Attributes:
        rounds: runs of each side.
        scale: share of the full size, above 0 to 1.
        presidio: interpreter of an environment with the `bench` extra; empty where there is none.
    """

    rounds: int
    scale: float
    presidio: str

    def of(self, full: int, least: int = 1) -> int:
        """A size at this scale."""
        return max(least, round(full * self.scale))


Stage = Callable[[Options, Path], Iterable[Measurement]]


def measure_ingest(options: Options, folder: Path) -> Iterable[Measurement]:
    """Against unchecked reading, HF datasets and pandas; then ours alone at three more sizes."""
    from benchmarks.ingest_scale import judge_reading, measure_reading

    full = measure_reading(options.of(126_000, 100), options.rounds, folder)
    larger: list[Measurement] = []
    try:
        for part in (0.5, 2, 4):
            larger.append(measure_reading(options.of(round(126_000 * part), 100), 1, folder, ("ours",)))
    finally:
        # what was measured is shown even where a larger size could not be
        yield judge_reading(full, larger)
        yield from larger


def measure_scrub(options: Options, folder: Path) -> Iterable[Measurement]:
    """Against Presidio, by `benchmarks.scrub`, which scores what both find as well."""
    reach = "≥ 10× Presidio at higher F2"
    if not options.presidio:
        yield skip("scrub", "give --presidio, an interpreter with the `bench` extra", reach)
        return
    result, export = folder / "scrub.json", folder / "scrub.jsonl"
    from tasks.synth.export import generate, write_export

    write_export(generate(options.of(300, 20), 5, "published", short=True), export)
    flags = ["--quick", "--presidio", options.presidio, "--clean", str(export), "--json", str(result)]
    runs: dict[str, list[dict[str, float]]] = {"default": [], "presidio": []}
    report: dict[str, Any] = {}
    for number in range(options.rounds):
        command = [sys.executable, "-m", "benchmarks.scrub", *flags, *(["--reverse"] if number % 2 else [])]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        report = json.loads(result.read_text())
        for engine, found in runs.items():
            speed, start = report[engine]["clean"], report[engine]["start_cpu_s"]
            # like the speed, without what a process takes to start
            seconds = round(speed["cpu_s"] - start, 2)
            found.append({"kb_per_cpu_s": speed["kb_per_cpu_s"], "cpu_s": seconds, "start_cpu_s": start})
    ratio = Measurement("", "", "kb_per_cpu_s", runs).ratio("default", "presidio")
    # the scores are the same in every round: both engines are deterministic
    scores = {
        name: (report["default"]["sets"][name]["all"]["f2"], report["presidio"]["sets"][name]["all"]["f2"])
        for name in report["default"]["sets"]
    }
    note = (
        f"{ratio:.1f}× the characters a CPU second after the start; F2 of ours and of Presidio: "
        + ", ".join(f"{name} {ours:.3f} and {peer:.3f}" for name, (ours, peer) in scores.items())
    )
    holds = ratio >= 10 and all(ours > peer for ours, peer in scores.values())
    size = f"{options.of(300, 20):,} conversations"
    yield Measurement("scrub", size, "kb_per_cpu_s", runs, reach, holds, note)


def measure_tag(options: Options, folder: Path) -> Iterable[Measurement]:
    """Against bare litellm and aiohttp."""
    from benchmarks.tag_throughput import measure_throughput

    yield measure_throughput(options.of(10_000, 500), options.rounds)


def measure_tag_again(options: Options, folder: Path) -> Iterable[Measurement]:
    """Against the first time."""
    from benchmarks.tag_local import measure_again

    yield measure_again(max(0.02, options.scale), folder)


def measure_stats(options: Options, folder: Path) -> Iterable[Measurement]:
    """Against pandas groupbys."""
    from benchmarks.stats_peer import measure_statistics

    yield measure_statistics(options.of(2_155, 100), 2_000, options.rounds, folder)


def measure_publish(options: Options, folder: Path) -> Iterable[Measurement]:
    """Against bare s3fs, on an object store on loopback; `benchmarks.publish` alternates the order itself."""
    command = [sys.executable, "-m", "benchmarks.publish", "throughput"]
    command += [str(max(0.02, options.scale)), str(options.rounds)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found = json.loads(done.stdout.splitlines()[-1])
    runs = {
        side: [{"wall_s": seconds} for seconds in found[f"{key}_s"]]
        for side, key in (("ours", "ours"), ("s3fs", "bare"))
    }
    note = f"{found['ratio']} of the throughput of bare s3fs"
    size = f"{found['gb']} GB, {found['files']} files"
    yield Measurement("publish", size, "wall_s", runs, "≥ 0.85 of s3fs", found["ratio"] >= 0.85, note)


def measure_release(options: Options, folder: Path) -> Iterable[Measurement]:
    """Against the obvious script, at 0 and at 200 ms."""
    from benchmarks.whole_release import measure_whole

    for latency in (0, 200):
        yield measure_whole(options.of(2_155, 20), options.rounds, latency, options.presidio)


def measure_release_again(options: Options, folder: Path) -> Iterable[Measurement]:
    """Against the full release, both with the embedded model, so that tagging is part of both.

    The full release's own time against its goal is a row of its own: it is the same runs.
    """
    from benchmarks.release_again import judge_full, measure_again

    found = measure_again(options.of(2_155, 100), options.rounds, "local")
    yield judge_full(found, is_published_size=options.scale == 1)
    yield found


def measure_retag(options: Options, folder: Path) -> Iterable[Measurement]:
    """Calls against affected items."""
    from benchmarks.retag_split import measure_split

    yield measure_split(options.of(2_000, 100))


def measure_scale(options: Options, folder: Path) -> Iterable[Measurement]:
    """Whole releases at four sizes."""
    from benchmarks.release_scale import measure_scale as measure

    return measure([options.of(126_000 // part, 50) for part in (8, 4, 2, 1)])


STAGES: dict[str, Stage] = {
    "ingest": measure_ingest,
    "scrub": measure_scrub,
    "tag": measure_tag,
    "tag-again": measure_tag_again,
    "stats": measure_stats,
    "publish": measure_publish,
    "release": measure_release,
    "release-again": measure_release_again,
    "retag": measure_retag,
    "scale": measure_scale,
}


def name_reason(error: BaseException) -> str:
    """Why a stage gave no figure, short enough for a cell; a command line would show folders of this machine."""
    lines = [] if isinstance(error, subprocess.CalledProcessError | OSError) else str(error).splitlines()
    last = lines[-1].replace("|", "/")[:200] if lines else "see the messages of the run"
    return f"{type(error).__name__}: {last}"


def main() -> None:
    """Measure the stages asked for, all by default."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("stages", nargs="*", metavar="STAGE", help=f"Any of {', '.join(STAGES)}.")
    parser.add_argument("--rounds", type=int, default=5, help="Runs of each side, at least 2.")
    parser.add_argument("--scale", type=float, default=1.0, help="Share of the full size, 0.01 to 1.")
    parser.add_argument("--presidio", default="", help="Interpreter of an environment with the bench extra.")
    parser.add_argument("--out", type=Path, default=Path("build/bench"), help="Folder of the results.")
    parser.add_argument("--keep", action="store_true", help="Keep results of other stages in that folder.")
    parser.add_argument("--page", type=Path, help="Markdown page to put table and plot on.")
    arguments = parser.parse_args()
    unknown = set(arguments.stages) - set(STAGES)
    if unknown or arguments.rounds < MIN_ROUNDS or not 0 < arguments.scale <= 1:
        parser.error(
            f"unknown stage {', '.join(sorted(unknown))}" if unknown else "too few rounds, or no size"
        )
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    options = Options(arguments.rounds, arguments.scale, arguments.presidio)
    results = read_results(arguments.out) if arguments.keep else {}
    for name in arguments.stages or STAGES:
        print(name, file=sys.stderr, flush=True)
        machine, found = describe_machine(), list[Measurement]()
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            try:
                found.extend(STAGES[name](options, Path(folder)))
            except (Exception, SystemExit) as error:
                # one stage that cannot run here must not hide the others
                traceback.print_exc()
                found.append(skip(name, name_reason(error)))
        results[name] = StageResult(machine, found)
        write_results({known: results[known] for known in STAGES if known in results}, arguments.out)
    if arguments.page:
        show_results(arguments.out, arguments.page)
    print((arguments.out / "results.md").read_text())


if __name__ == "__main__":
    main()
