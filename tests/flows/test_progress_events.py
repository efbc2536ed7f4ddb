"""With `--json` a program follows a run on stderr, one JSON object a line."""

from __future__ import annotations

import json
import logging

from flows.cli.progress import show_progress
from flows.progress import advance


def test_a_run_logs_its_steps_as_json(caplog) -> None:
    log = logging.getLogger("prefect.flow_runs.steps")
    # Prefect, once imported, keeps its records from the root logger
    log.addHandler(caplog.handler)
    try:
        with caplog.at_level("INFO", logger=log.name):
            caplog.clear()
            advance("scrubbing", 1, 2)
    finally:
        log.removeHandler(caplog.handler)
    assert [json.loads(line) for line in dict.fromkeys(caplog.messages)] == [
        {"event": "step", "step": "scrubbing", "done": 1, "total": 2}
    ]


def test_steps_are_events(capsys) -> None:
    with show_progress("starting", as_json=True):
        advance("scrubbing", 0, 2)
        advance("scrubbing", 1, 2)
        advance("staging", 0)
    advance("after the run", 0)
    shown = capsys.readouterr()
    events = [json.loads(line) for line in shown.err.splitlines()]
    assert shown.out == ""
    assert [(e["step"], e["done"], e["total"]) for e in events] == [
        ("starting", 0, None),
        ("scrubbing", 0, 2),
        ("scrubbing", 1, 2),
        ("staging", 0, None),
    ]
    assert all(e["event"] == "step" and e["at"].endswith("+00:00") for e in events)
