"""One conversation of any dialect as values for the columns of the staged tables."""

from __future__ import annotations

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

    A plain tuple of lists, not objects a row: a million of those would double the reading time.

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
    roles: list[str]
    contents: list[str]
    times: list[str]
    ids: list[int | None]
    n_thoughts: list[int]
    thought_contents: list[str]
    thought_times: list[str]
    thought_labels: list[str | None]
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
        return hash((self.header, *map(tuple, self[1:9])))


def flatten(conversation: ExportedConversation, place: Place) -> Rows:
    """Return the conversation as columns; every value stays as written."""
    text_key, messages = conversation.text_key, conversation.messages
    # the dialects' models allow only one of the two to hold anything
    listed = [m.get("reasons") or m.get("reactions") or () for m in messages]
    thoughts = [thought for part in listed for thought in part]
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
        roles=[m["type"] for m in messages],
        contents=[m[text_key] for m in messages],
        times=[m["timestamp"] for m in messages],
        ids=[m.get("id") for m in messages],
        n_thoughts=[len(part) for part in listed],
        thought_contents=[t["content"] for t in thoughts],
        thought_times=[t["timestamp"] for t in thoughts],
        thought_labels=[t.get("label") for t in thoughts],
        place=place,
        location=conversation.location,
    )
