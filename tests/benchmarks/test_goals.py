"""A row holds only when the whole goal does, and a stage that fails is a row with its reason."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

import benchmarks.__main__ as bench
from benchmarks.frame import Measurement
from benchmarks.ingest_scale import judge_reading
from benchmarks.release_again import judge_full
from benchmarks.release_scale import _judge as judge_scale
from benchmarks.whole_release import compare_outputs


def read(n: int, ours: float, *, peers: float = 20.0, mb: float = 300) -> Measurement:
    def side(cpu_s: float) -> list[dict[str, float]]:
        return [{"cpu_s": cpu_s, "peak_mb": mb, "n_messages": n}]

    others = {"unchecked": side(5.0), "datasets": side(peers), "pandas": side(peers)}
    return Measurement("ingest", str(n), "cpu_s", {"ours": side(ours), **others})


@pytest.mark.parametrize(
    ("full", "larger", "holds"),
    [
        (read(100, 10), [read(400, 41)], True),
        (read(100, 12), [read(400, 48)], False),
        (read(100, 10, peers=9), [read(400, 40)], False),
        (read(100, 10, mb=1600), [read(400, 40)], False),
        (read(100, 10), [read(400, 48)], False),
        (read(100, 10), [read(400, 40, mb=1600)], False),
        (read(100, 10), [read(50, 5)], None),
    ],
    ids=[
        "all of it",
        "slow",
        "slower than a peer",
        "large",
        "not linear",
        "large at four times",
        "not known",
    ],
)
def test_reading_holds_only_as_a_whole(full, larger, holds) -> None:
    assert judge_reading(full, larger).holds is holds


@pytest.mark.parametrize(
    ("seconds", "minutes", "holds"), [((10, 80), 20, True), ((10, 110), 20, False), ((10, 80), 31, False)]
)
def test_scale_holds_in_time_and_in_proportion(seconds, minutes, holds) -> None:
    sizes = (15_750, 126_000)
    found = [
        Measurement("s", str(n), "wall_s", {"ours": [{"wall_s": minutes * 60, "peak_mb": 900, "stage_s": s}]})
        for n, s in zip(sizes, seconds, strict=True)
    ]
    assert judge_scale(found, sizes).holds is holds


def test_the_full_release_is_judged_by_its_wall_time() -> None:
    runs = {"1 % new": [{"wall_s": 60.0}], "full": [{"wall_s": 479.0}]}
    again = Measurement("release again", "2,155", "stage_s", runs)
    assert judge_full(again, is_published_size=True).holds is True
    assert judge_full(again, is_published_size=False).holds is None


def test_the_scrubber_is_compared_without_its_start(tmp_path, monkeypatch) -> None:
    def answer(command: list[str], **_: object) -> None:
        report = {
            engine: {
                "start_cpu_s": 1.5,
                "sets": {"chat": {"all": {"f2": f2}}},
                "clean": {"kb_per_cpu_s": speed, "cpu_s": 1.5 + 100 / speed},
            }
            for engine, f2, speed in (("default", 0.9, 84.9), ("presidio", 0.5, 8.49))
        }
        Path(command[command.index("--json") + 1]).write_text(json.dumps(report))

    monkeypatch.setattr(subprocess, "run", answer)
    (found,) = bench.measure_scrub(bench.Options(2, 0.01, "python"), tmp_path)
    assert found.ratio("presidio", "default", "cpu_s") == pytest.approx(10, rel=0.01)
    assert found.median("default", "start_cpu_s") == 1.5
    assert found.note.startswith("10.0× the characters a CPU second after the start")
    assert found.holds is True


def write_outputs(folder: Path) -> tuple[Path, Path]:
    store, script = folder / "store", folder / "script"
    release = store / "releases" / "v1.0.0"
    ours = {
        "conversations": {"conversation_id": ["c1", "c2"]},
        "messages": {
            "message_id": ["c1_m0", "c1_m1", "c2_m0"],
            "conversation_id": ["c1", "c1", "c2"],
            "position": [0, 1, 0],
            "role": ["user", "assistant", "user"],
        },
        "thoughts": {
            "thought_id": ["c1_m0_r0"],
            "message_id": ["c1_m0"],
            "conversation_id": ["c1"],
            "kind": ["reason"],
        },
        "labels": {
            "item_id": ["c1", "c1", "c1_m0_r0", "c2"],
            "facet": ["topic", "topic", "reason", "topic"],
        },
    }
    theirs = {
        "conversations": {"conversation_id": ["c1"]},
        "messages": {"conversation_id": ["c1", "c1"], "position": [1, 0], "role": ["assistant", "user"]},
        "thoughts": {"conversation_id": ["c1"], "position": [0], "kind": ["reason"]},
        "labels": {"item_id": ["c1", "thought0"], "facet": ["topic", "reason"]},
    }
    script.mkdir()
    for name, columns in ours.items():
        (release / name).mkdir(parents=True)
        pl.DataFrame(columns).write_parquet(release / name / "0.parquet")
        pl.DataFrame(theirs[name]).write_parquet(script / f"{name}.parquet")
    (release / "manifest.json").write_text("{}")
    return store, script


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("conversations", {"conversation_id": "other"}),
        ("messages", {"role": "user"}),
        ("thoughts", {"kind": "reaction"}),
        ("labels", {"facet": "topic"}),
    ],
)
def test_outputs_are_compared_by_what_names_a_row(tmp_path, table, change) -> None:
    store, script = write_outputs(tmp_path)
    assert compare_outputs(store, script) == []
    path = script / f"{table}.parquet"
    pl.read_parquet(path).with_columns(**{name: pl.lit(v) for name, v in change.items()}).write_parquet(path)
    assert table in compare_outputs(store, script)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (SystemExit("starting\nport | taken"), "SystemExit: port / taken"),
        (ValueError("the ways differ"), "ValueError: the ways differ"),
        (subprocess.CalledProcessError(1, ["/home/me/python"]), "CalledProcessError: see the messages"),
    ],
)
def test_a_stage_that_fails_does_not_end_the_others(tmp_path, monkeypatch, capsys, error, reason) -> None:
    one = Measurement("a", "half", "wall_s", {"ours": [{"wall_s": 1.0}]})

    def fail(*_: object):
        yield one
        raise error

    monkeypatch.setattr(bench, "STAGES", {"a": fail, "b": lambda *_: [one]})
    monkeypatch.setattr(sys, "argv", ["bench", "--out", str(tmp_path)])
    bench.main()
    table = (tmp_path / "results.md").read_text()
    assert f"not measured: {reason}" in table
    assert "/home/me" not in table
    assert table.count("| half | ours |") == 2
    capsys.readouterr()
