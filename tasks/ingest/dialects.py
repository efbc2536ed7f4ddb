"""Which dialect a file speaks, told from its records and never from its name."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError

from schemas.errors import InputError
from schemas.export.flat_study import FlatStudy
from schemas.export.published import Published
from schemas.export.session import Session
from tasks.ingest.records import Record

LOOKED_FOR = (
    "published (id, messages[].content, survey_answers), flat-study (id, conversation_id, messages[].text) "
    "and session (session_id, recruitment_id, tasks[])"
)
N_LOOKED_AT = 100
"""Records of a file that are looked at before its dialect counts as unknown."""


@cache
def adapters() -> Mapping[str, TypeAdapter[Any]]:
    """Dialect name to the validator of one record."""
    return {
        "published": TypeAdapter(Published),
        "flat-study": TypeAdapter(FlatStudy),
        "session": TypeAdapter(Session),
    }


def recognise_dialect(records: Sequence[Record], name: str) -> str:
    """Return the dialect of a file from its first records.

    The first record that a dialect's model accepts decides. Where none is faultless, the keys of the
    records decide, so that a file of faulty records is quarantined with reasons and not just refused.

    Args:
        records: the file's first records, blank ones left out.
        name: the file's name for messages.

    Raises:
        InputError: the file holds nothing, or nothing that resembles a dialect.
    """
    if not records:
        raise InputError(f"{name}: the file holds no record")
    for record in records:
        found = accepting_dialect(record.data)
        if found is not None:
            return found
    votes = Counter(filter(None, (_dialect_by_keys(record.data) for record in records)))
    if votes:
        return votes.most_common(1)[0][0]
    raise InputError(
        f"{name}: unknown dialect; none of its first {len(records)} records is one of {LOOKED_FOR}"
    )


def accepting_dialect(data: bytes | None) -> str | None:
    """Return the dialect whose model accepts the record as it is, or None."""
    if not data:
        return None
    for name, adapter in adapters().items():
        try:
            adapter.validate_json(data)
        except ValidationError:
            continue
        return name
    return None


def _dialect_by_keys(data: bytes | None) -> str | None:
    try:
        record = json.loads(data or b"")
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict):
        return None
    keys = cast("dict[str, Any]", record)
    if isinstance(keys.get("tasks"), list) and ("session_id" in keys or "recruitment_id" in keys):
        return "session"
    messages = keys.get("messages")
    if "id" not in keys or not isinstance(messages, list):
        return None
    first = cast("list[Any]", messages)[:1]
    inner = cast("dict[str, Any]", first[0]) if first and isinstance(first[0], dict) else {}
    if "conversation_id" in keys and ("text" in inner or not inner):
        return "flat-study"
    if "survey_answers" in keys or {"content", "timestamp", "type"} <= inner.keys():
        return "published"
    return None
