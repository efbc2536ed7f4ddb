"""The *published* dialect: one conversation a line, as in the public dataset file.

Ids are `user<N>_task<N>_conversation<N>`; `survey_answers` holds no or one object, all strings.
`created_at`, `updated_at` and the survey describe the study session: conversations of one sitting
carry the same values.
"""

from __future__ import annotations

from typing import Annotated, NotRequired

from pydantic import Field, StringConstraints, with_config
from typing_extensions import TypedDict

from schemas.export.turns import (
    STRICT,
    AssistantTurn,
    ClockId,
    Demographics,
    Text,
    Timestamp,
    UserTurn,
    WrittenText,
)

ID_PATTERN = r"^user[0-9]{1,9}_task[0-9]{1,9}_conversation[0-9]{1,9}$"
ConversationId = Annotated[str, StringConstraints(strict=True, pattern=ID_PATTERN)]


@with_config(STRICT)
class UserMessage(UserTurn):
    """A message written by the participant."""

    content: WrittenText
    id: ClockId


@with_config(STRICT)
class AssistantMessage(AssistantTurn):
    """An answer of the model."""

    content: WrittenText
    id: ClockId


@with_config(STRICT)
class Survey(Demographics):
    """Answers of the participant; every key may be null or absent."""

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
