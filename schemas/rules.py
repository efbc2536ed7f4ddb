"""Every rule that an export or a table can break, once: its name, its text and what follows.

Quarantine tables, error messages and the documentation take names and texts from here, so a message
about a fault can never quote the faulty value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Severity = Literal["quarantine", "count"]
Stage = Literal["ingest", "validate"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        name: what it is about, a dot, what is wrong.
        text: what the rule says, in one sentence, for the maintainer who reads the quarantine.
        severity: `quarantine` holds the conversation back; `count` only counts.
        stage: who checks it.
    """

    name: str
    text: str
    severity: Severity = "quarantine"
    stage: Stage = "ingest"


_INGEST = (
    ("line.too_long", "The line is longer than `ingest.max_line_mb`."),
    ("line.encoding", "The line is not valid UTF-8."),
    ("line.json", "The line is not one valid JSON value."),
    ("line.surrogate", "A string holds a lone surrogate, which is no character."),
    ("line.nul", "A string holds a NUL character."),
    ("line.duplicate_key", "A JSON object names the same key twice."),
    ("record.wrong_type", "The value is of the wrong JSON type."),
    ("record.missing_key", "A required key is missing."),
    ("record.unknown_key", "The key is not part of the dialect."),
    ("record.bad_id", "The id does not have the form of the dialect's ids."),
    ("record.too_few", "The list must hold at least one item."),
    ("record.too_many", "The list holds more items than it may."),
    ("record.number_range", "The number is out of range."),
    ("message.empty", "The text has no visible character."),
    ("message.role", "The message type is neither `user` nor `assistant`."),
    ("thought.wrong_role", "Reasons stand on user messages, reactions on assistant messages."),
    ("label.form", "The label is not a name of at most 64 letters, digits and underscores."),
    ("timestamp.form", "The time is not ISO 8601 text with a time zone."),
    ("timestamp.impossible", "The time names no moment of the calendar."),
    ("conversation.duplicate_id", "The id was used before by a conversation with another content."),
)
_VALIDATE = (
    ("conversation.starts_with_user", "The first message of a conversation is the user's."),
    ("conversation.roles_alternate", "User and assistant take turns."),
    ("conversation.ends_with_assistant", "The last message of a conversation is the assistant's."),
    ("conversation.time_goes_back", "A message is not earlier than the message before it."),
    ("conversation.updated_before_created", "`updated_at` is not before `created_at`."),
    ("conversation.number_reused", "A participant's task and conversation numbers name one conversation."),
    ("conversation.without_messages", "A conversation has messages."),
    ("message.position_gap", "Positions count from 0 without a gap."),
    ("message.orphan", "A message belongs to a conversation."),
    ("thought.before_message", "A thought is not earlier than the message it stands on."),
    ("thought.wrong_kind", "A reason stands on a user message, a reaction on an assistant message."),
    ("thought.orphan", "A thought stands on a message of its conversation."),
    ("participant.minor", "Participants are 18 or older; the participant stated an age from 13 to 17."),
    ("row.duplicate_key", "The primary key is unique."),
    ("row.null", "The column must not be null."),
    ("row.value", "The value is not one of the column's closed set."),
    ("row.range", "The number is out of range."),
    ("row.orphan", "The foreign key is found in the table it points to."),
)
_COUNTED = (
    Rule("line.blank", "A blank line; it holds no record.", "count", "ingest"),
    Rule(
        "conversation.duplicate",
        "The same conversation with the same content was exported again; one copy is kept.",
        "count",
        "ingest",
    ),
    Rule(
        "label.unknown",
        "The label is no node of the shipped taxonomies; it is kept as written, and the tagging stage decides.",
        "count",
        "ingest",
    ),
    Rule(
        "survey.age_out_of_range",
        "The stated age is below 13 or above 110; it becomes null, the conversation is kept.",
        "count",
        "validate",
    ),
)

RULES: Mapping[str, Rule] = MappingProxyType(
    {
        rule.name: rule
        for rule in (
            *(Rule(name, text) for name, text in _INGEST),
            *(Rule(name, text, stage="validate") for name, text in _VALIDATE),
            *_COUNTED,
        )
    }
)
"""Rule name to rule, in the order of the documentation."""
