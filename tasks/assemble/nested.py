"""The nested view: one row a conversation with its messages and thoughts inside."""

from __future__ import annotations

import io
from collections.abc import Mapping

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.fields import VIEWS

_MESSAGE_COLUMNS = (
    "message_id",
    "position",
    "role",
    "content",
    "offset_s",
    "stage",
    "language",
    "relationship",
)
_ROW_GROUP_ROWS = 5_000
_THOUGHT_COLUMNS = ("thought_id", "kind", "content", "offset_s", "label")


def nest_conversations(views: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Nest messages and thoughts into their conversation.

    Args:
        views: reader views `conversations`, `messages`, `thoughts`.

    Returns:
        The columns of `conversations` and `messages`: a list of structs, each with a list of
        `thoughts`; one row a conversation, in its order.
    """
    thoughts = (
        views["thoughts"]
        .group_by("message_id", maintain_order=True)
        .agg(thoughts=pl.struct(_THOUGHT_COLUMNS))
    )
    messages = (
        views["messages"]
        .join(thoughts, on="message_id", how="left", maintain_order="left")
        .with_columns(pl.col("thoughts").fill_null([]))
        .group_by("conversation_id", maintain_order=True)
        .agg(messages=pl.struct(*_MESSAGE_COLUMNS, "thoughts"))
    )
    return views["conversations"].join(messages, on="conversation_id", how="left", maintain_order="left")


def nested_schema() -> pa.Schema:
    """Arrow schema of `nest_conversations`, with the descriptions of the columns."""
    of_message = {field.name: field for field in VIEWS["messages"].arrow_schema()}
    of_thought = {field.name: field for field in VIEWS["thoughts"].arrow_schema()}
    thought = pa.struct([of_thought[name] for name in _THOUGHT_COLUMNS])
    message = pa.struct(
        [
            *(of_message[name] for name in _MESSAGE_COLUMNS),
            pa.field("thoughts", pa.list_(thought), nullable=False),
        ]
    )
    return (
        VIEWS["conversations"]
        .arrow_schema()
        .append(
            pa.field(
                "messages",
                pa.list_(message),
                nullable=False,
                metadata={"description": "Messages in order, each with its thoughts."},
            )
        )
    )


def encode_nested(views: Mapping[str, pl.DataFrame], zstd_level: int) -> bytes:
    """Return the nested view as Parquet bytes; the same rows give the same bytes."""
    buffer = io.BytesIO()
    pq.write_table(
        nest_conversations(views).to_arrow().cast(nested_schema()),
        buffer,
        version="2.6",
        compression="zstd",
        compression_level=zstd_level,
        row_group_size=_ROW_GROUP_ROWS,
        write_page_index=True,
        write_page_checksum=True,
    )
    return buffer.getvalue()
