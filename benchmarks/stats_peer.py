"""Statistics beside pandas groupbys on the same files: `python -m benchmarks.stats_peer 2155 [resamples] [rounds]`.

Writes the tables of `benchmarks.stats_scale`, runs both sides in processes of their own in both orders, compares
every count, and prints the medians and their ratio as JSON. With resamples both give intervals (ours of every
share, the peer's of the same shares); with 0 both only count.
"""

from __future__ import annotations

import json
import math
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.frame import Measurement, Side, Work, alternate
from schemas.config import StatsSettings
from schemas.stats import StatsDocument
from schemas.taxonomies import load_taxonomies

REACH = "≥ 5× pandas groupbys"
MIN_RATIO = 5
STEPS = {"early>mid_early": 0, "mid_early>mid_late": 1, "mid_late>late": 2}


def run_ours(folder: Path, resamples: int) -> tuple[dict[str, float], dict[str, Any]]:
    """Time `compute_stats`."""
    import polars as pl

    from tasks.stats.compute import compute_stats

    taxonomies = load_taxonomies()
    tables = {path.stem: pl.scan_parquet(path) for path in sorted(folder.glob("*.parquet"))}
    # the setting asks for at least 100 resamples; a benchmark may ask for none
    settings = StatsSettings.model_construct(**{**StatsSettings().model_dump(), "resamples": resamples})
    cpu, wall = time.process_time(), time.perf_counter()
    stats = compute_stats(
        tables, taxonomies=taxonomies, settings=settings, min_cell=10, policy="as-published"
    )
    return _taken(cpu, wall), flatten_document(stats.model)


def run_pandas(folder: Path, resamples: int) -> tuple[dict[str, float], dict[str, Any]]:
    """Time the peer."""
    from benchmarks.peers.pandas_stats import Counter

    parents = {n.id: n.parent for n in load_taxonomies()["topic"].nodes if n.parent}
    cpu, wall = time.process_time(), time.perf_counter()
    figures = Counter(folder, parents, resamples).run()
    return _taken(cpu, wall), {name: _plain(figure) for name, figure in figures.items()}


def flatten_document(model: StatsDocument) -> dict[str, Any]:
    """The counts of `stats.json` under the names of the peer."""
    topics, relations = model.topics, model.relationships
    keys = ("conversations", "messages", "user_messages", "reasons", "reactions", "models", "participants")
    out: dict[str, Any] = {"counts": {k: getattr(model.counts, k) for k in keys}}
    out["models"] = {
        m.model_name: m.model_dump(exclude={"model_name", "model_provider", "is_suppressed", "is_held"})
        for m in model.models
    }
    out["lengths"] = {b.n_messages: b.n for b in model.conversation_length.histogram}
    out["length_quantiles"] = _quantiles(model.conversation_length.spread)
    out["languages"] = {r.language: r.n_conversations for r in model.languages}
    out["languages_of_messages"] = {r.language: r.n_messages for r in model.languages}
    with_span = model.redactions.n_messages_with or 0
    out["redacted"] = {True: with_span, False: model.counts.messages - with_span}
    for name, rows in (
        ("domains", topics.domains),
        ("subtopics", topics.subtopics),
        ("reason.labels", model.reasons.labels),
        ("reaction.labels", model.reactions.labels),
        ("relationship.with_first", relations.with_first),
        ("relationship.without_first", relations.without_first),
    ):
        out[name] = {r.value: r.n for r in rows}
    for part in (model.reasons, model.reactions):
        for name in ("by_stage", "by_domain", "by_length"):
            out[f"{part.facet}.{name}"] = {(r.group, r.value): r.n for r in getattr(part, name)}
        out[f"{part.facet}.stage_flow"] = {
            (STEPS[f.step], f.from_value, f.to_value): f.n for f in part.stage_flow
        }
    out["relationship.by_turn"] = {(int(r.group[0]), r.value): r.n for r in relations.by_turn}
    out["transitions"] = {(f.from_value, f.to_value): f.n for f in relations.transitions}
    out["turn_flow"] = {(int(f.step[0]), f.from_value, f.to_value): f.n for f in relations.turn_flow}
    for row in model.thoughts_per_message:
        out[f"{row.kind}.per_message"] = dict(enumerate(row.per_message))
        out[f"{row.kind}.with"] = {True: row.n_with, False: row.n_messages - (row.n_with or 0)}
    for length in model.text_lengths:
        out[f"{length.text}.{length.unit}"] = _quantiles(length.spread)
    for name in ("user_message", "assistant_message", "reason", "reaction"):
        bins = [b for b in model.text_length_bins if b.text == name]
        out[f"{name}.bins"] = {b.high.bit_length() - 1: b.n for b in bins}
    for cell in model.demographics.cells:
        found = out.setdefault(f"demographics.{cell.attribute}", {})
        if not cell.is_missing:
            found[cell.value] = cell.n
    out["provenance"] = {(r.facet, r.source, r.via, r.labeller): r.n for r in model.labelling.provenance}
    out |= {f"null.{r.table}.{r.column}": r.n_null for r in model.completeness}
    return {name: _plain(figure) for name, figure in out.items()}


def find_differences(ours: Mapping[str, Any], peers: Mapping[str, Any]) -> list[str]:
    """Names of the figures that differ; zero counts and labels that do not occur are the same."""
    return [
        name
        for name in sorted({*ours, *peers} - {"median_interval"})
        if not _same(ours.get(name), peers.get(name))
    ]


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return all(_same(a.get(k, 0), b.get(k, 0)) for k in {*a, *b})
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(_same(x, y) for x, y in zip(a, b, strict=True))
    return a is not None and b is not None and math.isclose(a, b, rel_tol=1e-5, abs_tol=1e-6)


def _plain(figure: Any) -> Any:
    if isinstance(figure, Mapping):
        return {str(k): _plain(v) for k, v in figure.items()}
    return (
        [_plain(v) for v in figure]
        if isinstance(figure, list)
        else figure
        if figure is None
        else float(figure)
    )


def _quantiles(spread: Any) -> list[float | None]:
    return [getattr(spread, name) for name in ("p5", "q1", "median", "q3", "p90", "p95", "min", "max")]


def _taken(cpu: float, wall: float) -> dict[str, float]:
    return {
        "cpu_s": round(time.process_time() - cpu, 2),
        "wall_s": round(time.perf_counter() - wall, 2),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def compare(n: int, resamples: int, rounds: int) -> dict[str, Any]:
    """Run both sides `rounds` times, each first in turn."""
    times: dict[str, list[dict[str, float]]] = {"ours": [], "pandas": []}
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        subprocess.run([sys.executable, "-m", "benchmarks.stats_scale", str(n), "write", name], check=True)
        for i in range(rounds):
            for side in ("ours", "pandas") if i % 2 == 0 else ("pandas", "ours"):
                command = [sys.executable, "-m", "benchmarks.stats_peer", side, str(resamples), name]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                taken, figures[side] = json.loads(done.stdout)
                times[side].append(taken)
    medians = {
        side: {key: median(run[key] for run in runs) for key in runs[0]} for side, runs in times.items()
    }
    return {
        "conversations": n,
        "resamples": resamples,
        "rounds": rounds,
        **medians,
        "figures_compared": len(figures["ours"]),
        "figures_that_differ": find_differences(figures["ours"], figures["pandas"]),
        "ratio_wall": round(medians["pandas"]["wall_s"] / medians["ours"]["wall_s"], 2),
        "ratio_cpu": round(medians["pandas"]["cpu_s"] / medians["ours"]["cpu_s"], 2),
    }


def prepare(side: str, folder: str, resamples: str) -> Work:
    """A side of the frame; the times are those that the side takes itself, without imports."""
    run = run_ours if side == "ours" else run_pandas

    def work() -> dict[str, Any]:
        taken, figures = run(Path(folder), int(resamples))
        return {**taken, "figures": figures}

    return work


def measure_statistics(n: int, resamples: int, rounds: int, folder: Path) -> Measurement:
    """Both sides over the same tables; every count is compared."""
    subprocess.run([sys.executable, "-m", "benchmarks.stats_scale", str(n), "write", str(folder)], check=True)
    target = "benchmarks.stats_peer:prepare"
    sides = [Side(name, target, (name, str(folder), str(resamples))) for name in ("ours", "pandas")]
    runs = alternate(sides, rounds)
    # the figures are compared, not kept
    figures = {side: [run.pop("figures") for run in runs[side]] for side in runs}
    ours = figures["ours"][0]
    differ = find_differences(ours, figures["pandas"][0])
    found = Measurement("stats", f"{n:,} conversations, {resamples:,} resamples", "wall_s", runs, REACH)
    ratio = found.ratio("pandas", "ours")
    note = f"{ratio:.1f}× as fast as pandas; {len(ours)} figures compared, {len(differ)} differ"
    return replace(found, holds=ratio >= MIN_RATIO and not differ, note=note)


def main() -> None:
    """Compare, or run one side in this process."""
    arguments = sys.argv[1:]
    if arguments and arguments[0] in {"ours", "pandas"}:
        run = run_ours if arguments[0] == "ours" else run_pandas
        print(json.dumps(run(Path(arguments[2]), int(arguments[1]))))
        return
    n, resamples, rounds = (int(v) for v in [*arguments, *("2155", "2000", "5")[len(arguments) :]])
    print(json.dumps(compare(n, resamples, rounds), indent=1))


if __name__ == "__main__":
    main()
