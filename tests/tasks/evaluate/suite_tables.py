"""A small invented release for the suites: short talks on gardens, with thoughts and labels."""

from __future__ import annotations

import polars as pl

from schemas.fields import CONVERSATIONS, LABELS, MESSAGES, THOUGHTS
from tests.release_tables import NOW

QUESTIONS = ("How do I grow mint", "Which soil suits it", "Shall I water it daily")
ANSWERS = ("Plant it in deep shade", "Loose soil with compost", "Every second day is enough")
REASONS = (
    "I want a herb bed that looks after itself",
    "I fear that my clay soil is wrong",
    "I often forget to water",
)
REACTIONS = (
    "Far too long for what I had asked, I only wanted one line",
    "Clear and useful to me, thank you for that",
    "It leaves out the winter, which I had asked about twice",
)
REASON_LABELS = ("task_motivation", "context_grounding_and_constraints", "content_expectation")
REACTION_LABELS = ("scope_fit", "explicit_affirmation", "content_relevance")
STAGES = ("early", "mid_early", "late")
SPLITS = ("train", "validation", "test")


def make_release(people: int = 3, *, thoughts: bool = True, extra: dict[tuple[str, int], str] | None = None):
    """Return tables; `extra` adds a sentence to the text of (kind of row, person)."""
    added = extra or {}
    rows: dict[str, list[dict]] = {"conversations": [], "messages": [], "thoughts": [], "labels": []}
    for person in range(people):
        cid = f"user{person}_task1_conversation1"
        rows["conversations"].append(
            {
                "conversation_id": cid,
                "participant_id": f"user{person}",
                "task_no": 1,
                "model_name": "M",
                "model_provider": None,
                "started_at": NOW,
                "duration_s": 300.0,
                "task_summary": None,
                "task_expectation": None,
                "language": "en",
                "n_messages": 6,
                "n_reasons": 3,
                "n_reactions": 3,
                "split": SPLITS[person % 3],
            }
        )
        for position in range(6):
            turn, is_user = position // 2, position % 2 == 0
            mid = f"{cid}_message{position}"
            role = "user" if is_user else "assistant"
            text = f"{(QUESTIONS if is_user else ANSWERS)[turn]}, garden {person}?"
            rows["messages"].append(
                {
                    "message_id": mid,
                    "conversation_id": cid,
                    "position": position,
                    "role": role,
                    "content": text + added.get((role, person), ""),
                    "offset_s": 60.0 * position,
                    "stage": STAGES[turn],
                    "language": "en",
                    "n_redactions": 0,
                    "sensitive": [],
                }
            )
            kind = "reason" if is_user else "reaction"
            if is_user:
                value = "extend_or_deepen" if turn else "first_request"
                rows["labels"].append(make_label(mid, "relationship", value))
            if not thoughts:
                continue
            tid = f"{mid}_{kind}0"
            note = f"{(REASONS if is_user else REACTIONS)[turn]}, garden {person}."
            rows["thoughts"].append(
                {
                    "thought_id": tid,
                    "conversation_id": cid,
                    "message_id": mid,
                    "kind": kind,
                    "content": note + added.get((kind, person), ""),
                    # the last thought is written after the next message
                    "offset_s": 60.0 * position + (10 if turn == 0 else 90),
                    "n_redactions": 0,
                }
            )
            labels = REASON_LABELS if is_user else REACTION_LABELS
            rows["labels"].append(make_label(tid, kind, labels[turn]))
    return {
        t.name: pl.DataFrame(rows[t.name], schema=t.polars_schema())
        for t in (CONVERSATIONS, MESSAGES, THOUGHTS, LABELS)
    }


def make_label(item_id: str, facet: str, value: str) -> dict:
    return {
        "item_id": item_id,
        "facet": facet,
        "value": value,
        "runner_up": None,
        "source": "export",
        "via": "direct",
        "labeller": "export",
        "model_snapshot": None,
        "taxonomy_version": "v1",
        "prompt_sha256": None,
        "confidence": None,
        "labelled_at": None,
    }
