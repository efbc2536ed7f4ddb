"""Every planted fault is found on its line with its pointer, and nothing else is."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest

from schemas.errors import DataError
from schemas.rules import RULES
from tasks.ingest.quarantine import check_quarantine_share, summarise_quarantine
from tasks.validate.staged import validate_staged
from tests.exports import line, published, read_bytes, z

Record = dict[str, Any]


def edited(edit: Callable[[Record], Any]) -> Callable[[Record], bytes]:
    def plant(record: Record) -> bytes:
        edit(record)
        return line(record)

    return plant


def _set(*path: str | int, to: Any) -> Callable[[Record], bytes]:
    def edit(record: Record) -> None:
        target: Any = record
        for key in path[:-1]:
            target = target[key]
        target[path[-1]] = to

    return edited(edit)


def _insert_message(record: Record) -> None:
    record["messages"].insert(1, dict(record["messages"][0]))


THOUGHT = {"content": "Fine.", "timestamp": z(200), "label": "task_motivation"}

FAULTS: dict[str, tuple[str, str, Callable[[Record], bytes]]] = {
    "cut off": ("line.json", "", lambda r: line(r)[:-5]),
    "two objects": ("line.json", "", lambda r: line(r) * 2),
    "not a number": (
        "line.json",
        "",
        lambda r: line(r).replace(b": 1775956268518", b": NaN", 1),
    ),
    "bad UTF-8": ("line.encoding", "", lambda r: line(r).replace(b"Plan a", b"\xff\xfe")),
    "surrogate": ("line.surrogate", "", lambda r: line(r).replace(b"Plan a", b"\\ud800")),
    "NUL": ("line.nul", "/messages/0/content", _set("messages", 0, "content", to="a\x00b")),
    "key twice": ("line.duplicate_key", "", lambda r: b'{"id":"x",' + line(r)[1:]),
    "inner key twice": (
        "line.duplicate_key",
        "",
        lambda r: line(r).replace(b'{"age"', b'{"age" : "30", "age"'),
    ),
    "array": ("record.wrong_type", "", lambda r: b"[" + line(r) + b"]"),
    "unknown key": ("record.unknown_key", "/surprise", _set("surprise", to=1)),
    "missing key": ("record.missing_key", "/model_name", edited(lambda r: r.pop("model_name"))),
    "number as id": ("record.wrong_type", "/id", _set("id", to=5)),
    "strange id": ("record.bad_id", "/id", _set("id", to="somebody")),
    "no messages": ("record.too_few", "/messages", _set("messages", to=[])),
    "two surveys": ("record.too_many", "/survey_answers", edited(lambda r: r["survey_answers"].append({}))),
    "tool role": ("message.role", "/messages/1", _set("messages", 1, "type", to="tool")),
    "empty text": ("message.empty", "/messages/0/content", _set("messages", 0, "content", to=" ")),
    "null text": ("record.wrong_type", "/messages/0/content", _set("messages", 0, "content", to=None)),
    "huge clock": ("record.number_range", "/messages/0/id", _set("messages", 0, "id", to=2**63)),
    "reason on answer": (
        "thought.wrong_role",
        "/messages/1/reasons",
        _set("messages", 1, "reasons", to=[THOUGHT]),
    ),
    "sentence as label": (
        "label.form",
        "/messages/0/reasons/0/label",
        _set("messages", 0, "reasons", 0, "label", to="I am, say, Ann"),
    ),
    "no zone": (
        "timestamp.form",
        "/messages/0/timestamp",
        _set("messages", 0, "timestamp", to="2026-04-12T01:11:08"),
    ),
    "epoch": ("timestamp.form", "/messages/0/timestamp", _set("messages", 0, "timestamp", to=1775956268518)),
    "month 13": (
        "timestamp.impossible",
        "/messages/2/timestamp",
        _set("messages", 2, "timestamp", to="2026-13-12T01:11:08Z"),
    ),
    "thought in month 13": (
        "timestamp.impossible",
        "/messages/0/reasons/0/timestamp",
        _set("messages", 0, "reasons", 0, "timestamp", to="2026-13-12T01:11:08Z"),
    ),
    "two users": ("conversation.roles_alternate", "/messages/1/type", edited(_insert_message)),
    "assistant first": (
        "conversation.starts_with_user",
        "/messages/0/type",
        edited(lambda r: r["messages"].pop(0)),
    ),
    "user last": (
        "conversation.ends_with_assistant",
        "/messages/2/type",
        edited(lambda r: r["messages"].pop()),
    ),
    "back in time": (
        "conversation.time_goes_back",
        "/messages/1/timestamp",
        _set("messages", 1, "timestamp", to="2020-01-01T00:00:00.000Z"),
    ),
    "early thought": (
        "thought.before_message",
        "/messages/0/reasons/0/timestamp",
        _set("messages", 0, "reasons", 0, "timestamp", to=z(-1)),
    ),
    "updated first": (
        "conversation.updated_before_created",
        "/updated_at",
        _set("updated_at", to="2020-01-01T00:00:00Z"),
    ),
    "id again": ("conversation.duplicate_id", "", _set("id", to="user0_task1_conversation1")),
    "minor": ("participant.minor", "/survey_answers/0/age", _set("survey_answers", 0, "age", to="17 years")),
}


def test_all_planted_faults_are_found_and_nothing_else() -> None:
    records = [published(i) for i in range(20 * len(FAULTS))]
    lines = [line(r) for r in records]
    places = random.Random(0).sample(range(1, len(records)), 3 * len(FAULTS))
    planted: dict[int, tuple[str, str]] = {}
    for place, (rule, pointer, plant) in zip(places, list(FAULTS.values()) * 3, strict=True):
        lines[place] = plant(json.loads(lines[place]))
        planted[place + 1] = (rule, pointer)
    read = read_bytes(b"\n".join(lines), page_messages=100)
    found = {n: (rule, pointer) for n, pointer, rule in read.found}
    kept = 0
    for shard in read.pages:
        result = validate_staged(shard.conversations, shard.messages, shard.thoughts)
        kept += result.conversations.height
        for n, pointer, rule in result.quarantine.select("line", "pointer", "rule").rows():
            found.setdefault(n, (rule, pointer))
    assert found == planted
    assert kept == len(records) - len(planted)


@pytest.mark.parametrize("name", FAULTS)
def test_messages_quote_rules_and_never_values(name: str) -> None:
    record = published(1)
    texts = ["Which herbs", "somebody", "Ann", "tool", "1775956268518", "I like", "Gardener"]
    data = FAULTS[name][2](record)
    quarantine = read_bytes(line(published(0)) + b"\n" + data).reader.quarantine
    for rule, message in quarantine.select("rule", "message").rows():
        assert message.startswith(RULES[rule].text)
        assert not any(text in message for text in texts)


def test_too_many_bad_lines_fail_the_run_and_name_the_rules() -> None:
    read = read_bytes(b"\n".join([*(line(published(i)) for i in range(9)), b"{oops"]))
    check = read.reader
    assert (check.n_conversations, check.n_quarantined) == (10, 1)
    with pytest.raises(
        DataError,
        match=r"1 of 10 conversations.*10\.0%.*: line\.json 1; the first are export0\.jsonl:10 line\.json;",
    ):
        check_quarantine_share(check.quarantine, check.n_conversations, check.settings)
    assert summarise_quarantine(check.quarantine, {("ingest", "line.blank"): 2}).rows() == [
        ("ingest", "line.blank", 0, 2),
        ("ingest", "line.json", 1, 1),
    ]
