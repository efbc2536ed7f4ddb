"""The frame of the benchmarks: orders, medians, and what a page shows."""

from __future__ import annotations

import json
import re

import pytest

from benchmarks import frame
from benchmarks.frame import Measurement, Side, alternate, skip, time_work
from benchmarks.publish_results import (
    BEGIN,
    END,
    StageResult,
    describe_machine,
    read_results,
    render_plot,
    show_results,
    write_results,
)
from benchmarks.release_run import list_stages


def test_each_round_has_the_other_order(monkeypatch) -> None:
    order: list[str] = []

    def run(side: Side) -> dict[str, float]:
        order.append(side.name)
        return {"wall_s": float(len(order))}

    monkeypatch.setattr(frame, "run_side", run)
    runs = alternate([Side("a", "x:y"), Side("b", "x:y")], 3)
    assert order == ["a", "b", "b", "a", "a", "b"]
    assert [r["wall_s"] for r in runs["a"]] == [1, 4, 5]
    assert Measurement("s", "n", "wall_s", runs).ratio("a", "b") == 4 / 3


def test_the_work_is_timed_and_says_more() -> None:
    found = time_work(lambda: {"n": 3, "wall_s": 9})
    assert found["n"] == 3
    assert found["wall_s"] == 9
    assert found["peak_mb"] > 1


def test_results_are_written_and_put_on_a_page(tmp_path) -> None:
    runs = {"ours": [{"wall_s": 1.0, "n": 2}, {"wall_s": 3.0, "n": 2}], "<peer>": [{"wall_s": 8.0}]}
    measured = Measurement("scrub", "9 texts", "wall_s", runs, "≥ 2×", True, "4×")
    machine = describe_machine()
    results = {
        "scrub": StageResult(machine, [measured]),
        "tag": StageResult(machine, [skip("tag", "no provider", "≥ 1")]),
    }
    write_results(results, tmp_path)
    assert read_results(tmp_path) == results
    document = json.loads((tmp_path / "results.json").read_text())
    assert document["scrub"]["measurements"][0]["median"]["ours"] == {"wall_s": 2.0, "n": 2}
    assert document["tag"]["measurements"][0]["runs"] == {}
    table = (tmp_path / "results.md").read_text()
    assert "| scrub | 9 texts | ours | 2.00 |" in table
    assert "not measured: no provider" in table
    plot = (tmp_path / "results.svg").read_text()
    assert "&lt;peer&gt;" in plot
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    show_results(tmp_path, page)
    shown = page.read_text()
    assert shown.startswith(f"before\n{BEGIN}\n![")
    assert shown.endswith(f"(images/benchmarks.svg)\n\n{table}{END}\nafter\n")
    assert (tmp_path / "images" / "benchmarks.svg").read_text() == plot
    with pytest.raises(ValueError, match="no place"):
        show_results(tmp_path, tmp_path / "results.md")


def measure(size: str, *sides: str, stage: str = "scale", value: float = 7) -> Measurement:
    return Measurement(stage, size, "wall_s", {side: [{"wall_s": value}] for side in sides})


def list_bars(plot: str) -> list[tuple[str, float, str, str]]:
    """Label, width, colour and figure of each bar."""
    bar = r'>([^<]*)</text><rect [^>]*width="([0-9.]+)" height="13" fill="([^"]*)"/><text [^>]*>([^<]*)<'
    return [(label, float(width), fill, figure) for label, width, fill, figure in re.findall(bar, plot)]


def test_sizes_of_one_side_share_a_scale_and_the_compared_one_is_among_them() -> None:
    sizes = [measure(f"{n} rows", "ours", value=n) for n in (5, 10, 1_000)]
    compared = measure("7 rows", "ours", "peer")
    plot = render_plot([compared, *sizes, measure("7 rows", "ours", "peer", stage="other", value=9)])
    assert plot.count("scale · ") == 2
    bars = {label: width for label, width, _, _ in list_bars(plot) if label.endswith("rows")}
    assert list(bars) == ["5 rows", "7 rows", "10 rows", "1000 rows"]
    assert bars["10 rows"] == 2 * bars["5 rows"]


def test_a_bar_with_nothing_beside_it_is_not_drawn() -> None:
    assert "alone" not in render_plot([measure("5 rows", "ours", stage="alone"), skip("alone", "no model")])


@pytest.mark.parametrize(
    ("sides", "ours"),
    [
        (("peer", "ours"), [False, True]),
        (("default", "presidio"), [True, False]),
        (("runner", "litellm", "litellm as we set it"), [True, False, False]),
        (("first", "again"), [True, True]),
        (("1 % new", "full"), [True, True]),
        (("1% affected", "100% affected"), [True, True]),
    ],
)
def test_colours_tell_ours_from_peers_as_the_legend_says(sides, ours) -> None:
    plot = render_plot([measure("5 rows", *sides)])
    legend = dict(re.findall(r'height="13" fill="([^"]*)"/><text [^>]*>(ours|a peer)<', plot))
    assert len(legend) == 2
    found = {label: legend[fill] for label, _, fill, _ in list_bars(plot) if label in sides}
    assert found == {s: "ours" if is_ours else "a peer" for s, is_ours in zip(sides, ours, strict=True)}


@pytest.mark.parametrize(
    ("value", "figure"), [(20, "20"), (20.0, "20"), (2000, "2,000"), (3.541, "3.54"), (154.4, "154")]
)
def test_a_whole_figure_has_no_decimals(value, figure) -> None:
    bars = list_bars(render_plot([measure("5 rows", "ours", "peer", value=value)]))
    assert {bar[3] for bar in bars if bar[0] == "peer"} == {figure}


def test_stages_are_read_from_the_progress_events() -> None:
    events = [("reading exports", 0.0), ("scrubbing", 1.5), ("scrubbing", 4.0), ("judging", 4.25)]
    lines = [
        json.dumps({"event": "step", "step": step, "at": f"2026-01-01T00:00:{at:06.3f}+00:00"})
        for step, at in events
    ]
    assert list_stages(["noise", *lines]) == {"reading exports": 1.5, "scrubbing": 2.75}
