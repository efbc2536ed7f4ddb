"""The committed JSON Schema is the one of the models, and real manifests satisfy it."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema

from schemas.manifest import manifest_json_schema
from tasks.storage.store import open_store
from tests.publishing import release

SCHEMA = Path(__file__).parents[2] / "schemas" / "manifest.schema.json"


def test_schema_is_in_step() -> None:
    assert json.loads(SCHEMA.read_text()) == manifest_json_schema(), "run `python -m schemas.manifest`"


def test_a_manifest_satisfies_it(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    release(store, "v1.0.0", range(2))
    manifest = json.loads(store.get("releases/v1.0.0/manifest.json"))
    jsonschema.validate(manifest, json.loads(SCHEMA.read_text()))
