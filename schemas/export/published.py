"""The *published* dialect: one conversation a line, as in the public dataset file.

Ids are `user<N>_task<N>_conversation<N>`; `survey_answers` holds no or one object, all strings.
`created_at`, `updated_at` and the survey describe the study session: conversations of one sitting
carry the same values.
"""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired

from pydantic import Field, StringConstraints, with_config
from typing_extensions import TypedDict

from schemas.export.turns import STRICT, ClockId, Nothing, Text, Thoughts, Timestamp, WrittenText

ID_PATTERN = r"^user[0-9]{1,9}_task[0-9]{1,9}_conversation[0-9]{1,9}$"
ConversationId = Annotated[str, StringConstraints(strict=True, pattern=ID_PATTERN)]


@with_config(STRICT)
class UserMessage(TypedDict):
    """A message written by the participant."""

    content: WrittenText
    timestamp: Timestamp
    type: Literal["user"]
    id: ClockId
    reasons: NotRequired[Thoughts]
    reactions: NotRequired[Nothing]


@with_config(STRICT)
class AssistantMessage(TypedDict):
    """An answer of the model."""

    content: WrittenText
    timestamp: Timestamp
    type: Literal["assistant"]
    id: ClockId
    reactions: NotRequired[Thoughts]
    reasons: NotRequired[Nothing]


@with_config(STRICT)
class Survey(TypedDict):
    """Answers of the participant; every key may be null or absent."""

    age: NotRequired[Text | None]
    gender: NotRequired[Text | None]
    education: NotRequired[Text | None]
    occupation: NotRequired[Text | None]
    frequency: NotRequired[Text | None]
    purposes: NotRequired[Text | None]


@with_config(STRICT)
class Published(TypedDict):
    """One conversation."""

    id: ConversationId
    messages: Annotated[
        list[Annotated[UserMessage | AssistantMessage, Field(discriminator="type")]], Field(min_length=1)
    ]
    model_name: WrittenText
    model_provider: Text | None
    created_at: Timestamp
    updated_at: Timestamp
    task_summary: Text | None
    task_expectation: Text | None
    survey_answers: Annotated[list[Survey], Field(max_length=1)] | None
