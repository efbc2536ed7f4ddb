"""A provider on loopback that reads our prompts, and a runner of suites on invented releases."""

from __future__ import annotations

import json
import zlib
from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.config import EvaluateSettings, Settings, TagSettings
from tasks.evaluate import figures
from tasks.evaluate.run import Evaluation, run_evaluation
from tasks.report.drawing import Drawing
from tasks.storage.local import LocalStore
from tests.tag_provider import FakeProvider, read_items
from tests.tasks.evaluate.suite_tables import make_release

WRITER = "openai/gpt-4o-mini"
JUDGE = "openai/gpt-4.1-mini"
NOW = datetime(2026, 6, 1, tzinfo=UTC)


def read_material(body: dict[str, Any]) -> dict[str, Any]:
    return read_items(body)[0]


def read_schema(body: dict[str, Any]) -> dict[str, Any] | None:
    last = body["messages"][0]["content"].rsplit("\n", 1)[1]
    return json.loads(last)["properties"] if last.startswith("{") else None


def answer_by_schema(body: dict[str, Any]) -> Any:
    """A legal answer of the shape asked for, decided by the material alone."""
    schema, material = read_schema(body), read_material(body)
    digest = zlib.crc32(json.dumps(material, sort_keys=True).encode())
    if schema is None:
        return "A"
    if "score" in schema:
        allowed = schema["score"].get("enum") or range(101)
        if set(material) == {"message", "note"}:
            return {"score": 5}
        return {"score": allowed[digest % len(allowed)]}
    if "hypotheses" in schema:
        digest = zlib.crc32(json.dumps(body["messages"]).encode())
        return {
            "hypotheses": [{"thought": f"I think thought {i} on {digest}.", "prior": 50} for i in range(4)]
        }
    return {next(iter(schema)): f"I wonder about number {digest % 1000} of this list."}


@pytest.fixture(scope="session")
def _suite_provider():
    server = FakeProvider()
    yield server
    server.close()


@pytest.fixture
def provider(_suite_provider, monkeypatch):
    _suite_provider.reset()
    _suite_provider.answer = answer_by_schema
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    monkeypatch.setenv("OPENAI_API_BASE", _suite_provider.url)
    return _suite_provider


@pytest.fixture
def evaluate(tmp_path, monkeypatch):
    """Run a suite with hosted models on an invented release; its figure is tested elsewhere."""
    monkeypatch.setattr(figures, "draw", lambda chart: Drawing("", 1, 1))

    def run(suite: str, tables=None, method: str = "", store=None, **settings: Any) -> Evaluation:
        tag = {
            k: settings.pop(k)
            for k in list(settings)
            if k in TagSettings.model_fields and k not in EvaluateSettings.model_fields
        }
        chosen = {"model": WRITER, "judge": JUDGE, "budget_usd": 1.0, "resamples": 100, **settings}
        return run_evaluation(
            suite,
            method,
            tables if tables is not None else make_release(),
            Settings(evaluate=EvaluateSettings(**chosen), tag=TagSettings(**{"concurrency": 4, **tag})),
            store or LocalStore(tmp_path / "private"),
            now=NOW,
        )

    return run
