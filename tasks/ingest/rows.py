"""One conversation of any dialect as values for the columns of the staged tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tasks.ingest.conversations import SURVEY_KEYS, ExportedConversation, join_purposes
from tasks.ingest.outline import Outline
from tasks.ingest.parse import Location

HEADER_COLUMNS = (
    "conversation_key",
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
"""Columns of `STAGED_CONVERSATIONS` that the record holds, in the order of `Rows.header`."""


class Place(NamedTuple):
    """Where a conversation comes from.

    Attributes:
        dialect: dialect of the file.
        file: name for messages.
        file_sha256: digest of the file.
        line: line on which the record starts, from 1.
        byte_offset: where it starts in the unpacked file.
        n_bytes: its length.
        line_sha256: digest of its bytes.
    """

    dialect: str
    file: str
    file_sha256: str
    line: int
    byte_offset: int
    n_bytes: int
    line_sha256: str


class Rows(NamedTuple):
    """One conversation as columns; text, times and labels as written.

    A plain tuple of columns, not objects a row: a million of those would double the reading time.

    Attributes:
        header: values of `HEADER_COLUMNS`.
        roles: role of each message.
        contents: text of each message.
        times: time of each message.
        ids: source id of each message.
        n_thoughts: number of thoughts on each message.
        thought_contents: text of each thought, in the order of the messages.
        thought_times: time of each thought.
        thought_labels: label of each thought.
        place: where it comes from.
        location: keys and indices from the record to the conversation.
    """

    header: tuple[object, ...]
    roles: Sequence[str]
    contents: Sequence[str]
    times: Sequence[str]
    ids: Sequence[int | None]
    n_thoughts: Sequence[int]
    thought_contents: Sequence[str]
    thought_times: Sequence[str]
    thought_labels: Sequence[str | None]
    place: Place
    location: Location

    @property
    def key(self) -> str:
        """The conversation key."""
        return str(self.header[0])

    @property
    def outline(self) -> Outline:
        """Whose it is and how many rows it has."""
        return Outline(self.key, str(self.header[1]), len(self.roles), len(self.thought_contents))

    def digest(self) -> int:
        """Return 64 bits that two conversations of one key share only when their content is the same.

        Whatever the records' white space, order of keys or file. Comparable within one process only.
        """
        return hash(self[:9])


def flatten(conversation: ExportedConversation, place: Place) -> Rows:
    """Return the conversation as columns; every value stays as written."""
    roles, contents, times, ids, n_thoughts = [], [], [], [], []
    thought_contents, thought_times, thought_labels = [], [], []
    text_key = conversation.text_key
    for message in conversation.messages:
        roles.append(message["type"])
        contents.append(message[text_key])
        times.append(message["timestamp"])
        ids.append(message.get("id"))
        # the dialects' models allow only one of the two to hold anything
        thoughts = message.get("reasons") or message.get("reactions")
        if not thoughts:
            n_thoughts.append(0)
            continue
        n_thoughts.append(len(thoughts))
        for thought in thoughts:
            thought_contents.append(thought["content"])
            thought_times.append(thought["timestamp"])
            thought_labels.append(thought.get("label"))
    header, task, survey = conversation.header, conversation.task, conversation.survey
    answers = (None,) * len(SURVEY_KEYS) if survey is None else tuple(map(survey.get, SURVEY_KEYS))
    return Rows(
        header=(
            f"{place.dialect}:{conversation.source_id}",
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
            *answers[:-1],
            join_purposes(answers[-1]),
        ),
        roles=tuple(roles),
        contents=tuple(contents),
        times=tuple(times),
        ids=tuple(ids),
        n_thoughts=tuple(n_thoughts),
        thought_contents=tuple(thought_contents),
        thought_times=tuple(thought_times),
        thought_labels=tuple(thought_labels),
        place=place,
        location=conversation.location,
    )
