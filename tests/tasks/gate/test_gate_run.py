from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.gate.judge import judge
from tasks.gate.plan import PlannedCheck
from tasks.gate.policy import load_policy, parse_policy
from tasks.gate.run import run_gate

REPO = Path(__file__).parents[3]
POLICY = load_policy()
LABELS = {"goal": 0.40, "more": 0.35, "taste": 0.25}


def numbers(labels=LABELS, n=4_000, conversations=1_000, **more) -> dict[str, float]:
    return {
        "n.conversations": conversations,
        "n.participants": 500.0,
        "n.messages": 8.0 * conversations,
        "n.thoughts": float(n),
        "labelled.reason": float(n),
        "deff.reason": 1.2,
        "taxonomy.reason": 77.0,
        "n_hidden.reason": 0.0,
        **{f"share.reason.{k}": v for k, v in labels.items()},
        **more,
    }


def moved(points: float) -> dict[str, float]:
    return {"goal": 0.40 + points / 100, "more": 0.35 - points / 100, "taste": 0.25}


def named(result, name):
    (check,) = [c for c in result.checks if c.name == name]
    return check


def test_first_release_is_held_to_absolute_bands_only() -> None:
    result = run_gate(numbers(), None, POLICY)
    assert result.passed
    assert result.document["is_first_release"]
    assert "nothing to compare" in result.document["note"]
    assert {c.unit for c in result.checks} == {"value"}
    assert all(c.previous is None for c in result.checks)


def test_an_empty_release_is_stopped() -> None:
    result = run_gate(numbers(conversations=0), None, POLICY)
    assert [c.name for c in result.failed_critical] == ["has_conversations"]
    assert {c.name for c in run_gate({}, None, POLICY).failed_critical} == {
        "has_conversations",
        "has_participants",
    }


def test_the_same_numbers_again_pass() -> None:
    result = run_gate(numbers(), numbers(), POLICY)
    assert result.passed
    assert result.warnings == ()
    assert not result.document["is_first_release"]


@pytest.mark.parametrize(
    ("points", "passes"), [(4.9, True), (5.0, True), (5.1, False), (-5.1, False), (12, False)]
)
def test_a_share_may_move_five_points(points, passes) -> None:
    result = run_gate(numbers(moved(points)), numbers(), POLICY)
    assert result.passed is passes
    check = named(result, "points:reason.goal")
    assert check.severity == "critical"
    assert check.value == pytest.approx(points)
    assert check.current == pytest.approx(0.40 + points / 100)
    assert check.previous == 0.40
    if not passes:
        assert f"{points:+.2f} points" in check.why


def test_a_move_that_new_rows_explain_does_not_block() -> None:
    small = run_gate(numbers(moved(6), n=120), numbers(n=60), POLICY)
    assert small.passed
    assert "widened from 5 points" in named(small, "points:reason.goal").why
    assert not run_gate(numbers(moved(6), n=60), numbers(n=60), POLICY).passed
    assert run_gate(numbers(moved(6), n=60), numbers(n=60), POLICY, overlap=0.0).passed
    assert not run_gate(numbers(moved(30), n=120), numbers(n=60), POLICY).passed


def test_the_index_warns_where_no_single_share_blocks() -> None:
    labels = {f"l{i}": 1 / 20 for i in range(20)}
    shifted = {k: v + (0.015 if i % 2 else -0.015) for i, (k, v) in enumerate(labels.items())}
    result = run_gate(numbers(shifted), numbers(labels), POLICY)
    assert result.passed
    assert [c.name for c in result.warnings] == ["psi:reason"]


def test_new_vanished_and_hidden_labels() -> None:
    new = {"goal": 0.40, "more": 0.28, "taste": 0.25, "brand_new": 0.07}
    result = run_gate(numbers(new), numbers(), POLICY)
    assert {c.name for c in result.failed_critical} == {
        "points:reason.brand_new",
        "points:reason.more",
    }
    assert "last release does not have this label" in named(result, "points:reason.brand_new").why
    back = run_gate(numbers(), numbers(new), POLICY)
    assert "This release does not have this label" in named(back, "points:reason.brand_new").why
    hidden = {**numbers(), "n_hidden.reason": 1.0}
    assert named(run_gate(numbers(new), hidden, POLICY), "points:reason.brand_new").status == "skipped"


def test_a_changed_taxonomy_shows_moves_without_blocking() -> None:
    result = run_gate(numbers(moved(20), **{"taxonomy.reason": 78.0}), numbers(), POLICY)
    assert result.passed
    assert "points:reason.goal" in {c.name for c in result.warnings}
    assert "set of labels changed" in named(result, "points:reason.goal").why


def test_removals_block_unless_allowed() -> None:
    fewer = numbers(conversations=800)
    assert [c.name for c in run_gate(fewer, numbers(), POLICY).failed_critical] == ["conversations_kept"]
    allowed = run_gate(fewer, numbers(), POLICY, allow_removals=True)
    assert allowed.passed
    assert "conversations_kept" in {c.name for c in allowed.warnings}


@pytest.mark.parametrize(
    "previous",
    [
        {},
        {"schema": "0.9", "n.conversations": None, "labels": {"goal": 1}, "n.messages": "many"},
        {"n.conversations": 0, "labelled.reason": 0, "share.reason.goal": float("nan")},
        {"labelled.reason": 10.0},
        {"share.reason.goal": 0.4},
        {"labelled.reason": 10.0, "share.reason.goal": 0.0, "share.reason.old_name": 0.0},
    ],
)
def test_an_older_or_odd_baseline_never_crashes(previous) -> None:
    result = run_gate(numbers(), previous, POLICY)
    assert not result.is_first
    json.dumps(result.document, allow_nan=False)


def test_one_label_and_no_labels() -> None:
    one = numbers({"goal": 1.0})
    assert named(run_gate(one, one, POLICY), "psi:reason").status == "skipped"
    none = numbers({}, n=0)
    assert run_gate(none, none, POLICY).passed
    assert run_gate(none, numbers(), POLICY).passed


def test_privacy_numbers_block_under_strict_and_warn_when_unmeasured() -> None:
    strict = {"policy.is_strict": 1.0}
    unmeasured = run_gate(numbers(**strict), None, POLICY)
    assert unmeasured.passed
    assert "k_anonymity" in {c.name for c in unmeasured.warnings}
    assert "Not measured" in named(unmeasured, "k_anonymity").why
    leaky = {
        "privacy.k_margin": -2.0,
        "privacy.canary.structured_recall": 0.98,
        "privacy.canary.structured_n": 100.0,
    }
    failed = {c.name for c in run_gate(numbers(**strict, **leaky), None, POLICY).failed_critical}
    assert failed == {"k_anonymity", "structured_canaries"}
    assert run_gate(numbers(**leaky), None, POLICY).passed


def test_document_says_everything_about_each_check() -> None:
    document = run_gate(numbers(moved(7)), numbers(), POLICY).document
    assert document["passed"] is False
    assert document["n_failed_critical"] == 2
    assert document["engine"].startswith("great_expectations ")
    keys = {"name", "severity", "value", "low", "high", "previous", "passed", "why", "status", "metric"}
    assert all(keys <= set(check) for check in document["checks"])
    names = [check["name"] for check in document["checks"]]
    assert len(names) == len(set(names))
    assert document == run_gate(numbers(moved(7)), numbers(), POLICY).document


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6) | st.none(), st.floats(-1e6, 1e6) | st.none()),
        min_size=1,
        max_size=8,
    )
)
def test_the_judge_agrees_with_plain_comparison(rows) -> None:
    bands = [
        (v, *(sorted([a, b]) if a is not None and b is not None else (a, b)))
        for v, a, b in rows
        if (a, b) != (None, None)
    ]
    checks = [
        PlannedCheck(f"c{i}", "m", "warning", "value", v, low, high, v, None, "why")
        for i, (v, low, high) in enumerate(bands)
    ]
    expected = {
        f"c{i}": (low is None or v >= low) and (high is None or v <= high)
        for i, (v, low, high) in enumerate(bands)
    }
    assert judge(checks).passed == expected


def test_labels_never_become_names_in_the_judged_frame() -> None:
    nasty = {"<img src=x onerror=alert(1)>": 0.5, "a'; DROP TABLE x; --": 0.3, "": 0.2}
    result = run_gate(numbers(nasty), numbers(nasty), POLICY)
    assert result.passed
    assert sum(c.name.startswith("points:") for c in result.checks) == 3


def test_the_library_is_imported_only_when_the_gate_runs() -> None:
    script = (
        "import sys, tasks.gate.run, tasks.gate.policy; "
        "print([m for m in ('great_expectations', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=REPO, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_pattern_makes_one_check_a_metric() -> None:
    policy = parse_policy(
        "checks: [{name: nulls, metric: 'null_share.*', max: 0.1, severity: warning, why: empty}]", "here"
    )
    result = run_gate({"null_share.a.x": 0.05, "null_share.a.y": 0.2}, None, policy)
    assert [(c.name, c.passed) for c in result.checks] == [
        ("nulls:null_share.a.x", True),
        ("nulls:null_share.a.y", False),
    ]


@pytest.mark.parametrize(
    ("n", "low", "failed"),
    [(12, 0.55, []), (30, 0.55, ["name_canaries"]), (30, 0.70, []), (400, 0.70, ["name_canaries_wanted"])],
)
def test_a_bound_is_judged_only_where_it_could_be_met(n, low, failed) -> None:
    privacy = {"privacy.canary.names_recall_low": low, "privacy.canary.names_n": float(n)}
    result = run_gate(numbers(**{"policy.is_strict": 1.0, "privacy.k_margin": 0.0}, **privacy), None, POLICY)
    names = [c.name for c in result.checks if not c.passed and c.name.startswith("name_canaries")]
    assert names == failed
    if n == 12:
        assert "too few to judge by" in named(result, "name_canaries").why


def test_nothing_planted_is_nothing_leaked() -> None:
    privacy = {"privacy.canary.structured_recall": 0.0, "privacy.canary.structured_n": 0.0}
    assert run_gate(numbers(**{"policy.is_strict": 1.0}, **privacy), None, POLICY).passed
