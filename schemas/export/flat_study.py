"""The *flat-study* dialect: one conversation a line, as an earlier revision was exported.

It differs from *published*: numbers in ids start at 0, `conversation_id` names the study session
(shared by its tasks), message text is in `text`, the model is a slug without a provider, and the
survey has `purposes` as a list and `feedback`, which is written to the researchers and never leaves
the parser.
"""

from __future__ import annotations

from typing import Annotated, NotRequired

from pydantic import Field, StringConstraints, with_config
from typing_extensions import TypedDict

from schemas.export.published import ConversationId
from schemas.export.turns import (
    STRICT,
    AssistantTurn,
    ClockId,
    StudySurvey,
    Text,
    Timestamp,
    UserTurn,
    WrittenText,
)

SessionId = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9_.-]{1,100}$")]


@with_config(STRICT)
class UserMessage(UserTurn):
    """A message written by the participant."""

    text: WrittenText
    id: ClockId


@with_config(STRICT)
class AssistantMessage(AssistantTurn):
    """An answer of the model."""

    text: WrittenText
    id: ClockId


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
    survey_answers: Annotated[list[StudySurvey], Field(max_length=1)] | None
