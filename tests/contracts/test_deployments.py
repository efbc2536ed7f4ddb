"""Every deployment can be imported and run with its defaults; every file beside it is well formed."""

from __future__ import annotations

import importlib
import inspect
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from deployments.automations import FILE, read_rules
from flows.prefect_env import prepare_prefect

prepare_prefect()

REPO = Path(__file__).parents[2]
DEPLOYMENTS: list[dict[str, Any]] = yaml.safe_load((REPO / "deployments/prefect.yaml").read_text())[
    "deployments"
]
NAMES = [d["name"] for d in DEPLOYMENTS]
by_name = pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=NAMES)


def load_flow(deployment: dict[str, Any]) -> Any:
    path, name = deployment["entrypoint"].split(":")
    return getattr(importlib.import_module(path.removesuffix(".py").replace("/", ".")), name)


@by_name
def test_default_parameters_are_valid(deployment) -> None:
    from prefect import Flow

    flow = load_flow(deployment)
    assert isinstance(flow, Flow)
    given = deployment.get("parameters", {})
    required = {
        name: _example(name)
        for name, p in inspect.signature(flow.fn).parameters.items()
        if p.default is inspect.Parameter.empty and name not in given
    }
    flow.validate_parameters(given | required)


def _example(name: str) -> Any:
    return {"candidate_id": "0123456789ab", "ids_file": "withdrawals.txt", "spans_file": "leaks.jsonl"}[name]


@by_name
def test_every_field_of_the_form_is_explained(deployment) -> None:
    schema = load_flow(deployment).parameters.model_dump()
    for name, field in schema["properties"].items():
        assert field.get("description") or "allOf" in field or "$ref" in field, f"{name} has no description"
    for box in schema.get("definitions", {}).values():
        for name, field in box.get("properties", {}).items():
            assert field.get("title"), f"{name} has no title"
            assert field.get("description"), f"{name} has no description"


WIDGETS = {
    "exports": "list of texts",
    "store": "text",
    "config_file": "text",
    "source.append": "switch",
    "source.allow_removals": "switch",
    "privacy.policy": ["", "auto", "strict", "as-published"],
    "privacy.review": ["", "auto", "block", "mask"],
    "tagging.model": "text",
    "tagging.budget_usd": "number from -1",
    "tagging.allow_unpriced": "switch",
    "tagging.replay": "switch",
    "publishing.bump": ["auto", "major", "minor", "patch"],
    "publishing.set_version": r"text like ^(v\d+\.\d+\.\d+)?$",
    "publishing.single_writer": "switch",
    "publishing.dry_run": "switch",
    "approval": ["ask", "stage", "none"],
    "approved_by": "text",
}
"""Field of the form of `release` to what the UI draws for it; a list is a choice."""


def test_the_form_of_a_release_has_fitting_widgets() -> None:
    schema = load_flow(DEPLOYMENTS[NAMES.index("release")]).parameters.model_dump()
    found: dict[str, Any] = {}
    for name, field in schema["properties"].items():
        if "$ref" not in field:
            found[name] = _widget(field)
            continue
        box = schema["definitions"][field["$ref"].rpartition("/")[2]]
        found |= {f"{name}.{inner}": _widget(f) for inner, f in box["properties"].items()}
    assert found == WIDGETS
    assert schema.get("required") == ["exports"]


def _widget(field: dict[str, Any]) -> str | list[str]:
    if "enum" in field:
        return field["enum"]
    plain = {"string": "text", "boolean": "switch", "number": "number"}
    if field["type"] == "array":
        return f"list of {plain[field['items']['type']]}s"
    limits = f" from {field['minimum']}" if "minimum" in field else ""
    return plain[field["type"]] + limits + (f" like {field['pattern']}" if "pattern" in field else "")


@by_name
def test_no_secret_is_a_parameter(deployment) -> None:
    schema = load_flow(deployment).parameters.model_dump()
    assert not re.search(r'"[a-z_]*(secret|password|token|id_key|credential)[a-z_]*"', str(schema).lower())


@by_name
def test_deployment_is_described(deployment) -> None:
    assert len(deployment["description"]) > 60
    assert deployment["tags"]
    assert deployment["enforce_parameter_schema"] is True
    assert deployment["concurrency_limit"] == {"limit": 1, "collision_strategy": "ENQUEUE"}
    assert deployment["work_pool"]["name"] == "thoughttrace"


def test_what_a_maintainer_needs_can_be_started() -> None:
    needed = {"release", "approve", "plan-retag", "retag", "withdraw", "redact", "verify-nightly", "watch"}
    assert needed <= set(NAMES)


def test_nothing_is_published_on_a_schedule_without_a_person() -> None:
    release = next(d for d in DEPLOYMENTS if d["name"] == "release")
    assert [s["active"] for s in release["schedules"]] == [False]
    asking = [d for d in DEPLOYMENTS if "approval" in inspect.signature(load_flow(d).fn).parameters]
    assert {d["name"] for d in asking} >= {"release", "retag"}
    assert all(d["parameters"]["approval"] == "ask" for d in asking)
    scheduled = {d["name"] for d in DEPLOYMENTS for s in d.get("schedules", []) if s["active"]}
    assert scheduled == {"verify-nightly", "gc-nightly", "watch"}


def test_schedules_are_legal() -> None:
    from prefect.client.schemas.schedules import CronSchedule

    for deployment in DEPLOYMENTS:
        for schedule in deployment.get("schedules", []):
            CronSchedule(cron=schedule["cron"], timezone=schedule["timezone"])
            assert schedule["slug"]


def test_what_was_switched_in_the_ui_outlives_a_deployment() -> None:
    from deployments.deploy import read_prefect_file
    from deployments.switches import keep_switches

    def read(document: dict[str, Any]) -> dict[str, bool]:
        return {
            d["name"]: schedule["active"]
            for d in document["deployments"]
            for schedule in d.get("schedules", [])
        }

    fresh = read_prefect_file()
    first = read(fresh)
    assert (first["release"], first["verify-nightly"], first["watch"]) == (False, True, True)
    assert keep_switches(fresh, {}) == fresh
    switched = {
        ("flows/release.py:release", "release", "weekly"): True,
        ("flows/verify.py:verify_release", "verify-nightly", "nightly"): False,
        ("elsewhere.py:watch", "watch", "hourly"): False,
    }
    kept = keep_switches(fresh, switched)
    assert read(kept) == first | {"release": True, "verify-nightly": False}
    assert read(fresh) == first
    for old, new in zip(fresh["deployments"], kept["deployments"], strict=True):
        assert new | {"schedules": 0} == old | {"schedules": 0}, "nothing else changes"


def test_every_variable_of_the_deployments_is_set_by_the_script() -> None:
    text = (REPO / "deployments/prefect.yaml").read_text()
    script = (REPO / "deployments/deploy.py").read_text()
    for name in re.findall(r"\{\{ \$(\w+) \}\}", text):
        assert f'"{name}"' in script, name


def test_rules_are_legal_and_name_known_deployments() -> None:
    from prefect.events.schemas.automations import AutomationCore

    flows = {f"{load_flow(d).name}/{d['name']}": load_flow(d) for d in DEPLOYMENTS}
    names = []
    for rule, missing in read_rules({"RELEASE_NOTIFY_BLOCK": "slack-webhook/maintainers"}):
        assert not missing
        names.append(rule["name"])
        for action in rule["actions"]:
            if deployment := action.pop("deployment", None):
                assert deployment in flows
                accepted = flows[deployment].parameters.model_dump()["properties"]
                assert set(action.get("parameters", {})) <= set(accepted)
                action["deployment_id"] = "00000000-0000-0000-0000-000000000000"
            if block := action.pop("block", None):
                assert block == "slack-webhook/maintainers"
                action["block_document_id"] = "00000000-0000-0000-0000-000000000000"
        AutomationCore.model_validate(rule)
    assert len(set(names)) == len(names)


def test_a_rule_that_needs_what_is_not_set_is_named() -> None:
    left_out = {rule["name"]: missing for rule, missing in read_rules({}) if missing}
    assert set(left_out) == {"tell of a failed or crashed run", "tell of a candidate that waits"}
    assert all(missing == ["RELEASE_NOTIFY_BLOCK"] for missing in left_out.values())


def find_rule(name: str) -> dict[str, Any]:
    return next(r for r in yaml.safe_load(FILE.read_text()) if r["name"] == name)


def test_what_arrives_starts_a_plan_and_never_a_release() -> None:
    rules = [r for r in yaml.safe_load(FILE.read_text()) if "thoughttrace." in r["trigger"]["expect"][0]]
    started = [a for rule in rules for a in rule["actions"]]
    assert {a["deployment"] for a in started} == {"release/release", "plan-retag/plan-retag"}
    for action in started:
        if action["deployment"] == "release/release":
            assert action["parameters"]["publishing"] == {"dry_run": True}


def test_a_suspended_run_is_not_taken_for_dead() -> None:
    rule = find_rule("crash a run without heartbeat")
    assert {"prefect.flow-run.Suspended", "prefect.flow-run.Paused"} <= set(rule["trigger"]["expect"])


def test_no_secret_stands_in_the_files() -> None:
    for path in (REPO / "deployments").rglob("*"):
        if path.is_file() and path.suffix in {".yaml", ".py", ".service", ".example", ".env"}:
            assert not re.search(
                r"(SECRET_ACCESS_KEY|PASSWORD|ID_KEY|TOKEN)=[^\s$\"'{<]{8,}", path.read_text()
            ), path


def test_importing_a_flow_needs_no_server() -> None:
    assert not os.environ.get("PREFECT_API_URL")
    for deployment in DEPLOYMENTS:
        load_flow(deployment)
