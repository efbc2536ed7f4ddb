"""`schemas/stats.schema.json` is the shape of `stats.json`, generated from `schemas.stats`.

Run this file as a script to write it anew: `PYTHONPATH=. python tests/contracts/test_stats_schema.py`.
"""

from __future__ import annotations

import json
from pathlib import Path

from schemas.stats import STATS_VERSION, StatsDocument

SCHEMA = Path(__file__).parents[2] / "schemas" / "stats.schema.json"


def make_schema() -> str:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"stats-{STATS_VERSION}",
        **StatsDocument.model_json_schema(mode="serialization"),
    }
    return json.dumps(schema, indent=2) + "\n"


def test_schema_is_in_step() -> None:
    assert SCHEMA.read_text("utf-8") == make_schema(), "run this file as a script"


if __name__ == "__main__":
    SCHEMA.write_text(make_schema(), "utf-8")
