from __future__ import annotations

import pytest

from schemas.errors import ConfigError
from tasks.gate.policy import load_policy, parse_policy

CHECK = "checks: [{name: a, metric: n.x, max: 1, severity: critical, why: too many}]"


def test_the_policy_that_ships_is_valid_and_blocks_at_five_points() -> None:
    policy = load_policy()
    blocking = {s.name for s in policy.drift.sets if s.points_severity == "critical" and s.max_points == 5}
    assert {"reason", "reaction", "domain", "subtopic", "relationship"} <= blocking
    assert policy.drift.psi_factor == 3
    assert policy.drift.psi_quantile == 0.99


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("checks: [", "not YAML"),
        ("- a list", "no mapping"),
        ("", "no mapping"),
        ("chekcs: []", "chekcs"),
        (CHECK.replace("critical", "deadly"), "checks.0.severity"),
        (CHECK.replace("max: 1, ", ""), "neither min nor max"),
        (CHECK.replace("max: 1", "min: 2, max: 1"), "min above max"),
        (CHECK[:-1] + ", {name: a, metric: n.y, max: 1, severity: info, why: b}]", "two checks are named a"),
        (CHECK.replace("max: 1", "max: [1]"), "checks.0.max"),
    ],
)
def test_a_bad_policy_is_refused_by_name(text, part) -> None:
    with pytest.raises(ConfigError, match="gate policy") as caught:
        parse_policy(text, "'p.yaml'")
    assert part in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_missing_policy_file_is_named(tmp_path) -> None:
    with pytest.raises(ConfigError, match=r"gate\.policy_file.*gone\.yaml"):
        load_policy(str(tmp_path / "gone.yaml"))


def test_a_policy_file_replaces_the_one_that_ships(tmp_path) -> None:
    (tmp_path / "p.yaml").write_text(CHECK)
    policy = load_policy(str(tmp_path / "p.yaml"))
    assert [c.name for c in policy.checks] == ["a"]
    assert policy.drift.sets == ()
