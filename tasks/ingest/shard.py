"""Conversations as the three staged tables, a shard at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from schemas.fields import STAGED_CONVERSATIONS, STAGED_MESSAGES, STAGED_THOUGHTS
from tasks.ingest.conversations import SURVEY_KEYS, ExportedConversation, join_purposes, normalise_label
from tasks.ingest.outline import Outline
from tasks.ingest.parse import Fault, Location
from tasks.ingest.records import Record

_FIRST_YEAR = 1970
_THOUGHT_KEYS = (("user", "reason", "reasons"), ("assistant", "reaction", "reactions"))
_THOUGHT_KEY = {role: (kind, key) for role, kind, key in _THOUGHT_KEYS}


@dataclass(frozen=True, slots=True)
class StagedShard:
    """The rows of some conversations, raw: private, never published.

    Attributes:
        shard_id: `0001`, `0002`, … in the order of the input.
        conversations: `STAGED_CONVERSATIONS`.
        messages: `STAGED_MESSAGES`.
        thoughts: `STAGED_THOUGHTS`.
    """

    shard_id: str
    conversations: pl.DataFrame
    messages: pl.DataFrame
    thoughts: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Place:
    """Where a conversation comes from: dialect, file and record."""

    dialect: str
    file: str
    file_sha256: str
    record: Record


@dataclass(frozen=True, slots=True)
class Rows:
    """One conversation, flattened, not yet in a shard.

    Attributes:
        key: conversation key.
        place: where it comes from.
        header: values of `STAGED_CONVERSATIONS`, times as text.
        messages: role, content, time as text and source id, a list each.
        thoughts: position, ordinal, kind, content, time as text and label, a tuple a thought.
        faults: labels that are no names.
        location: keys and indices from the record to the conversation.
    """

    key: str
    place: Place
    header: tuple[object, ...]
    messages: tuple[list[str], list[str], list[str], list[int | None]]
    thoughts: list[tuple[int, int, str, str, str, str | None]]
    faults: list[Fault]
    location: Location

    @property
    def participant_key(self) -> str:
        """Key of the participant."""
        return str(self.header[0])

    @property
    def outline(self) -> Outline:
        """Whose it is and how many rows it has."""
        return Outline(self.key, self.participant_key, len(self.messages[0]), len(self.thoughts))

    def digest(self) -> int:
        """Return 64 bits that two conversations share only when their content is the same.

        Comparable within one process only, and compared only between conversations of one key.
        """
        return hash((self.header, *map(tuple, self.messages), tuple(self.thoughts)))


def flatten(conversation: ExportedConversation, place: Place) -> Rows:
    """Flatten one conversation; labels are normalised, everything else stays as written."""
    text_key, messages = conversation.text_key, conversation.messages
    faults: list[Fault] = []
    thoughts: list[tuple[int, int, str, str, str, str | None]] = []
    for position, message in enumerate(messages):
        kind, key = _THOUGHT_KEY[message["type"]]
        for ordinal, thought in enumerate(message.get(key) or ()):
            label = thought.get("label")
            if label is not None and not label.strip():
                label = None
            elif label is not None and (label := normalise_label(label)) is None:
                where = (*conversation.location, "messages", position, key, ordinal, "label")
                faults.append(Fault("label.form", where))
            thoughts.append((position, ordinal, kind, thought["content"], thought["timestamp"], label))
    survey = conversation.survey
    answers = {name: survey.get(name) for name in SURVEY_KEYS} if survey is not None else {}
    header, task = conversation.header, conversation.task
    return Rows(
        key=f"{place.dialect}:{conversation.source_id}",
        place=place,
        header=(
            f"{place.dialect}:{conversation.participant}",
            conversation.recruitment_id,
            place.dialect,
            conversation.source_id,
            conversation.session_key,
            conversation.task_no,
            conversation.conversation_no,
            header["model_name"],
            header.get("model_provider"),
            header["created_at"],
            header["updated_at"],
            task.get("task_summary"),
            task.get("task_expectation"),
            survey is not None,
            *(answers.get(name) for name in SURVEY_KEYS[:-1]),
            join_purposes(answers.get("purposes")),
        ),
        messages=(
            [m["type"] for m in messages],
            [m[text_key] for m in messages],
            [m["timestamp"] for m in messages],
            [m.get("id") for m in messages],
        ),
        thoughts=thoughts,
        faults=faults,
        location=conversation.location,
    )


_HEADER_COLUMNS = (
    "participant_key",
    "recruitment_id",
    "dialect",
    "source_id",
    "session_key",
    "task_no",
    "conversation_no",
    "model_name",
    "model_provider",
    "created_at_text",
    "updated_at_text",
    "task_summary",
    "task_expectation",
    "has_survey",
    *(f"survey_{name}" for name in SURVEY_KEYS),
)


def build_shard(shard_id: str, rows: Sequence[Rows]) -> StagedShard:
    """Build the staged tables of a shard; a time that cannot be read is null (see `find_bad_times`)."""
    counts = pl.DataFrame(
        {"conversation_key": [r.key for r in rows], "n": [len(r.messages[0]) for r in rows]},
        schema={"conversation_key": pl.String, "n": pl.Int64},
    )
    columns = list(zip(*(r.header for r in rows), strict=True)) or [()] * len(_HEADER_COLUMNS)
    conversations = _frame(
        {
            "conversation_key": counts["conversation_key"],
            **dict(zip(_HEADER_COLUMNS, columns, strict=True)),
            "file": [r.place.file for r in rows],
            "file_sha256": [r.place.file_sha256 for r in rows],
            "line": [r.place.record.line for r in rows],
            "byte_offset": [r.place.record.byte_offset for r in rows],
            "n_bytes": [r.place.record.n_bytes for r in rows],
            "line_sha256": [r.place.record.sha256 for r in rows],
        },
        STAGED_CONVERSATIONS.polars_schema(),
    ).with_columns(created_at=_time("created_at_text"), updated_at=_time("updated_at_text"))
    positions = counts.select(
        pl.col("conversation_key").repeat_by("n").explode(),
        position=pl.int_ranges(0, "n", dtype=pl.Int32).explode(),
    )
    messages = _frame(
        {
            "conversation_key": positions["conversation_key"],
            "position": positions["position"],
            "role": _chain(r.messages[0] for r in rows),
            "content": _chain(r.messages[1] for r in rows),
            "timestamp_text": _chain(r.messages[2] for r in rows),
            "source_message_id": _chain(r.messages[3] for r in rows),
        },
        STAGED_MESSAGES.polars_schema(),
    ).with_columns(created_at=_time("timestamp_text"))
    flat = [t for r in rows for t in r.thoughts]
    thought_columns = ("position", "ordinal", "kind", "content", "timestamp_text", "label")
    values = list(zip(*flat, strict=True)) or [()] * len(thought_columns)
    thoughts = _frame(
        {
            "conversation_key": [r.key for r in rows for _ in r.thoughts],
            **dict(zip(thought_columns, values, strict=True)),
        },
        STAGED_THOUGHTS.polars_schema(),
    ).with_columns(created_at=_time("timestamp_text"))
    return StagedShard(
        shard_id,
        conversations.select(STAGED_CONVERSATIONS.columns),
        messages.select(STAGED_MESSAGES.columns),
        thoughts.select(STAGED_THOUGHTS.columns),
    )


def find_bad_times(shard: StagedShard) -> list[tuple[str, Location]]:
    """Return conversation key and location (from the conversation on) of every time that is null.

    The text has the form of a time, but names no moment (a thirteenth month) or one before 1970.
    """
    found: list[tuple[str, Location]] = []
    for column in ("created_at", "updated_at"):
        bad = shard.conversations.filter(pl.col(column).is_null())["conversation_key"]
        found.extend((key, (column,)) for key in bad)
    bad_messages = shard.messages.filter(pl.col("created_at").is_null())
    for key, position in bad_messages.select("conversation_key", "position").rows():
        found.append((key, ("messages", position, "timestamp")))
    bad_thoughts = shard.thoughts.filter(pl.col("created_at").is_null())
    columns = ("conversation_key", "position", "kind", "ordinal")
    for key, position, kind, ordinal in bad_thoughts.select(columns).rows():
        found.append((key, ("messages", position, f"{kind}s", ordinal, "timestamp")))
    return found


def _frame(columns: dict[str, object], schema: pl.Schema) -> pl.DataFrame:
    # the full schema every time: a shard without thoughts or surveys must not get Null columns
    return pl.DataFrame(columns, schema={name: schema[name] for name in columns})


def _chain(parts: Iterable[Sequence[object]]) -> list[object]:
    return [value for part in parts for value in part]


def _time(column: str) -> pl.Expr:
    parsed = pl.col(column).str.to_datetime("%+", time_zone="UTC", time_unit="us", strict=False)
    return pl.when(parsed.dt.year() >= _FIRST_YEAR).then(parsed)
