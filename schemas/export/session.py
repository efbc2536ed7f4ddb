"""The *session* dialect: one document per participant session.

A session is one sitting of one participant: a survey, then tasks, each with one or more
conversations. It is the only dialect that carries the recruitment platform's participant id.
A file holds one document, a JSON array of documents, or one document a line (JSONL).

An invented example (JSON, one line in a JSONL file)::

    {
      "session_id": "conv_study_k3v9x2m1q_1775956268518",
      "recruitment_id": "5f0c1e2d3b4a59687786a5b4",
      "model_name": "gpt-5.4",
      "model_provider": "OpenAI",
      "created_at": "2026-04-12T01:10:58.517000+00:00",
      "updated_at": "2026-04-12T01:41:07.002000+00:00",
      "survey": {
        "age": "34", "gender": "Female", "education": "Graduate", "occupation": "Gardener",
        "frequency": "4", "purposes": ["Learning", "Recipes"], "feedback": "Went well."
      },
      "tasks": [
        {
          "task_no": 1,
          "task_summary": "Plan a herb bed",
          "task_expectation": "A list of plants",
          "conversations": [
            {
              "conversation_no": 1,
              "messages": [
                {
                  "content": "Which herbs grow in shade?",
                  "timestamp": "2026-04-12T01:11:08.518Z", "type": "user", "id": 1775956268518,
                  "reasons": [
                    {"content": "My balcony faces north.", "timestamp": "2026-04-12T01:11:30.317Z"}
                  ]
                },
                {
                  "content": "Mint, chives and parsley.",
                  "timestamp": "2026-04-12T01:11:15.040Z", "type": "assistant", "id": 1775956275041,
                  "reactions": []
                }
              ]
            }
          ]
        }
      ]
    }

Rules beyond the types:

- `session_id` names the session, so the source id of a conversation is
  `<session_id>/task<task_no>/conversation<conversation_no>`; it never holds the recruitment id.
- `task_no` and `conversation_no` count from 0 or 1. A participant who comes back in another session
  goes on counting tasks, because both numbers are part of the public id.
- `survey` is null or absent where the participant did not answer; `feedback` is written to the
  researchers and never leaves the parser.
- `model_provider`, `task_summary`, `task_expectation`, a message's `id` and a thought's `label` may be
  null or absent.
"""

from __future__ import annotations

from typing import Annotated, NotRequired

from pydantic import Field, StringConstraints, with_config
from typing_extensions import TypedDict

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

Number = Annotated[int, Field(strict=True, ge=0, le=999_999)]
"""Number of a task or conversation."""

SessionId = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9_.-]{1,100}$")]
RecruitmentId = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9_-]{1,64}$")]
"""The recruitment platform's id of the participant, e.g. 24 hexadecimal characters."""


@with_config(STRICT)
class UserMessage(UserTurn):
    """A message written by the participant."""

    content: WrittenText
    id: NotRequired[ClockId | None]


@with_config(STRICT)
class AssistantMessage(AssistantTurn):
    """An answer of the model."""

    content: WrittenText
    id: NotRequired[ClockId | None]


@with_config(STRICT)
class Conversation(TypedDict):
    """One conversation of a task."""

    conversation_no: Number
    messages: Annotated[
        list[Annotated[UserMessage | AssistantMessage, Field(discriminator="type")]], Field(min_length=1)
    ]


@with_config(STRICT)
class Task(TypedDict):
    """One task of the session."""

    task_no: Number
    task_summary: NotRequired[Text | None]
    task_expectation: NotRequired[Text | None]
    conversations: Annotated[list[Conversation], Field(min_length=1)]


@with_config(STRICT)
class Session(TypedDict):
    """One participant session."""

    session_id: SessionId
    recruitment_id: RecruitmentId
    model_name: WrittenText
    model_provider: NotRequired[Text | None]
    created_at: Timestamp
    updated_at: Timestamp
    survey: NotRequired[StudySurvey | None]
    tasks: Annotated[list[Task], Field(min_length=1)]
