"""What all dialects share: text, clock times, thoughts and survey answers.

Unknown keys are errors everywhere: an export that grew a key is looked at by a person before its
content can reach a release.
"""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired

from pydantic import ConfigDict, Field, StringConstraints, with_config
from typing_extensions import TypedDict

STRICT = ConfigDict(extra="forbid", hide_input_in_errors=True)

Text = Annotated[str, StringConstraints(strict=True)]
"""Any string. That it holds no NUL is checked on the bytes of the line, where it is nearly free."""

WrittenText = Annotated[str, StringConstraints(strict=True, pattern=r"\S")]
"""A string with at least one visible character."""

Timestamp = Annotated[
    str,
    StringConstraints(
        strict=True,
        pattern=(
            r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}"
            r"(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$"
        ),
    ),
]
"""ISO 8601 with a zone, kept as written; that it names a real day is checked when it is parsed.
Numbers and times without a zone are refused: nobody can say which moment they mean."""

ClockId = Annotated[int, Field(strict=True, ge=0, le=2**63 - 1)]
"""A message's id: the exporting platform's clock in ms. Unique only within a conversation."""


@with_config(STRICT)
class Thought(TypedDict):
    """A reason or a reaction: `content` may be empty, `label` may be missing."""

    content: Text
    timestamp: Timestamp
    label: NotRequired[Text | None]


Thoughts = list[Thought] | None
"""Thoughts on a message; null where a loader filled the key in."""

Nothing = Annotated[list[Thought], Field(max_length=0)] | None
"""The key of the other role: null or empty."""


class UserTurn(TypedDict):
    """What every message of a participant holds; dialects add its text and id."""

    timestamp: Timestamp
    type: Literal["user"]
    reasons: NotRequired[Thoughts]
    reactions: NotRequired[Nothing]


class AssistantTurn(TypedDict):
    """What every answer of a model holds; dialects add its text and id."""

    timestamp: Timestamp
    type: Literal["assistant"]
    reactions: NotRequired[Thoughts]
    reasons: NotRequired[Nothing]


class Demographics(TypedDict):
    """What every survey asks of the participant; every key may be null or absent."""

    age: NotRequired[Text | None]
    gender: NotRequired[Text | None]
    education: NotRequired[Text | None]
    occupation: NotRequired[Text | None]
    frequency: NotRequired[Text | None]


@with_config(STRICT)
class StudySurvey(Demographics):
    """The survey as the study asked it: purposes as a list, and feedback to the researchers."""

    purposes: NotRequired[list[Text] | None]
    feedback: NotRequired[Text | None]
