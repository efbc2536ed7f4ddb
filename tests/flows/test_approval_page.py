"""The form of the approval: what a maintainer reads there, and what an answer must hold."""

from __future__ import annotations

from typing import Any

import pytest

from flows.approval import PublishDecision, describe_candidate

OUTCOME: dict[str, Any] = {
    "version": "v1.1.0",
    "parent": "v1.0.0",
    "policy": "strict",
    "candidate_id": "0123456789abcdef",
    "report_url": "",
    "places": {"candidate": "s3://b/private/candidates/0123456789abcdef"},
    "changes": {
        "conversations": {"added": 1200, "removed": 3, "unchanged": 40},
        "messages": {"added": 15000},
        "labels.topic": {"added": 7},
    },
    "funnel": [
        {
            "table_name": "conversations",
            "stage": "ingest",
            "n_in": 1260,
            "n_out": 1250,
            "n_quarantined": 10,
            "n_removed": 0,
        },
        {
            "table_name": "conversations",
            "stage": "scrub",
            "n_in": 1250,
            "n_out": 1240,
            "n_quarantined": 0,
            "n_removed": 10,
        },
        {
            "table_name": "messages",
            "stage": "ingest",
            "n_in": 9,
            "n_out": 9,
            "n_quarantined": 0,
            "n_removed": 0,
        },
    ],
    "gate": {"passed": True, "warnings": ["topics moved by 0.2"]},
    "privacy": {"n_redactions": 2345, "k": 5, "review_by_status": {"accepted": 4, "masked": 1}},
    "cost": {"usd": 1.234},
}
LINES = (
    "## v1.1.0 after v1.0.0",
    "- **Report** in `s3://b/private/candidates/0123456789abcdef`",
    "- **Added** 1,200 conversations, 15,000 messages",
    "- **Removed** 3 conversations",
    "- **Unchanged** 40 conversations",
    "- **Conversations** 1,260 read, 1,240 kept: 10 quarantined and 0 removed in ingest; "
    "0 quarantined and 10 removed in scrub",
    "- **Gate** passed, 1 warnings",
    "  - topics moved by 0.2",
    "- **Privacy** policy strict, 2,345 spans masked, uncertain: 4 accepted, 1 masked, k = 5",
    "- **Cost** 1.23 USD",
    "- **Terminal** `thoughttrace approve 0123456789ab`",
)


def test_the_page_tells_what_decides() -> None:
    assert tuple(line for line in describe_candidate(OUTCOME).splitlines() if line) == LINES


def test_a_first_release_and_a_clean_run() -> None:
    page = describe_candidate(
        OUTCOME
        | {
            "parent": "",
            "funnel": OUTCOME["funnel"][2:],
            "gate": {"passed": False, "warnings": []},
            "privacy": {},
            "cost": {},
            "report_url": "http://reports/candidates/0123456789abcdef/report.html",
        }
    )
    assert "## v1.1.0 after nothing (first release)" in page
    assert "- **[Open the report](http://reports/candidates/0123456789abcdef/report.html)**" in page
    assert "**Gate** failed, 0 warnings\n" in page
    assert "0 spans masked, uncertain: none, k = -" in page
    assert "**Cost** 0.00 USD" in page


@pytest.mark.parametrize(
    ("answer", "is_taken"),
    [
        ({"decision": "reject", "reviewer": "Ada", "reason": "odd funnel"}, True),
        ({"decision": "reject", "reviewer": "Ada"}, False),
        ({"decision": "reject", "reviewer": "Ada", "reason": "  "}, False),
        ({"reviewer": "Ada"}, False),
        ({"decision": "publish", "reviewer": "Ada"}, True),
        ({"decision": "publish", "reviewer": "Ada", "reason": "", "set_version": "v2.0.0"}, True),
        ({"decision": "publish", "reviewer": "Ada", "set_version": "two"}, False),
        ({"decision": "publish", "reviewer": "A"}, False),
    ],
)
def test_what_the_server_takes_as_an_answer(answer, is_taken) -> None:
    from prefect.utilities.schema_tools.validation import is_valid, is_valid_schema

    form = PublishDecision.with_initial_data(description="d")
    schema = form.model_json_schema(by_alias=True)
    is_valid_schema(schema)
    assert is_valid(answer, schema) is is_taken
    if is_taken:
        PublishDecision(**answer)
