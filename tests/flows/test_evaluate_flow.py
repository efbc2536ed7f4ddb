"""`thoughttrace evaluate` from flow and command line to the result folder."""

from __future__ import annotations

import io
import json

import polars as pl
import pytest
from typer.testing import CliRunner

from flows.cli.app import app, register_commands
from schemas.errors import UsageError
from tests.publishing import release


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    from tasks.storage.store import open_store

    found = open_store(str(tmp_path_factory.mktemp("evaluate") / "store"))
    release(found, "v1.0.0", range(6))
    return found


@pytest.fixture(scope="module")
def summary(store, prefect_server) -> dict:
    from flows.evaluate import evaluate

    return evaluate(suite="thought-dynamics", version="latest", store=store.uri)


def call(*arguments: str):
    register_commands()
    return CliRunner().invoke(app, ["evaluate", *arguments])


def test_the_folder_is_private_and_whole(store, summary) -> None:
    folder = f"private/evaluations/thought-dynamics/{summary['run']}"
    names = {o.key.removeprefix(f"{folder}/") for o in store.list(f"{folder}/")}
    assert names == {
        "items.parquet",
        "predictions.parquet",
        "scores.parquet",
        "failures.parquet",
        "summary.json",
        "figure.svg",
        "figure.png",
    }
    assert store.get(f"{folder}/figure.png").startswith(b"\x89PNG")
    items = pl.read_parquet(io.BytesIO(store.get(f"{folder}/items.parquet")))
    assert items.height == summary["counts"]["items"] > 0
    assert set(items["split"]) <= {"train", "validation", "test"}
    written = json.loads(store.get(f"{folder}/summary.json"))
    assert written == {k: v for k, v in json.loads(json.dumps(summary)).items() if k != "folder"}
    assert all({"n", "n_of", "low", "high", "published"} <= set(r) for r in written["results"])
    assert not store.list("releases/v1.0.0/evaluations")


def test_runs_are_listed_and_shown(store, summary) -> None:
    listed = json.loads(call("--list", "--store", store.uri, "--json").stdout)
    assert [(s["suite"], s["run"], s["status"]) for s in listed] == [
        ("thought-dynamics", summary["run"], "complete")
    ]
    shown = call("--show", summary["run"], "--store", store.uri)
    assert "cramers_v" in shown.stdout
    assert summary["run"] in call("--list", "--store", store.uri).stdout.replace("\n", "")


def test_a_dry_run_plans_and_writes_nothing(store) -> None:
    before = {o.key for o in store.list("private/")}
    done = call("latest", "--suite", "next-message", "--store", store.uri, "--dry-run", "--json")
    plan = json.loads(done.stdout)
    assert plan["version"] == "v1.0.0"
    assert {s["step"] for s in plan["steps"]} >= {"quality", "predict_history", "judge_thoughts"}
    assert (plan["calls"], plan["usd"]) == (0, 0)
    assert {o.key for o in store.list("private/")} == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "which suite"),
        (("--suite", "telepathy"), "no suite 'telepathy'"),
        (("--suite", "next-message", "--method", "autotom"), "knows no method"),
        (("--suite", "next-message", "--method", "guess"), "no method 'guess'"),
        (("--suite", "thought-inference", "--model", "openai/x", "--judge", "x"), "cannot judge"),
        (("--show", "v9.9.9-nothing"), "no evaluation v9.9.9-nothing"),
    ],
)
def test_what_cannot_be_done_is_said(store, arguments, message) -> None:
    done = call("latest", *arguments, "--store", store.uri)
    assert isinstance(done.exception, UsageError)
    assert message in str(done.exception)
    assert done.exception.exit_code == 2
