from __future__ import annotations

from tasks.stats.trend import SCHEMA, trend


def test_points_and_ratios_are_told_apart() -> None:
    frame = trend(
        [
            ("v1.0.0", {"share.reason.goal": 0.20, "n.messages": 100.0, "note": "text"}),
            ("v1.1.0", {"n.messages": 0.0}),
            ("v1.2.0", {"share.reason.goal": 0.25, "n.messages": 150.0}),
        ]
    )
    goal = frame.filter(metric="share.reason.goal").rows(named=True)
    assert [row["version"] for row in goal] == ["v1.0.0", "v1.2.0"]
    assert (goal[1]["points"], goal[1]["ratio"], goal[1]["previous"]) == (5.0, 1.25, 0.20)
    messages = frame.filter(metric="n.messages").rows(named=True)
    assert [row["change"] for row in messages] == [None, -100.0, 150.0]
    assert messages[2]["ratio"] is None
    assert {row["points"] for row in messages} == {None}


def test_no_releases_give_an_empty_table() -> None:
    assert trend([]).schema == dict(SCHEMA)
    assert trend([("v1.0.0", {"a": 1.0, "b": 2.0})], prefix="b")["metric"].to_list() == ["b"]
