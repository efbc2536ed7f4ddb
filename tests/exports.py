"""Builders of small invented exports for tests."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from schemas.config import IngestSettings
from tasks.ingest.page import StagedPage
from tasks.ingest.reader import PAGE_MESSAGES, ExportReader
from tasks.storage.inputs import InputFile

START = datetime(2026, 4, 12, 9, 30, tzinfo=UTC)
TEXTS = (
    "Which herbs grow in deep shade?",
    "Mint and parsley – they forgive a lot.",
    "And on a windy balcony? 🌿",
    "Thyme, low and woody.",
    "Grüße, danke!",
    "Any time.",
)


def z(seconds: float) -> str:
    """A message's time, as platforms write it."""
    return (START + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def offset_time(seconds: float) -> str:
    """A session's time, as platforms write it."""
    return (START + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%f") + "+00:00"


def messages(n: int = 4, *, text_key: str = "content", seed: int = 0) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for p in range(n):
        is_user = p % 2 == 0
        label = "task_motivation" if is_user else "explicit_affirmation"
        thought = {"content": "I like it.", "timestamp": z(40 * p + 90), "label": label}
        rows.append(
            {
                text_key: f"{TEXTS[(p + seed) % len(TEXTS)]} ({seed})",
                "timestamp": z(40 * p),
                "type": "user" if is_user else "assistant",
                "id": 1_775_956_268_518 + 40_000 * p,
                ("reasons" if is_user else "reactions"): [thought] if p < 2 else [],
            }
        )
    return rows


def published(number: int, *, n: int = 4, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"user{number}_task1_conversation1",
        "messages": messages(n, seed=number),
        "model_name": "GPT-5.4",
        "model_provider": "OpenAI",
        "created_at": offset_time(-20),
        "updated_at": offset_time(400),
        "task_summary": "Plan a herb bed",
        "task_expectation": "A list of plants",
        "survey_answers": [
            {
                "age": "34",
                "gender": "Female",
                "education": "Graduate",
                "occupation": "Gardener",
                "frequency": "4",
                "purposes": "Learning",
            }
        ],
        **changes,
    }


def flat_study(number: int, *, n: int = 4, **changes: Any) -> dict[str, Any]:
    record = published(number, n=n)
    del record["model_provider"]
    survey = {**record["survey_answers"][0], "purposes": ["Learning", "Recipes"], "feedback": "Loved it"}
    return {
        **record,
        "id": f"user{number}_task0_conversation0",
        "conversation_id": f"conv_study_abc12345{number % 10}_1775956268518",
        "messages": messages(n, text_key="text", seed=number),
        "model_name": "gpt-5.4",
        "survey_answers": [survey],
        **changes,
    }


def session(number: int, *, n: int = 4, tasks: int = 2, **changes: Any) -> dict[str, Any]:
    return {
        "session_id": f"conv_study_k3v9x2m{number:02d}_1775956268518",
        "recruitment_id": f"5F0c1e2d3b4a596877{number:06x}",
        "model_name": "gpt-5.4",
        "created_at": offset_time(-20),
        "updated_at": offset_time(400),
        "survey": {"age": "41", "purposes": ["Learning", "Recipes"], "feedback": "Loved it"},
        "tasks": [
            {
                "task_no": t + 1,
                "task_summary": "Plan a herb bed",
                "conversations": [{"conversation_no": 1, "messages": messages(n, seed=number + t)}],
            }
            for t in range(tasks)
        ],
        **changes,
    }


BUILDERS = {"published": published, "flat-study": flat_study, "session": session}


def line(record: Mapping[str, Any]) -> bytes:
    return json.dumps(record, ensure_ascii=False).encode()


def jsonl(records: Iterable[Mapping[str, Any] | bytes]) -> bytes:
    return b"".join((r if isinstance(r, bytes) else line(r)) + b"\n" for r in records)


@dataclass(frozen=True)
class Read:
    """Everything that a read export gave."""

    reader: ExportReader
    pages: list[StagedPage]

    def table(self, name: str) -> pl.DataFrame:
        return pl.concat([getattr(s, name) for s in self.pages])

    @property
    def found(self) -> list[tuple[int, str, str]]:
        return self.reader.quarantine.select("line", "pointer", "rule").rows()


def read_bytes(
    *contents: bytes, names: Sequence[str] = (), page_messages: int = PAGE_MESSAGES, **settings: Any
) -> Read:
    """Read exports held in memory."""
    given = names or [f"export{i}.jsonl" for i in range(len(contents))]
    files = [
        InputFile(f"memory/{i}", name, len(data))
        for i, (name, data) in enumerate(zip(given, contents, strict=True))
    ]
    by_uri = dict(zip([f.uri for f in files], contents, strict=True))
    reader = ExportReader(
        files,
        IngestSettings(**settings),
        open_input=lambda f: io.BufferedReader(io.BytesIO(by_uri[f.uri])),
        page_messages=page_messages,
    )
    return Read(reader, list(reader))
