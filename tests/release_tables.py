"""Small invented release tables for tests: lawful keys and counts, arbitrary words."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

import polars as pl

from schemas.fields import (
    CHANGES,
    CONVERSATIONS,
    FUNNEL,
    LABELS,
    MESSAGES,
    PARTICIPANTS,
    QUARANTINE_SUMMARY,
    STAGES,
    THOUGHTS,
)
from tasks.assemble.views import build_views

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
WORDS = [
    "amber",
    "basket",
    "cedar",
    "delta",
    "ember",
    "fable",
    "garnet",
    "harbor",
    "island",
    "jungle",
    "kettle",
    "lantern",
    "meadow",
    "north",
]
REASONS = ("task_motivation", "task_continuation", "style_expectation")
REACTIONS = ("explicit_affirmation", "scope_fit")


def sentence(rng: random.Random, n: int = 12) -> str:
    return " ".join(rng.choices(WORDS, k=n)) + "."


def make_tables(persons: Iterable[int], *, seed: int = 1, n_words: int = 12) -> dict[str, pl.DataFrame]:
    """Base tables with one to three conversations a person; each depends on seed and person alone."""
    rows: dict[str, list[dict]] = {n: [] for n in ("participants", "conversations", "messages", "thoughts")}
    labels: list[dict] = []
    for person in persons:
        _add_person(rows, labels, person, random.Random(f"{seed}/{person}"), n_words)
    frames = {
        table.name: pl.DataFrame(rows[table.name], schema=table.polars_schema())
        for table in (PARTICIPANTS, CONVERSATIONS, MESSAGES, THOUGHTS)
    }
    n = frames["conversations"].height
    funnel = {"stage": "ingest", "table_name": "conversations", "n_in": n, "n_out": n}
    return {
        **frames,
        "labels": pl.DataFrame(labels, schema=LABELS.polars_schema()),
        "changes": CHANGES.empty(),
        "funnel": pl.DataFrame(
            [{**funnel, "n_quarantined": 0, "n_removed": 0}], schema=FUNNEL.polars_schema()
        ),
        "quarantine_summary": QUARANTINE_SUMMARY.empty(),
    }


def make_views(tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    return build_views(tables, {"cooking": "lifestyle", "writing": "arts"})


def _add_person(rows: dict, labels: list, person: int, rng: random.Random, n_words: int) -> None:
    participant = f"user{person}"
    n_conversations = rng.randint(1, 3)
    split = rng.choice(["train", "train", "validation", "test"])
    rows["participants"].append(
        {
            "participant_id": participant,
            "age_band": rng.choice(["18-24", "25-34", None]),
            "gender": None,
            "education": "Bachelor",
            "occupation_group": None,
            "ai_use_frequency": "5",
            "purposes": rng.sample(["work", "study", "fun"], k=rng.randint(0, 3)),
            "language": "en",
            "n_conversations": n_conversations,
            "first_release": "v1.0.0",
            "split": split,
        }
    )
    for number in range(1, n_conversations + 1):
        _add_conversation(rows, labels, participant, number, split, rng, n_words)


def _add_conversation(rows, labels, participant, number, split, rng, n_words) -> None:
    conversation = f"{participant}_task{number}_conversation1"
    started = datetime(2026, 5, 1 + rng.randrange(28), tzinfo=UTC)
    n_messages = 2 * rng.randint(1, 4)
    counts = {"reason": 0, "reaction": 0}
    for position in range(n_messages):
        role = "user" if position % 2 == 0 else "assistant"
        message = f"{conversation}_message{position}"
        rows["messages"].append(
            {
                "message_id": message,
                "conversation_id": conversation,
                "position": position,
                "role": role,
                "content": sentence(rng, n_words),
                "offset_s": 30.0 * position,
                "stage": STAGES[min(3, position)],
                "language": "en",
                "n_redactions": 0,
                "sensitive": [],
            }
        )
        if role == "user":
            labels.append(_label(message, "relationship", rng.choice(["extend_or_deepen", "re_attempt"])))
        kind = "reason" if role == "user" else "reaction"
        for ordinal in range(rng.choice([0, 1, 1, 2])):
            thought = f"{message}_{kind}{ordinal}"
            counts[kind] += 1
            rows["thoughts"].append(
                {
                    "thought_id": thought,
                    "conversation_id": conversation,
                    "message_id": message,
                    "kind": kind,
                    "content": sentence(rng),
                    "offset_s": 30.0 * position + 5,
                    "n_redactions": 0,
                }
            )
            labels.append(_label(thought, kind, rng.choice(REASONS if kind == "reason" else REACTIONS)))
    labels.append(_label(conversation, "topic", rng.choice(["cooking", "writing"])))
    rows["conversations"].append(
        {
            "conversation_id": conversation,
            "participant_id": participant,
            "task_no": number,
            "model_name": "Model A",
            "model_provider": None,
            "started_at": started,
            "duration_s": float((timedelta(seconds=30) * n_messages).total_seconds()),
            "task_summary": sentence(rng, 5),
            "task_expectation": None,
            "language": "en",
            "n_messages": n_messages,
            "n_reasons": counts["reason"],
            "n_reactions": counts["reaction"],
            "split": split,
        }
    )


def _label(item: str, facet: str, value: str) -> dict:
    return {
        "item_id": item,
        "facet": facet,
        "value": value,
        "runner_up": None,
        "source": "model",
        "via": "direct",
        "labeller": "local",
        "model_snapshot": "local-1",
        "taxonomy_version": "1.0.0",
        "prompt_sha256": None,
        "confidence": 0.5,
        "labelled_at": None,
    }
