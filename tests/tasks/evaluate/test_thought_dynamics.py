"""Association of labels with stage: what must come out where the answer is known."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from tasks.evaluate.thought_dynamics import chi_squared, cramers_v
from tests.tasks.evaluate.suite_tables import make_release


def test_chi_squared_and_v_of_a_known_table() -> None:
    table = np.array([[20.0, 10.0], [10.0, 20.0]])
    statistic, free = chi_squared(table)
    assert (statistic, free) == (pytest.approx(60 * (10 / 30) ** 2), 1)
    assert cramers_v(table)[0] == pytest.approx(1 / 3)
    assert cramers_v(np.diag([15.0, 15.0, 15.0]))[0] == pytest.approx(1.0)
    assert cramers_v(np.full((3, 3), 10.0)) == (0.0, 0.0)
    assert np.isnan(cramers_v(np.array([[5.0], [6.0]]))[0])


def test_labels_that_follow_the_stage_are_found(evaluate) -> None:
    found = evaluate("thought-dynamics", make_release(8))
    tests = {(t["group"], t["aspect"]): t for t in found.results.checks["association"]}
    # one label a stage in every conversation: no permutation is as extreme
    assert tests["reason", "stage"]["p_permutation"] < 0.01
    rows = {(r.metric, r.group): r for r in found.results.rows}
    v = rows["cramers_v", "reason by stage"]
    assert (v.value, v.n, v.n_of, v.n_participants) == (1.0, 24, 24, 8)
    shares = [s for s in found.results.tables["shares"] if s["kind"] == "reason" and s["aspect"] == "stage"]
    assert {(s["group"], s["label"]) for s in shares if s["share"] == 1.0} >= {("early", "task_motivation")}
    early = next(s for s in shares if (s["group"], s["label"]) == ("early", "task_motivation"))
    assert early["published"] == 0.57
    for group in ("early", "mid_early", "late"):
        assert sum(s["share"] for s in shares if s["group"] == group) == pytest.approx(1)


def test_labels_without_order_are_not(evaluate) -> None:
    tables = make_release(12)
    rng = np.random.default_rng(5)
    labels = tables["labels"]
    is_reason = labels["facet"] == "reason"
    shuffled = rng.permutation(labels.filter(is_reason)["value"].to_list())
    tables["labels"] = pl.concat(
        [labels.filter(is_reason).with_columns(value=pl.Series(shuffled)), labels.filter(~is_reason)]
    )
    found = evaluate("thought-dynamics", tables)
    tests = {(t["group"], t["aspect"]): t for t in found.results.checks["association"]}
    assert tests["reason", "stage"]["p_permutation"] > 0.05
    again = evaluate("thought-dynamics", tables)
    assert again.results == found.results


def test_what_has_no_label_or_relationship_is_counted(evaluate) -> None:
    tables = make_release(3)
    tables["labels"] = tables["labels"].filter(pl.col("facet") != "relationship")[1:]
    found = evaluate("thought-dynamics", tables)
    assert [f.error for f in found.selection.left_out] == ["no_label"]
    assert {f.error for f in found.findings.failures} == {"no_relationship"}
    assert any("no relationship known" in note for note in found.findings.notes)
