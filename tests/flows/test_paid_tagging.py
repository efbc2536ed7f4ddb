"""A release that asks a provider: the plan before the money, the budget, the resumption, the cost in the files."""

from __future__ import annotations

import json
import traceback
from datetime import UTC, datetime
from pathlib import Path

import pytest

from schemas.config import Settings, TagSettings
from schemas.errors import BudgetError, ConfigError, ThoughttraceError
from schemas.run import RunContext
from tasks.publish.status import describe_store
from tasks.storage.store import open_store
from tasks.synth.export import generate, write_export
from tasks.tag.plan_task import settle_plan
from tasks.tag.spending import NOTHING
from tests.tag_provider import MODEL, FakeProvider

EXPECTED_FACETS = {"topic", "relationship", "canaries"}
"""Reasons and reactions keep the labels of the export; the canaries are items of our own."""


@pytest.fixture
def run_release(prefect_server, provider, monkeypatch, tmp_path):
    from flows.release import release
    from tasks.tag import stage
    from tasks.tag.lexical import HashedWords

    # the head is not what is tested here
    monkeypatch.setattr(stage, "load_embedder", lambda _: HashedWords())
    monkeypatch.setenv("THOUGHTTRACE_ID_KEY", "k" * 40)
    export = tmp_path / "export.jsonl"
    write_export(generate(4, 5, "published", short=True), export)

    def run(dry_run: bool = False, **tagging):
        return release(
            exports=[str(export)],
            store=str(tmp_path / "store"),
            tagging={"model": MODEL, **tagging},
            publishing={"dry_run": dry_run},
            approval="none",
        )

    return run, tmp_path / "store"


def read_spending(store: Path) -> float:
    opened = open_store(str(store))
    return describe_store(opened, opened.child("private"), datetime.now(UTC)).spent_usd


def test_money_is_planned_limited_and_accounted_for(run_release, provider: FakeProvider, capsys) -> None:
    from flows.cli.progress import show_progress

    run, store = run_release
    # a dry run tells the plan, spends nothing and publishes nothing
    outcome = run(dry_run=True, budget_usd=1)
    plan = outcome["tagging_plan"]
    assert outcome["status"] == "dry-run"
    assert not provider.bodies
    assert {line["facet"] for line in plan["lines"] if line["n_calls"]} == EXPECTED_FACETS
    assert plan["calls"] == sum(line["n_calls"] for line in plan["lines"]) >= 8
    assert plan["usd"] > 0
    assert plan["seconds"] > 0
    assert sum(line["input_tokens"] for line in plan["lines"]) > 0
    assert outcome["labels"]["reason"]
    assert not (store / "releases").exists()
    # without a budget nothing is asked, and the error says what it would cost
    with pytest.raises(BudgetError, match=r"calls would cost about 0\.\d+ USD, and the budget is 0"):
        run()
    assert not provider.bodies
    # a budget that is too small is a hard stop; the same command goes on from there
    with show_progress("starting", as_json=True), pytest.raises(BudgetError, match="answers are kept"):
        run(budget_usd=sum(x["usd"] for x in plan["lines"] if x["facet"] != "canaries") / 3)
    events = [json.loads(line) for line in capsys.readouterr().err.splitlines() if line.startswith("{")]
    told = [e for e in events if e["event"] == "tagging plan"]
    assert [e["calls"] for e in told] == [plan["calls"]]
    steps = [e.get("step", e["event"]) for e in events]
    assert steps.index("tagging plan") < steps.index("tagging")
    paid = provider.n_calls
    assert 0 < paid < plan["calls"]
    # the run is dead and left no release, but its answers were paid for
    spent = read_spending(store)
    assert 0 < spent < plan["usd"]
    outcome = run(budget_usd=1)
    assert outcome["status"] == "published"
    known = sum(line["n_known"] for line in outcome["tagging_plan"]["lines"])
    assert known > 0
    check_costs(store / "releases" / outcome["version"], provider.n_calls - paid)
    assert read_spending(store) == pytest.approx(spent + outcome["cost"]["usd"], abs=1e-5)
    # nothing new: nothing asked, nothing published
    provider.reset()
    again = run(budget_usd=1)
    assert (again["status"], again["tagging_plan"]["calls"], provider.n_calls) == ("unchanged", 0, 0)


def test_a_plan_that_cannot_be_carried_out_is_refused_before_any_call(provider, monkeypatch) -> None:
    line = {"facet": "topic", "model": MODEL, "usd": 0.1, "n_calls": 3} | dict.fromkeys(
        ("n_questions", "n_known", "input_tokens", "output_tokens"), 1
    )
    plan = NOTHING | {"calls": 3, "usd": 0.1, "lines": [line]}

    def settle(plan, model=MODEL, is_dry=False, **tag):
        settings = Settings(tag=TagSettings(model=model, **tag))
        run = RunContext("store", "private", settings, datetime(2026, 1, 1, tzinfo=UTC))
        return settle_plan.fn(run, [plan, plan], is_dry=is_dry)

    summed = settle(plan, budget_usd=1)
    assert (summed["calls"], summed["usd"], summed["lines"][0]["n_calls"]) == (6, 0.2, 6)
    unpriced = plan | {"usd": None, "lines": [line | {"usd": None, "model": "openai/in-house-7b"}]}
    with pytest.raises(BudgetError, match="price of openai/in-house-7b is not known"):
        settle(unpriced, budget_usd=1)
    assert settle(unpriced, allow_unpriced=True)["usd"] is None
    monkeypatch.delenv("OPENAI_API_KEY")
    # litellm would only say at the call that the key is missing, as an error that looks worth retrying
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        settle(plan, budget_usd=1)
    assert settle(plan, is_dry=True)["calls"] == 6
    assert not provider.bodies


def check_costs(folder: Path, n_calls: int) -> None:
    cost = json.loads((folder / "stats.json").read_text())["cost"]
    assert set(cost["facets"]) == EXPECTED_FACETS
    assert cost["calls"] == sum(x["calls"] for of in cost["facets"].values() for x in of.values()) == n_calls
    assert cost["usd"] == pytest.approx(n_calls * (100 * 0.15e-6 + 20 * 0.6e-6), rel=0.01)
    manifest = json.loads((folder / "manifest.json").read_text())
    listed = manifest["info"]["models"]
    assert {m["facet"] for m in listed} == EXPECTED_FACETS
    assert sum(m["n_calls"] for m in listed) == n_calls
    quality = json.loads((folder / "stats.json").read_text())["labelling"]["quality"]
    canaries = quality["topic"]["canaries"]
    assert canaries["snapshot"] == "fake-2026-01-01"
    assert canaries["n_answered"] == canaries["n_items"] > 10
    assert canaries["injection"]["n_items"] == 6
    assert "drift" not in canaries


def test_a_provider_that_repeats_the_key_is_not_repeated(
    run_release, provider: FakeProvider, monkeypatch, caplog, capfd, prefect_server
) -> None:
    from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL

    run, store = run_release
    secrets = {"OPENAI_API_KEY": "sk-Lm4Nj6-planted", "AWS_SECRET_ACCESS_KEY": "aws-Xw3Rt9-planted"}
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    told = "Incorrect API key provided: sk-Lm4Nj6-planted; you also sent aws-Xw3Rt9-planted"
    provider.fault = lambda n, body: (401, {"error": {"message": told, "code": "invalid_api_key"}}, {})
    with caplog.at_level("DEBUG"), pytest.raises(ThoughttraceError) as caught:
        run(budget_usd=1)
    assert provider.statuses[401]
    error: BaseException | None = caught.value
    said = "".join(traceback.format_exception(error))
    captured = capfd.readouterr()
    database = Path(str(PREFECT_API_DATABASE_CONNECTION_URL.value()).partition(":///")[2])
    kept = [*(p for p in store.rglob("*") if p.is_file()), *database.parent.glob(f"{database.name}*")]
    places = {p.name: p.read_bytes() for p in kept}
    places |= {"message": str(error).encode(), "traceback": said.encode(), "log": caplog.text.encode()}
    places |= {"output": (captured.out + captured.err).encode()}
    assert {n for n, data in places.items() if any(v.encode() in data for v in secrets.values())} == set()
