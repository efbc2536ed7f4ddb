"""What is said at a terminal reaches the flow, and with `--json` every command tells its steps as events."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

STAGED = {"status": "staged", "version": "v1.0.0", "candidate_id": "c1", "store": "s"}


@pytest.fixture
def approvals(monkeypatch) -> list[dict[str, Any]]:
    """The flows of a release as stubs; a person at the terminal says yes."""
    import flows.approve
    import flows.release

    asked: list[dict[str, Any]] = []

    def approve(**given: Any) -> dict[str, Any]:
        asked.append(given)
        return {"places": {"release": "s/releases/v1.0.0"}}

    monkeypatch.setattr("flows.cli.release.check_release", lambda *_: None)
    monkeypatch.setattr(flows.release, "release", lambda **_: dict(STAGED))
    monkeypatch.setattr(flows.approve, "approve", approve)
    monkeypatch.setattr("flows.cli.release.show_summary", lambda _: None)
    monkeypatch.setattr("typer.confirm", lambda *_, **__: True)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    return asked


@pytest.mark.parametrize("single_writer", [True, False])
def test_a_confirmed_release_is_published_as_it_was_asked_for(approvals, capsys, single_writer) -> None:
    from flows.cli.release import run_release

    parameters = {"exports": ["x"], "store": "s", "publishing": {"single_writer": single_writer}}
    outcome = run_release(parameters, yes=False, as_json=True)
    assert outcome["status"] == "published"
    assert [given["single_writer"] for given in approvals] == [single_writer]
    shown = capsys.readouterr()
    events = [json.loads(line) for line in shown.err.splitlines()]
    assert [e.get("step", e["event"]) for e in events] == ["starting Prefect", "candidate", "publishing"]
    assert shown.out == "", "the result is printed once, at the end"


def test_withdraw_and_evaluate_tell_events(monkeypatch, capsys) -> None:
    import flows.evaluate
    import flows.withdraw
    from flows.cli import evaluate, withdraw
    from schemas.params import EvaluationOptions

    monkeypatch.setattr(flows.withdraw, "withdraw", lambda **_: {})
    monkeypatch.setattr(flows.evaluate, "evaluate", lambda **_: {})
    withdraw._run(Path("ids"), "s", "", False, False, as_json=True)
    evaluate._run("thought-dynamics", "v1.0.0", "s", "", EvaluationOptions(), as_json=True)
    events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [e["event"] for e in events] == ["step", "step"]


@pytest.mark.parametrize("may_ask", [True, False])
def test_a_plan_that_is_asked_about_leaves_stdout_to_the_result(capsys, may_ask) -> None:
    from flows.cli.progress import show_plan

    show_plan("withdrawal plan", {"status": "planned"}, may_ask=may_ask)
    shown = capsys.readouterr()
    told = json.loads(shown.err if may_ask else shown.out)
    assert (shown.out == "", told["status"]) == (may_ask, "planned")
    assert told.get("event") == ("withdrawal plan" if may_ask else None)


@pytest.mark.parametrize(("yes", "approver"), [(True, "ada"), (False, "")])
def test_who_says_yes_beforehand_answers_for_it(approvals, monkeypatch, yes, approver) -> None:
    import flows.release
    from flows.cli.release import run_release

    given: list[dict[str, Any]] = []
    monkeypatch.setattr(flows.release, "release", lambda **g: given.append(g) or {"status": "published"})
    monkeypatch.setattr("getpass.getuser", lambda: "ada")
    run_release({"exports": ["x"], "store": "s"}, yes=yes)
    assert [g["approved_by"] for g in given] == [approver]


def test_a_system_without_names_has_a_command_line(monkeypatch) -> None:
    from flows.cli.output import name_user

    def no_name() -> str:
        raise OSError("no entry for uid 1001")

    monkeypatch.setattr("getpass.getuser", no_name)
    assert name_user() == "command line"
