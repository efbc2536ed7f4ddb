"""Leaked values are found and masked in tables and records alike; nothing else changes."""

from __future__ import annotations

import datetime as dt
import json

import polars as pl
import pytest

from schemas.errors import DataError, InputError
from tasks.redact.leaks import Leak, read_leaks
from tasks.redact.rewrite import redact_texts, rewrite_records, rewrite_tables, update_privacy
from tasks.redact.search import ValueFinder
from tasks.redact.texts import count_hits, list_texts, resolve_leaks
from tasks.scrub.deny import DenyList, make_rules
from tests.release_tables import make_tables

KEY = b"k" * 32
NOW = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def tables() -> dict[str, pl.DataFrame]:
    made = make_tables(range(3))
    first = made["messages"]["message_id"][0]
    is_first = pl.col("message_id") == first
    content = pl.when(is_first).then(pl.lit("<PERSON_1> met Oda Brunsvik.")).otherwise(pl.col("content"))
    made["messages"] = made["messages"].with_columns(content=content)
    return made


@pytest.fixture(scope="module")
def records(tables) -> list[bytes]:
    """Records of the published dialect with the same texts."""
    lines = []
    for conversation in tables["conversations"].iter_rows(named=True):
        key = conversation["conversation_id"]
        messages = tables["messages"].filter(conversation_id=key).sort("position")
        thoughts = tables["thoughts"].filter(conversation_id=key).sort("thought_id")
        record = {
            "id": key,
            "messages": [
                {
                    "content": m["content"],
                    "type": m["role"],
                    f"{'reason' if m['role'] == 'user' else 'reaction'}s": [
                        {"content": t["content"]}
                        for t in thoughts.filter(message_id=m["message_id"]).iter_rows(named=True)
                    ],
                }
                for m in messages.iter_rows(named=True)
            ],
            "task_summary": conversation["task_summary"],
            "task_expectation": conversation["task_expectation"],
            "survey_answers": [{"occupation": "aide of Oda Brunsvik" if not lines else "none", "age": None}],
        }
        lines.append(json.dumps(record, ensure_ascii=False).encode() + b"\n")
    return lines


def deny(*values: str, scope: str = "") -> DenyList:
    rules = make_rules(KEY, [(v, "PERSON", scope) for v in values], source="redaction", now=NOW)
    return DenyList(KEY, rules)


def test_tables_and_records_change_alike_and_the_rest_not_at_all(tables, records) -> None:
    texts = list_texts(tables, records, "as-published")
    redaction = redact_texts(texts, deny("oda brunsvik"))
    assert redaction.by_type == {"PERSON": 2}
    after = rewrite_tables(tables, redaction)
    lines = list(rewrite_records(records, redaction))
    assert count_hits(list_texts(after, lines, "as-published"), deny("oda brunsvik")) == (0, 0)
    row = after["messages"].row(0, named=True)
    # numbers go on where those of the conversation end
    assert (row["content"], row["n_redactions"]) == ("<PERSON_1> met <PERSON_2>.", 1)
    assert json.loads(lines[0])["survey_answers"][0]["occupation"] == "aide of <PERSON_2>"
    assert after["messages"][1:].equals(tables["messages"][1:])
    assert lines[1:] == records[1:]
    for name in ("participants", "thoughts", "labels"):
        assert after[name].equals(tables[name])


def test_records_that_disagree_with_the_tables_are_refused(tables, records) -> None:
    redaction = redact_texts(list_texts(tables, records, "strict"), deny("oda brunsvik"))
    record = json.loads(records[0])
    record["messages"] = record["messages"][:0]
    with pytest.raises(DataError, match="1 texts changed in the tables, 0 in the records"):
        list(rewrite_records([json.dumps(record).encode()], redaction))


def test_a_place_means_whole_words_in_its_conversation_and_no_placeholder(tables, records) -> None:
    texts = list_texts(tables, records, "strict")
    item, conversation = tables["messages"].row(0)[:2]
    leaks = read_leaks(
        json.dumps({"message_id": item, "start": 0, "end": 21, "type": "person"}).encode(), "f"
    )
    # "<PERSON_1> met Oda Br": widened to the word's end, the placeholder left out
    assert resolve_leaks(leaks, lambda _: texts, "f") == [("met Oda Brunsvik", "PERSON", conversation)]
    far = Leak(7, "PERSON", item, start=3, end=400)
    with pytest.raises(InputError, match=r"f, line 7: ends at 400, but the text has 28 code points"):
        resolve_leaks([far], lambda _: texts, "f")
    only = Leak(8, "PERSON", item, start=0, end=10)
    with pytest.raises(InputError, match="no word at that place"):
        resolve_leaks([only], lambda _: texts, "f")


def test_privacy_figures_count_the_new_masks_and_keep_what_was_held_back(tables, records) -> None:
    redaction = redact_texts(list_texts(tables, records, "strict"), deny("oda brunsvik"))
    parent = {"n_redactions": 40, "redactions_by_type": {"PERSON": None, "EMAIL": 40}, "k": 5}
    assert update_privacy(parent, redaction) == {
        "n_redactions": 41,
        "redactions_by_type": {"PERSON": None, "EMAIL": 40},
        "redactions_by_recognizer": {"redaction": 1},
        "k": 5,
    }


def test_rows_of_private_files_are_searched_as_the_texts_they_hold() -> None:
    key = "user4_task1_conversation1"
    everywhere, once = ValueFinder(deny("Oda Brunsvik")), ValueFinder(deny("blue mill", scope=key))
    assert everywhere.search(b'{"text": "so,\\nOda\\tBrunsvik said"}')
    assert everywhere.search(b"plain words of oda brunsvik")
    assert not everywhere.search(b'{"text": "Odas Brunsvik"}')
    assert once.search(f'{{"group_id": "{key}", "text": "the blue mill"}}'.encode())
    assert not once.search(b'{"group_id": "user5_task1_conversation1", "text": "the blue mill"}')
    assert [hit.start() for hit in everywhere.finditer(b"x Oda Brunsvik", 1)] == [1]
