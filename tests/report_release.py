"""An invented release: numbers near the published ones, text of our own."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import polars as pl

from schemas.config import StatsSettings
from schemas.fields import BASE_TABLES, TABLES
from schemas.stats import StatsDocument
from tasks.report.inputs import ReportInputs
from tasks.stats.compute import compute_stats

REASONS = {
    "task_motivation": ("Task Motivation & Goal", 0.374),
    "task_continuation": ("Task Continuation", 0.212),
    "context_grounding_and_constraints": ("Context Grounding & Constraints", 0.131),
    "content_expectation": ("Content Expectation", 0.113),
    "social_and_others": ("Social & Others", 0.110),
    "style_expectation": ("Style Expectation", 0.050),
    "task_reorientation": ("Task Reorientation", 0.010),
}
REACTIONS = {
    "explicit_affirmation": ("Explicit Affirmation", 0.722),
    "content_relevance": ("Content Relevance", 0.119),
    "presentation_style": ("Presentation Style", 0.064),
    "scope_fit": ("Scope Fit", 0.061),
    "partial_satisfaction": ("Partial Satisfaction", 0.034),
}
RELATIONSHIPS = {
    "first_request": ("First Request", 0.252),
    "extend_or_deepen": ("Extend or Deepen", 0.570),
    "completely_new_request": ("Completely New Request", 0.126),
    "re_attempt": ("Re-attempt", 0.029),
    "new_variation": ("New Variation", 0.023),
}
DOMAINS = {
    "culture_lifestyle": (
        "Culture & Lifestyle",
        0.371,
        ["Culture", "Lifestyle", "Food & Dining", "Travel & Tourism"],
    ),
    "education_knowledge": ("Education & Knowledge", 0.191, ["Education", "History", "Math & Sciences"]),
    "business_society": (
        "Business & Society",
        0.148,
        ["Business & Finances", "Economics", "Employment & Hiring"],
    ),
    "health_relationships": ("Health & Relationships", 0.145, ["Health & Medicine", "Psychology"]),
    "technology": ("Technology", 0.066, ["Technology, Software & Computing"]),
    "arts_entertainment": ("Arts & Entertainment", 0.049, ["Art & Design", "Video Games", "Sports"]),
    "other_topics": ("Other Topics", 0.030, ["Transportation", "Housing", "Other"]),
}
STAGES = ("early", "mid_early", "mid_late", "late")
STAGE_OF_REASON = {
    "task_motivation": (0.57, 0.42, 0.19, 0.26),
    "task_continuation": (0.04, 0.20, 0.36, 0.27),
    "context_grounding_and_constraints": (0.06, 0.16, 0.16, 0.12),
    "content_expectation": (0.05, 0.11, 0.15, 0.13),
    "social_and_others": (0.23, 0.05, 0.08, 0.15),
    "style_expectation": (0.04, 0.05, 0.05, 0.06),
    "task_reorientation": (0.01, 0.01, 0.01, 0.01),
}
STAGE_OF_REACTION = {
    "explicit_affirmation": (0.67, 0.69, 0.76, 0.79),
    "content_relevance": (0.14, 0.13, 0.10, 0.09),
    "presentation_style": (0.08, 0.07, 0.05, 0.05),
    "scope_fit": (0.07, 0.07, 0.05, 0.04),
    "partial_satisfaction": (0.04, 0.04, 0.04, 0.03),
}
MODELS = [
    ("GPT-5.4", "OpenAI"), ("GPT-5.2", "OpenAI"), ("Claude Opus 4.6", "Anthropic"),
    ("Claude Sonnet 4.6", "Anthropic"), ("Gemini 3.1 Pro", "Google"), ("Gemini 3 Flash", "Google"),
    ("Grok 4.1", "xAI"), ("DeepSeek V3.2", "DeepSeek"), ("Qwen3 Max", "Alibaba"), ("Llama 4 Maverick", "Meta"),
    ("Mistral Large 3", "Mistral"), ("Kimi K2.5", "Moonshot AI"), ("Command A", None),
]  # fmt: skip
LENGTHS = {2: 0.127, 4: 0.156, 6: 0.17, 8: 0.18, 10: 0.136, 12: 0.094, 14: 0.052, 16: 0.032, 18: 0.02, 20: 0.013, 22: 0.007, 24: 0.005, 26: 0.003, 28: 0.002, 30: 0.003}  # fmt: skip


@dataclass(frozen=True)
class LabelNode:
    id: str
    name: str
    parent: str | None = None
    definition: str = "What it means, in one sentence."


def label_row(value: str, name: str, n: int, share: float, parent: str | None = None) -> dict[str, Any]:
    half = 1.96 * (share * (1 - share) / max(n / max(share, 1e-9), 1)) ** 0.5 * 1.3
    return {
        "value": value, "name": name, "parent": parent, "n": n, "share": share,
        "low": max(share - half, 0.0), "high": min(share + half, 1.0),
    }  # fmt: skip


def spread(p5: float, q1: float, median: float, q3: float, p95: float, n: int) -> dict[str, Any]:
    return {
        "n": n, "mean": median * 1.3, "p5": p5, "q1": q1, "median": median, "q3": q3,
        "p90": (q3 + p95) / 2, "p95": p95, "min": 1.0, "max": p95 * 3,
    }  # fmt: skip


def stage_rows(
    names: dict[str, tuple[str, float]], shares: dict[str, tuple[float, ...]], base: int
) -> list[Any]:
    return [
        {
            "group": stage, "group_name": stage, "base": base, "value": value, "name": name,
            "n": round(shares[value][i] * base), "share": shares[value][i],
            "low": max(shares[value][i] - 0.025, 0.0), "high": min(shares[value][i] + 0.025, 1.0),
        }
        for i, stage in enumerate(STAGES)
        for value, (name, _) in names.items()
    ]  # fmt: skip


def domain_rows(names: dict[str, tuple[str, float]], base: int) -> list[Any]:
    first = next(iter(names))
    return [
        {
            "group": domain, "group_name": title, "base": base, "value": value, "name": name,
            "n": round(base * share), "share": share, "low": max(share - 0.04, 0.0), "high": min(share + 0.04, 1.0),
        }
        for i, (domain, (title, *_)) in enumerate(DOMAINS.items())
        for value, (name, published) in names.items()
        for share in [round(published + (0.02 * i if value == first else 0.0), 4)]
    ]  # fmt: skip


def turn_flows() -> list[dict[str, Any]]:
    plan = {
        "1>2": {"first_request": {"extend_or_deepen": 1272, "new_variation": 43, "re_attempt": 65, "completely_new_request": 495, "(end)": 280}},
        "2>3": {
            "extend_or_deepen": {"extend_or_deepen": 840, "new_variation": 22, "re_attempt": 43, "completely_new_request": 87, "(end)": 280},
            "new_variation": {"extend_or_deepen": 33, "(end)": 10},
            "re_attempt": {"extend_or_deepen": 44, "(end)": 21},
            "completely_new_request": {"extend_or_deepen": 366, "new_variation": 22, "re_attempt": 22, "completely_new_request": 42, "(end)": 43},
        },
        "3>4": {
            "extend_or_deepen": {"extend_or_deepen": 700, "completely_new_request": 200, "re_attempt": 60, "new_variation": 23, "(end)": 300},
            "new_variation": {"extend_or_deepen": 38, "(end)": 6},
            "re_attempt": {"extend_or_deepen": 43, "(end)": 22},
            "completely_new_request": {"extend_or_deepen": 80, "completely_new_request": 9, "(end)": 40},
        },
    }  # fmt: skip
    return [
        {"step": step, "from_value": f, "to_value": t, "n": n, "share": n / sum(to.values())}
        for step, rows in plan.items()
        for f, to in rows.items()
        for t, n in to.items()
    ]


def thought_labels(
    facet: str, names: dict[str, tuple[str, float]], stages: dict[str, tuple[float, ...]], n: int
) -> dict[str, Any]:
    return {
        "facet": facet, "n_thoughts": n, "n_labelled": n - 12, "n_unlabelled": 12,
        "labels": [label_row(v, name, round(share * (n - 12)), share) for v, (name, share) in names.items()],
        "by_stage": stage_rows(names, stages, n // 4), "by_domain": domain_rows(names, n // 7), "by_length": [], "stage_flow": [],
    }  # fmt: skip


def demographics() -> dict[str, Any]:
    answers = {
        "age_band": [("18-24", 95), ("25-34", 330), ("35-44", 285), ("45-54", 170), ("55-64", 80), ("65+", 25)],
        "gender": [("man", 545), ("woman", 425)],
        "education": [("school", 180), ("bachelor", 480), ("master", 250), ("doctorate", 60)],
        "occupation_group": [("business and finance", 160), ("software and IT", 150), ("education", 120), ("health", 95), ("arts and media", 80), ("sales and service", 75), ("student", 60), ("retired", 35), ("engineering", 30), ("law", 20)],
        "ai_use_frequency": [("2", 25), ("3", 110), ("4", 320), ("5", 450)],
        "purposes": [("work", 720), ("learning", 610), ("writing", 480), ("entertainment", 300), ("coding", 210)],
    }  # fmt: skip
    return {
        "n_participants": 1060,
        "n_without_answers": 75,
        "cells": [
            {"attribute": a, "value": v, "n": n, "share": n / 1060, "is_missing": m, "is_suppressed": m and a == "gender"}
            for a, rows in answers.items()
            for v, n, m in [*((v, n, False) for v, n in rows), ("(other or missing)", max(1060 - sum(n for _, n in rows), 75), True)]
        ],
    }  # fmt: skip


def make_stats() -> dict[str, Any]:
    """A whole `stats.json` at the size of the real dataset."""
    n_conversations = 2155
    document = {
        "stats_version": "1.0.0",
        "definitions": {
            "message": "One utterance of the user or the assistant; the first meaning of turn.",
            "user turn": "One message of the user; the second meaning of turn.",
            "stage": "Quarter of a conversation by relative position among the messages of a role.",
        },
        "method": {
            "resamples": 2000, "seed": 20260501, "confidence": 0.95, "policy": "strict", "min_cell": 10,
            "is_suppressing": True, "tokenizer": "", "max_tokenized_texts": 0,
        },
        "counts": {
            "participants": 1058, "conversations": n_conversations, "messages": 17058, "user_messages": 8529,
            "assistant_messages": 8529, "thoughts": 10174, "reasons": 4498, "reactions": 5676,
            "models": len(MODELS), "languages": 3, "labels": 24000,
        },
        "models": [
            {
                "model_name": name, "model_provider": provider, "n_participants": 120 - 7 * i,
                "n_conversations": 245 - 13 * i, "n_messages": 1900 - 100 * i, "n_user_messages": 950 - 50 * i,
                "n_reasons": 520 - 28 * i, "n_reactions": 640 - 33 * i, "median_messages": 8.0,
                "is_suppressed": False,
            }
            for i, (name, provider) in enumerate(MODELS)
        ],
        "conversation_length": {
            "spread": spread(2, 4, 8, 10, 16, n_conversations),
            "mean_low": 7.7, "mean_high": 8.1, "median_low": 8.0, "median_high": 8.0,
            "histogram": [
                {"n_messages": k, "is_or_more": k == 30, "n": round(v * n_conversations), "share": v}
                for k, v in LENGTHS.items()
            ],
            "published": [
                {"corpus": "WildChat", "median_messages": 2.0, "share_of_two_messages": 0.604, "source": "paper"},
                {"corpus": "LMSYS-Chat-1M", "median_messages": 2.0, "share_of_two_messages": 0.666, "source": "paper"},
            ],
            "compared": None,
        },
        "topics": {
            "n_conversations": n_conversations, "n_labelled": 2140, "n_unlabelled": 15,
            "n_domain_assignments": 2900, "n_subtopic_assignments": 3900,
            "domains": [
                {
                    **label_row(v, name, round(share * 2900), share), "n_conversations": round(share * 2900),
                    "share_of_conversations": share * 1.35, "low_of_conversations": share * 1.3,
                    "high_of_conversations": share * 1.4,
                }
                for v, (name, share, _) in DOMAINS.items()
            ],
            "subtopics": [
                {
                    **label_row(sub.lower(), sub, round(share * 3900 / (i + 2)), share / (i + 2), v),
                    "n_conversations": round(share * 2140 / (i + 2)), "share_of_conversations": share / (i + 2),
                    "low_of_conversations": share / (i + 2) * 0.88, "high_of_conversations": share / (i + 2) * 1.12,
                }
                for v, (_, share, subs) in DOMAINS.items()
                for i, sub in enumerate(subs)
            ],
        },
        "reasons": thought_labels("reason", REASONS, STAGE_OF_REASON, 4498),
        "reactions": thought_labels("reaction", REACTIONS, STAGE_OF_REACTION, 5676),
        "relationships": {
            "n_user_messages": 8529, "n_labelled": 8500, "n_unlabelled": 29,
            "with_first": [label_row(v, n, round(s * 8500), s) for v, (n, s) in RELATIONSHIPS.items()],
            "without_first": [
                label_row(v, n, round(s * 8500), s / 0.748)
                for v, (n, s) in RELATIONSHIPS.items()
                if v != "first_request"
            ],
            "transitions": [{**row, "step": "all"} for row in turn_flows() if row["step"] == "1>2"]
            + [{**row, "step": "all"} for row in turn_flows() if row["step"] == "2>3"],
            "by_turn": [],
            "turn_flow": turn_flows(),
        },
        "thoughts_per_message": [
            {"kind": "reason", "n_messages": 8529, "n_with": 4300, "share_with": 0.504, "low": 0.49, "high": 0.52, "mean": 0.527, "per_message": [4229, 4110, 182, 8]},
            {"kind": "reaction", "n_messages": 8529, "n_with": 5400, "share_with": 0.633, "low": 0.62, "high": 0.65, "mean": 0.665, "per_message": [3129, 5140, 244, 16]},
        ],
        "demographics": demographics(),
        "text_lengths": [
            {"text": text, "unit": unit, "n_texts": n, "spread": spread(*q, n)}
            for unit, scale in (("characters", 1), ("words", 6))
            for text, n, quantiles in (
                ("user_message", 8529, (12, 41, 76, 160, 620)),
                ("assistant_message", 8529, (180, 1100, 2307, 3600, 6400)),
                ("reason", 4498, (24, 51, 79, 120, 230)),
                ("reaction", 5676, (20, 48, 76, 118, 240)),
            )
            for q in [tuple(max(v / scale, 1) for v in quantiles)]
        ],
        "text_length_bins": [],
        "languages": [
            {"language": "en", "n_conversations": 2120, "share": 2120 / 2155, "n_messages": 16800, "n_participants": 1040, "is_suppressed": False},
            {"language": "es", "n_conversations": 25, "share": 25 / 2155, "n_messages": 180, "n_participants": 12, "is_suppressed": False},
            {"language": "pt", "n_conversations": None, "share": None, "n_messages": None, "n_participants": None, "is_suppressed": True},
        ],
        "redactions": {
            "n_in_messages": 410, "n_in_thoughts": 26, "n_messages_with": 300, "share_of_messages_with": 300 / 17058,
            "low": 0.015, "high": 0.02,
            "by_type": [
                {"type": t, "n": n, "share": n / 436}
                for t, n in (("PERSON", 260), ("LOCATION", 70), ("URL", 45), ("EMAIL", 30), ("PHONE", 16), ("DATE_OF_BIRTH", 15))
            ],
        },
        "labelling": {
            "provenance": [
                {"facet": "reason", "source": "export", "via": "direct", "labeller": "export", "model_snapshot": None, "taxonomy_version": "v1", "n": 4486, "share": 1.0, "mean_confidence": None},
                {"facet": "reaction", "source": "export", "via": "direct", "labeller": "export", "model_snapshot": None, "taxonomy_version": "v1", "n": 5664, "share": 1.0, "mean_confidence": None},
                {"facet": "topic", "source": "model", "via": "direct", "labeller": "local", "model_snapshot": "minilm-int8", "taxonomy_version": "v1", "n": 3900, "share": 0.97, "mean_confidence": 0.62},
                {"facet": "topic", "source": "human", "via": "direct", "labeller": "gold", "model_snapshot": None, "taxonomy_version": "v1", "n": 120, "share": 0.03, "mean_confidence": None},
                {"facet": "relationship", "source": "model", "via": "direct", "labeller": "local", "model_snapshot": "minilm-int8", "taxonomy_version": "v1", "n": 8500, "share": 1.0, "mean_confidence": 0.81},
            ],
            "quality": {},
        },
        "completeness": [],
        "funnel": [],
        "quarantine": [],
        "privacy": {},
        "cost": {},
    }  # fmt: skip
    return StatsDocument.model_validate(document).model_dump(mode="json")


_OPENINGS = (
    "I am planning a week on the coast and need a list of things to pack",
    "Help me word a short note to my landlord about the broken heater",
    "Explain how compound interest works with a small example",
    "Suggest three dinners I can cook from chickpeas and spinach",
    "What should I ask at a job interview for a library position",
)
_FOLLOWS = (
    "Make it shorter, please, and drop the last point.",
    "Thanks, that is close. Could you add a rough budget?",
    "Now the same for a family with two children.",
    "Why does the second step come before the third?",
)
_PARTS = (
    "Here is a plan that starts with the essentials and leaves room for changes.",
    "First, write down what you already have, then compare it with what the situation asks for.",
    "A common mistake is to decide too early; leave one open slot for something unforeseen.",
    "If the cost matters more than the time, choose the second option; otherwise the first is simpler.",
    "In short: begin small, check after a day, and keep what worked.",
    "Note that the numbers above are rough and depend on the season, the place and the number of people.",
)
_REASONS = (
    "I want a list I can print before we leave.",
    "It was too long for me, I need the core.",
    "I am curious about the cost.",
)
_REACTIONS = (
    "This is what I hoped for.",
    "Good, but it misses the part about children.",
    "Too long, I skimmed most of it.",
)


def make_tables(n_conversations: int = 60, seed: int = 1) -> dict[str, pl.DataFrame]:
    """Scrubbed base tables with every kind of label."""
    rng = random.Random(seed)
    rows: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("participants", "conversations", "messages", "thoughts", "labels")
    }
    label = {
        "runner_up": None, "source": "model", "via": "direct", "labeller": "local", "model_snapshot": "minilm-int8",
        "taxonomy_version": "v1", "prompt_sha256": None, "confidence": 0.7, "labelled_at": None,
    }  # fmt: skip

    def add(item: str, facet: str, value: str) -> None:
        rows["labels"].append({"item_id": item, "facet": facet, "value": value, **label})

    for c in range(n_conversations):
        user, conversation = f"user{c}", f"user{c}_task1_conversation1"
        model, provider = rng.choice(MODELS)
        n = 2 * rng.choice([1, 2, 3, 4, 5, 6, 8])
        rows["participants"].append(
            {
                "participant_id": user, "age_band": "25-34", "gender": None, "education": "bachelor",
                "occupation_group": None, "ai_use_frequency": "5", "purposes": ["work"], "language": "en",
                "n_conversations": 1, "first_release": "v1.0.0", "split": "train",
            }
        )  # fmt: skip
        n_reasons = n_reactions = 0
        for p in range(n):
            role = "user" if p % 2 == 0 else "assistant"
            message = f"{conversation}_m{p}"
            if role == "user":
                content = rng.choice(_OPENINGS) if p == 0 else rng.choice(_FOLLOWS)
            else:
                content = "\n\n".join(rng.choice(_PARTS) for _ in range(rng.randint(3, 14)))
            rows["messages"].append(
                {
                    "message_id": message, "conversation_id": conversation, "position": p, "role": role,
                    "content": content, "offset_s": p * 40.0, "stage": STAGES[min(p * 4 // n, 3)], "language": "en",
                    "n_redactions": 0, "sensitive": [],
                }
            )  # fmt: skip
            if role == "user":
                add(
                    message,
                    "relationship",
                    "first_request" if p == 0 else rng.choice(list(RELATIONSHIPS)[1:]),
                )
            if rng.random() < 0.6:
                kind = "reason" if role == "user" else "reaction"
                thought = f"{message}_{kind}0"
                n_reasons += kind == "reason"
                n_reactions += kind == "reaction"
                rows["thoughts"].append(
                    {
                        "thought_id": thought, "conversation_id": conversation, "message_id": message, "kind": kind,
                        "content": rng.choice(_REASONS if kind == "reason" else _REACTIONS),
                        "offset_s": p * 40.0 + 50, "n_redactions": 0,
                    }
                )  # fmt: skip
                add(thought, kind, rng.choice(list(REASONS if kind == "reason" else REACTIONS)))
        domain = rng.choice(list(DOMAINS))
        add(conversation, "topic", domain)
        add(conversation, "topic", rng.choice(DOMAINS[domain][2]).lower())
        rows["conversations"].append(
            {
                "conversation_id": conversation, "participant_id": user, "task_no": 1, "model_name": model,
                "model_provider": provider, "started_at": datetime(2026, 3, 1, tzinfo=UTC), "duration_s": n * 40.0,
                "task_summary": "Pack for a trip", "task_expectation": None, "language": "en", "n_messages": n,
                "n_reasons": n_reasons, "n_reactions": n_reactions, "split": "train",
            }
        )  # fmt: skip
    return {name: pl.DataFrame(found, schema=TABLES[name].polars_schema()) for name, found in rows.items()}


def make_changes() -> pl.DataFrame:
    rows = [
        ("conversations", "added", "", "", "", 61), ("conversations", "removed", "withdrawn", "", "", 12),
        ("conversations", "changed", "labels", "", "", 40), ("conversations", "changed", "text", "", "", 3),
        ("conversations", "unchanged", "", "", "", 2051), ("messages", "added", "", "", "", 480),
        ("messages", "removed", "withdrawn", "", "", 96), ("messages", "unchanged", "", "", "", 16578),
        ("labels.topic", "changed", "labels", "culture_lifestyle", "education_knowledge", 30),
        ("labels.topic", "changed", "labels", "technology", "business_society", 14),
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=TABLES["changes"].polars_schema(), orient="row")


def make_funnel() -> pl.DataFrame:
    rows = [
        ("ingest", "conversations", 2206, 2184, 22, 0), ("pseudonymise", "conversations", 2184, 2175, 0, 9),
        ("scrub", "conversations", 2175, 2175, 0, 0), ("validate", "conversations", 2175, 2160, 15, 0),
        ("release", "conversations", 2160, 2155, 0, 5), ("ingest", "messages", 17792, 17400, 392, 0),
        ("release", "messages", 17400, 17058, 0, 342),
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=TABLES["funnel"].polars_schema(), orient="row")


def make_quarantine() -> pl.DataFrame:
    rows = [
        ("ingest", "json.syntax", 9, 9), ("ingest", "record.missing_field", 13, 20),
        ("validate", "conversation.roles_alternate", 15, 15),
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=TABLES["quarantine_summary"].polars_schema(), orient="row")


TAXONOMIES = {
    "reason": tuple(LabelNode(v, n) for v, (n, _) in REASONS.items()),
    "reaction": tuple(LabelNode(v, n) for v, (n, _) in REACTIONS.items()),
    "relationship": tuple(LabelNode(v, n) for v, (n, _) in RELATIONSHIPS.items()),
    "topic": (
        *(LabelNode(v, n) for v, (n, _, _) in DOMAINS.items()),
        *(LabelNode(s.lower(), s, parent=v) for v, (_, _, subs) in DOMAINS.items() for s in subs),
    ),
}


def make_inputs(**changed: Any) -> ReportInputs:
    """A second release with a parent; any field can be replaced."""
    parent = make_stats()
    parent["counts"].update(conversations=2106, messages=16674, thoughts=9950, reasons=4400, reactions=5550)
    for part in (parent["reasons"], parent["reactions"]):
        for i, row in enumerate(part["labels"]):
            row["share"] = max(row["share"] + (-0.012 if i % 2 else 0.009), 0)
    fields: dict[str, Any] = {
        "version": "v1.1.0",
        "parent_version": "v1.0.0",
        "created_at": datetime(2026, 5, 20, 9, 30, tzinfo=UTC),
        "policy": "strict",
        "stats": make_stats(),
        "parent_stats": parent,
        "changes": make_changes(),
        "funnel": make_funnel(),
        "quarantine_summary": make_quarantine(),
        "tables": make_tables(),
        "taxonomies": TAXONOMIES,
    }
    return ReportInputs(**{**fields, **changed})


def empty_tables() -> dict[str, pl.DataFrame]:
    return {table.name: table.empty() for table in BASE_TABLES}


@dataclass(frozen=True)
class Nodes:
    nodes: tuple[LabelNode, ...]


def computed_inputs(tables: Mapping[str, pl.DataFrame], **changed: Any) -> ReportInputs:
    """Inputs whose numbers were computed from these tables."""
    whole = {**empty_tables(), **tables}
    policy = str(changed.get("policy", "strict"))
    stats = compute_stats(
        whole,
        taxonomies={facet: Nodes(nodes) for facet, nodes in TAXONOMIES.items()},
        settings=StatsSettings(resamples=100),
        min_cell=10,
        policy=policy,
    )
    fields: dict[str, Any] = {
        "version": "v1.0.0",
        "created_at": None,
        "policy": policy,
        "stats": stats.document,
        "changes": whole["changes"],
        "funnel": whole["funnel"],
        "quarantine_summary": whole["quarantine_summary"],
        "tables": whole,
        "taxonomies": TAXONOMIES,
    }
    return ReportInputs(**{**fields, **changed})
