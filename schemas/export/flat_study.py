"""The *flat-study* dialect: one conversation a line, as an earlier revision was exported.

It differs from *published*: numbers in ids start at 0, `conversation_id` names the study session
(shared by its tasks), message text is in `text`, the model is a slug without a provider, and the
survey has `purposes` as a list and `feedback`, which is written to the researchers and never leaves
the parser.
"""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired

from pydantic import Field, StringConstraints, with_config
from typing_extensions import TypedDict

from schemas.export.published import ConversationId
from schemas.export.turns import STRICT, ClockId, Nothing, Text, Thoughts, Timestamp, WrittenText

SessionId = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9_.-]{1,100}$")]


@with_config(STRICT)
class UserMessage(TypedDict):
    """A message written by the participant."""

    text: WrittenText
    timestamp: Timestamp
    type: Literal["user"]
    id: ClockId
    reasons: NotRequired[Thoughts]
    reactions: NotRequired[Nothing]


@with_config(STRICT)
class AssistantMessage(TypedDict):
    """An answer of the model."""

    text: WrittenText
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
    purposes: NotRequired[list[Text] | None]
    feedback: NotRequired[Text | None]


@with_config(STRICT)
class FlatStudy(TypedDict):
    """One conversation."""

    id: ConversationId
    conversation_id: SessionId
    messages: Annotated[
        list[Annotated[UserMessage | AssistantMessage, Field(discriminator="type")]], Field(min_length=1)
    ]
    model_name: WrittenText
    model_provider: NotRequired[Text | None]
    created_at: Timestamp
    updated_at: Timestamp
    task_summary: Text | None
    task_expectation: Text | None
    survey_answers: Annotated[list[Survey], Field(max_length=1)] | None
