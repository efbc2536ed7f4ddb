"""Conversations as the three staged tables, a page at a time, and the shards that a page is cut into."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import polars as pl

from schemas.fields import STAGED_CONVERSATIONS, STAGED_MESSAGES, STAGED_THOUGHTS
from tasks.ingest.labels import LabelNames, is_label, normalise_label
from tasks.ingest.parse import Fault, Location
from tasks.ingest.rows import HEADER_COLUMNS, Place, Rows

_FIRST_MOMENT = datetime(1970, 1, 1, tzinfo=UTC)
_USUAL_FORMS = ("%Y-%m-%dT%H:%M:%S.%3fZ", "%Y-%m-%dT%H:%M:%S.%6f+00:00")
"""How most times are written. Of a fixed width, they are read five times faster than `%+`, which reads them all."""


@dataclass(frozen=True, slots=True)
class StagedPage:
    """The rows of some conversations, raw: private, never published.

    Attributes:
        conversations: `STAGED_CONVERSATIONS`.
        messages: `STAGED_MESSAGES`, sorted by conversation and position.
        thoughts: `STAGED_THOUGHTS`, sorted by conversation, position and ordinal.
    """

    conversations: pl.DataFrame
    messages: pl.DataFrame
    thoughts: pl.DataFrame

    def without(self, conversation_keys: list[str]) -> StagedPage:
        """Return the page without some conversations and their rows."""
        kept = ~pl.col("conversation_key").is_in(conversation_keys)
        frames = (self.conversations, self.messages, self.thoughts)
        return StagedPage(*(frame.filter(kept) for frame in frames))


class PageColumns:
    """Columns of a page that is being filled."""

    def __init__(self) -> None:
        """Start with no rows."""
        self.places: dict[str, tuple[Place, Location]] = {}
        self.n_messages = 0
        self._headers: list[tuple[object, ...]] = []
        self._message_counts: list[int] = []
        self._messages: tuple[list[object], ...] = ([], [], [], [], [])
        self._thoughts: tuple[list[object], ...] = ([], [], [])

    def add(self, rows: Rows) -> None:
        """Append a conversation whose key is new."""
        self.places[rows.key] = (rows.place, rows.location)
        self.n_messages += len(rows.roles)
        self._headers.append(rows.header)
        self._message_counts.append(len(rows.roles))
        for column, values in zip(self._messages, rows[1:6], strict=True):
            column.extend(values)
        for column, values in zip(self._thoughts, rows[6:9], strict=True):
            column.extend(values)

    def build(self) -> StagedPage:
        """Build the staged tables; labels are normalised.

        A time that cannot be read is null and a label that is no name stays as written: see
        `find_bad_values`.
        """
        places = [place for place, _ in self.places.values()]
        headers = list(zip(*self._headers, strict=True)) or [()] * len(HEADER_COLUMNS)
        conversations = _frame(
            {
                **dict(zip(HEADER_COLUMNS, headers, strict=True)),
                "file": [p.file for p in places],
                "file_sha256": [p.file_sha256 for p in places],
                "line": [p.line for p in places],
                "byte_offset": [p.byte_offset for p in places],
                "n_bytes": [p.n_bytes for p in places],
                "line_sha256": [p.line_sha256 for p in places],
            },
            STAGED_CONVERSATIONS.polars_schema(),
        )
        n_messages = pl.Series(self._message_counts, dtype=pl.Int64)
        keys = conversations.select(
            pl.col("conversation_key").repeat_by(n_messages).explode(),
            position=pl.int_ranges(0, n_messages, dtype=pl.Int32).explode(),
        )
        roles, contents, times, ids, n_thoughts = self._messages
        values = {"role": roles, "content": contents, "timestamp_text": times, "source_message_id": ids}
        messages = pl.concat([keys, _frame(values, STAGED_MESSAGES.polars_schema())], how="horizontal")
        contents, times, labels = self._thoughts
        values = {"content": contents, "timestamp_text": times, "label": labels}
        thoughts = pl.concat(
            [
                _thought_keys(messages, pl.Series(n_thoughts, dtype=pl.Int64)),
                _frame(values, STAGED_THOUGHTS.polars_schema()),
            ],
            how="horizontal",
        )
        return StagedPage(
            conversations.with_columns(
                created_at=parse_times(conversations["created_at_text"]),
                updated_at=parse_times(conversations["updated_at_text"]),
            ).select(STAGED_CONVERSATIONS.columns),
            messages.with_columns(created_at=parse_times(messages["timestamp_text"])).select(
                STAGED_MESSAGES.columns
            ),
            thoughts.with_columns(
                pl.col("label").replace(_normalised(thoughts["label"])),
                created_at=parse_times(thoughts["timestamp_text"]),
            ).select(STAGED_THOUGHTS.columns),
        )


def cut_in_shards(page: StagedPage, n_messages: int) -> Iterator[StagedPage]:
    """Cut a page between conversations, into shards that are full with so many messages.

    Args:
        page: a page.
        n_messages: a conversation that begins this many messages after its shard began opens the next one.
    """
    counts = page.messages.group_by("conversation_key", maintain_order=True).len()
    begin = pl.col("len").cum_sum() - pl.col("len")
    numbers = counts.select("conversation_key", number=begin // n_messages)
    if not page.conversations.height:
        return
    numbered = [
        frame.join(numbers, on="conversation_key", maintain_order="left").partition_by(
            "number", as_dict=True, include_key=False
        )
        for frame in (page.conversations, page.messages, page.thoughts)
    ]
    for key in sorted(numbered[0]):
        yield StagedPage(
            *(
                parts.get(key, frame.clear())
                for parts, frame in zip(
                    numbered, (page.conversations, page.messages, page.thoughts), strict=True
                )
            )
        )


def find_bad_values(page: StagedPage) -> list[tuple[str, Fault]]:
    """Return conversation key and fault of every time that is null and every label that is no name.

    Such a time has the form of a time, but names no moment (a thirteenth month) or one before 1970.
    Locations are relative to the conversation.
    """
    found: list[tuple[str, Fault]] = []
    impossible = "timestamp.impossible"
    for column in ("created_at", "updated_at"):
        for key in _where_null(page.conversations, column)["conversation_key"]:
            found.append((key, Fault(impossible, (column,))))
    for key, position in _where_null(page.messages, "created_at")["conversation_key", "position"].rows():
        found.append((key, Fault(impossible, ("messages", position, "timestamp"))))
    found.extend(_thought_faults(_where_null(page.thoughts, "created_at"), impossible, "timestamp"))
    no_names = [label for label in page.thoughts["label"].drop_nulls().unique() if not is_label(label)]
    if no_names:
        bad = page.thoughts.filter(pl.col("label").is_in(no_names))
        found.extend(_thought_faults(bad, "label.form", "label"))
    return found


def resolve_labels(page: StagedPage, names: LabelNames) -> tuple[StagedPage, int]:
    """Replace labels by the node ids that they spell; return the page and the number of other labels.

    Args:
        page: a page with normalised labels; one that spells no node stays as it is.
        names: kind of thought to spelling to node id.
    """
    nodes = pl.DataFrame(
        [(kind, spelling, node) for kind, spellings in names.items() for spelling, node in spellings.items()],
        schema={"kind": pl.String, "label": pl.String, "node": pl.String},
        orient="row",
    )
    resolved = page.thoughts.join(nodes, on=["kind", "label"], how="left", maintain_order="left")
    is_unknown = pl.col("label").is_not_null() & pl.col("node").is_null()
    thoughts = resolved.with_columns(label=pl.coalesce("node", "label")).drop("node")
    return replace(page, thoughts=thoughts), resolved.select(is_unknown.sum()).item()


def _thought_faults(thoughts: pl.DataFrame, rule: str, name: str) -> list[tuple[str, Fault]]:
    rows = thoughts["conversation_key", "position", "kind", "ordinal"].rows()
    return [(key, Fault(rule, ("messages", p, f"{kind}s", ordinal, name))) for key, p, kind, ordinal in rows]


def _thought_keys(messages: pl.DataFrame, n_thoughts: pl.Series) -> pl.DataFrame:
    is_reason = pl.col("role") == "user"
    return (
        messages.select(
            pl.col("conversation_key", "position").repeat_by(n_thoughts),
            ordinal=pl.int_ranges(0, n_thoughts, dtype=pl.Int32),
            kind=pl.when(is_reason)
            .then(pl.lit("reason"))
            .otherwise(pl.lit("reaction"))
            .repeat_by(n_thoughts),
        )
        .filter(n_thoughts > 0)
        .explode("conversation_key", "position", "ordinal", "kind")
    )


def _where_null(frame: pl.DataFrame, column: str) -> pl.DataFrame:
    return frame.filter(pl.col(column).is_null()) if frame[column].null_count() else frame.clear()


def _frame(columns: Mapping[str, object], schema: pl.Schema) -> pl.DataFrame:
    # the full schema every time: a page without thoughts or surveys must not get Null columns
    return pl.DataFrame(columns, schema={name: schema[name] for name in columns})


def parse_times(texts: pl.Series) -> pl.Series:
    """Read times of the form that the dialects' models allow.

    Args:
        texts: ISO 8601 with a zone.

    Returns:
        datetime[us, UTC] of the same name; null where a text names no moment, or one before 1970.
    """
    times = _parse(texts, _USUAL_FORMS[0])
    for form in (*_USUAL_FORMS[1:], "%+"):
        unread = times.is_null()
        if not unread.any():
            break
        times = times.zip_with(~unread, _parse(texts.set(~unread, None), form))
    return times.set(times < _FIRST_MOMENT, None)


def _parse(texts: pl.Series, form: str) -> pl.Series:
    return texts.str.to_datetime(form, time_zone="UTC", time_unit="us", strict=False, cache=False)


def _normalised(labels: pl.Series) -> dict[str, str | None]:
    return {label: normalise_label(label) for label in labels.drop_nulls().unique()}
