"""Tables to count: an invented corpus, and a plain flattener of the published dialect."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import polars as pl

from schemas.fields import STAGES, TABLES

Tables = dict[str, pl.DataFrame]
DAY = datetime(2026, 3, 1, tzinfo=UTC)

NODES = {
    "topic": [
        ("home", "Home & Garden", None),
        ("work", "Work", None),
        ("gardening", "Gardening", "home"),
        ("cooking", "Cooking", "home"),
        ("writing", "Writing", "work"),
    ],
    "relationship": [
        ("first_request", "First Request", None),
        ("extend_or_deepen", "Extend or Deepen", None),
        ("re_attempt", "Re-attempt", None),
    ],
    "reason": [
        ("goal", "Goal", None),
        ("more", "More", None),
        ("taste", "Taste", None),
    ],
    "reaction": [("glad", "Glad", None), ("cold", "Cold", None)],
}


class Taxonomy:
    """The part of a taxonomy that the statistics read."""

    def __init__(self, nodes: list[tuple[str, str, str | None]]) -> None:
        self.nodes = [_Node(*node) for node in nodes]


class _Node:
    def __init__(self, node_id: str, name: str, parent: str | None) -> None:
        self.id, self.name, self.parent = node_id, name, parent


def as_table(name: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Rows as a base table; columns that the rows lack get a harmless value."""
    table = TABLES[name]
    blank = {"string": "", "int32": 0, "int64": 0, "float64": 0.0, "bool": False, "list<string>": []}
    blank["timestamp"] = DAY
    filled = [
        {f.name: row.get(f.name, None if f.nullable else blank[f.dtype]) for f in table.fields}
        for row in rows
    ]
    return pl.DataFrame(filled, schema=table.polars_schema())


def stage_of(i: int, n: int) -> str:
    """Stage by the definition, in fractions of whole numbers."""
    return STAGES[(6 * i + n - 1) // (2 * (n - 1))] if n > 1 else "early"


def label_row(item: str, facet: str, value: str, **more: Any) -> dict[str, Any]:
    """One row of the labels table."""
    base = {"source": "export", "via": "direct", "labeller": "export", "taxonomy_version": "v1"}
    return {"item_id": item, "facet": facet, "value": value, **base, **more}


def build_tables(records: list[dict[str, Any]], labels: list[dict[str, Any]]) -> Tables:
    """Base tables from records of the published dialect."""
    people: dict[str, dict[str, Any]] = {}
    conversations, messages, thoughts = [], [], []
    for record in records:
        person = record["id"].split("_")[0]
        survey = (record["survey_answers"] or [{}])[0]
        known = people.setdefault(person, {"participant_id": person, "language": "en"})
        for column, key in (("age_band", "age"), ("gender", "gender"), ("education", "education")):
            known[column] = known.get(column) or survey.get(key)
        known["occupation_group"] = known.get("occupation_group") or survey.get("occupation") or None
        known["ai_use_frequency"] = known.get("ai_use_frequency") or survey.get("frequency")
        known["purposes"] = known.get("purposes") or [p for p in (survey.get("purposes"),) if p]
        conversations.append(
            {
                "conversation_id": record["id"],
                "participant_id": person,
                "model_name": record["model_name"],
                "model_provider": record["model_provider"],
                "language": "en",
                "n_messages": len(record["messages"]),
            }
        )
        per_role = {r: sum(m["type"] == r for m in record["messages"]) for r in ("user", "assistant")}
        seen = {"user": 0, "assistant": 0}
        for position, message in enumerate(record["messages"]):
            role = message["type"]
            message_id = f"{record['id']}_{position}"
            messages.append(
                {
                    "message_id": message_id,
                    "conversation_id": record["id"],
                    "position": position,
                    "role": role,
                    "content": message["content"],
                    "stage": stage_of(seen[role], per_role[role]),
                    "language": "en",
                    "n_redactions": message["content"].count("<PERSON_"),
                }
            )
            seen[role] += 1
            for key, kind in (("reasons", "reason"), ("reactions", "reaction")):
                for number, thought in enumerate(message.get(key) or []):
                    thought_id = f"{message_id}_{kind}_{number}"
                    thoughts.append(
                        {
                            "thought_id": thought_id,
                            "conversation_id": record["id"],
                            "message_id": message_id,
                            "kind": kind,
                            "content": thought["content"],
                        }
                    )
                    if thought.get("label"):
                        labels.append(label_row(thought_id, kind, thought["label"]))
    return {
        "participants": as_table("participants", list(people.values())),
        "conversations": as_table("conversations", conversations),
        "messages": as_table("messages", messages),
        "thoughts": as_table("thoughts", thoughts),
        "labels": as_table("labels", labels),
        "funnel": as_table(
            "funnel",
            [{"stage": "ingest", "table_name": "conversations", "n_in": len(records), "n_out": len(records)}],
        ),
        "quarantine_summary": as_table("quarantine_summary", []),
    }


def invent_records(n: int, seed: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Records and topic and relationship labels of an invented study."""
    rng = random.Random(seed)
    records, labels = [], []
    for i in range(n):
        person, task = f"user{i // 2}", i % 2 + 1
        name = f"{person}_task{task}_conversation1"
        pairs = rng.choice([1, 2, 3, 4, 4, 5, 7, 9])
        messages = []
        for turn in range(pairs):
            reasons = [
                {
                    "content": "I want it soon. " * rng.randint(1, 3),
                    "label": rng.choice(["goal", "more", "more", None]),
                }
                for _ in range(rng.choice([0, 1, 1, 2]))
            ]
            reactions = [
                {"content": "That helps.", "label": rng.choice(["glad", "glad", "cold"])}
                for _ in range(rng.choice([0, 1]))
            ]
            asked = "How do I plant leeks, <PERSON_1>? " * rng.randint(1, 4)
            answered = "Make a deep hole and water it well. " * rng.randint(3, 30)
            messages += [
                {"content": asked, "type": "user", "reasons": reasons},
                {"content": answered, "type": "assistant", "reactions": reactions},
            ]
            relation = "first_request" if turn == 0 else rng.choice(["extend_or_deepen"] * 3 + ["re_attempt"])
            labels.append(
                label_row(f"{name}_{2 * turn}", "relationship", relation, source="model", labeller="local")
            )
        for topic in rng.sample(["home", "gardening", "cooking", "writing"], rng.choice([1, 1, 2])):
            labels.append(label_row(name, "topic", topic, source="model", labeller="local", confidence=0.75))
        answers = {
            "age": rng.choice(["18-24", "25-34", "35-44", None]),
            "gender": rng.choice(["female", "male", "female", "male", "another"]),
            "education": rng.choice(["school", "degree"]),
            "occupation": rng.choice(["office", "trade", None]),
            "frequency": rng.choice(["3", "4", "5"]),
            "purposes": rng.choice(["work", "home"]),
        }
        records.append(
            {
                "id": name,
                "messages": messages,
                "model_name": f"Model {i // 2 % 4}",
                "model_provider": "Example",
                "survey_answers": [answers] if i // 2 % 7 else [],
            }
        )
    return records, labels
