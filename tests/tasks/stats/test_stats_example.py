"""An example of `stats.json` from invented conversations, for whoever draws from it.

Run this file as a script to write it anew: `PYTHONPATH=. python tests/tasks/stats/test_stats_example.py`.
"""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from schemas.config import StatsSettings
from tasks.stats.compute import compute_stats

HERE = Path(__file__).parent
EXAMPLE = HERE / "stats_example.json"
SCHEMA = Path(__file__).parents[3] / "schemas" / "stats.schema.json"
QUALITY = {"reason": {"kappa": 0.7, "n": 90}, "topic": {"alpha": 0.55, "macro_f1": 0.61, "n": 60}}
PRIVACY = {"k": 5, "canary_recall": 1.0, "redactions_by_type": {"PERSON": 631, "EMAIL": 6}}


def make_example(tables, taxonomies) -> dict:
    return compute_stats(
        tables,
        taxonomies=taxonomies,
        settings=StatsSettings(resamples=500),
        min_cell=10,
        policy="as-published",
        quality=QUALITY,
        privacy=PRIVACY,
        cost={"usd": 0.0, "n_calls": 0},
    ).document


def test_example_is_what_the_code_computes(invent, taxonomies) -> None:
    document = make_example(invent(60, 7), taxonomies)
    assert json.loads(EXAMPLE.read_text("utf-8")) == document, "run this file as a script"


@pytest.mark.parametrize("policy", ["strict", "as-published"])
@pytest.mark.parametrize("n", [0, 1, 2, 60])
def test_document_follows_the_schema(invent, taxonomies, n, policy) -> None:
    stats = compute_stats(
        invent(n, 3) if n else {},
        taxonomies=taxonomies,
        settings=StatsSettings(resamples=100),
        min_cell=10,
        policy=policy,
    )
    jsonschema.validate(stats.document, json.loads(SCHEMA.read_text("utf-8")))
    json.dumps(stats.document, allow_nan=False)


if __name__ == "__main__":
    from stats_corpus import NODES, Taxonomy, build_tables, invent_records

    example = make_example(
        build_tables(*invent_records(60, 7)), {facet: Taxonomy(nodes) for facet, nodes in NODES.items()}
    )
    EXAMPLE.write_text(json.dumps(example, indent=1, ensure_ascii=False) + "\n", "utf-8")
