"""The quarantine: every fault with its place, and the limit on how much of an export may be bad."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl

from schemas.config import IngestSettings
from schemas.errors import DataError
from schemas.fields import QUARANTINE, QUARANTINE_SUMMARY
from tasks.ingest.parse import Fault
from tasks.ingest.rows import Place

_CONVERSATION = ("file_sha256", "file", "line", "conversation_key")

_N_SHOWN = 3
"""Places that the error names, so that a failed run says where to look."""

QuarantineRow = tuple[str, str, int, int, int, str, str | None, str, str, str, str]


def quarantine_row(place: Place, key: str | None, fault: Fault) -> QuarantineRow:
    """Return a row of `QUARANTINE` for a fault found while reading."""
    return (
        *place[1:],
        key,
        fault.pointer,
        fault.rule,
        fault.message,
        "ingest",
    )


def quarantine_frame(rows: Iterable[QuarantineRow]) -> pl.DataFrame:
    """Build the `QUARANTINE` table; a repeated (place, rule) is kept once."""
    frame = pl.DataFrame(list(rows), schema=QUARANTINE.polars_schema(), orient="row")
    return frame.unique(maintain_order=True)


def count_quarantined(quarantine: pl.DataFrame) -> int:
    """Count the conversations that the quarantine holds back; an unreadable line counts as one."""
    return quarantine.select(_CONVERSATION).n_unique() if quarantine.height else 0


def summarise_quarantine(
    quarantine: pl.DataFrame, counted: Mapping[tuple[str, str], int] | None = None
) -> pl.DataFrame:
    """Return `QUARANTINE_SUMMARY`: conversations and faults by stage and rule, no places, no text.

    Args:
        quarantine: `QUARANTINE`.
        counted: (stage, rule) to number of faults of rules that count and hold nothing back.
    """
    schema = QUARANTINE_SUMMARY.polars_schema()
    held = quarantine.group_by("stage", "rule").agg(
        n_conversations=pl.struct(_CONVERSATION).n_unique().cast(pl.Int64), n_faults=pl.len().cast(pl.Int64)
    )
    only_counted = pl.DataFrame(
        [(stage, rule, 0, n) for (stage, rule), n in sorted((counted or {}).items()) if n],
        schema=schema,
        orient="row",
    )
    return pl.concat([held.select(schema.names()), only_counted]).sort("stage", "rule")


def check_quarantine_share(
    quarantine: pl.DataFrame, n_conversations: int, settings: IngestSettings, n_quarantined: int | None = None
) -> None:
    """Fail the run when too much of an export is bad: that is a fault of the export, not of its rows.

    Args:
        quarantine: `QUARANTINE`.
        n_conversations: conversations that came in, good and bad.
        settings: holds the limit.
        n_quarantined: conversations held back; counted from `quarantine` when not given.

    Raises:
        DataError: the share is above `ingest.max_quarantined_share`; names the rules with counts,
            and the first places.
    """
    n_bad = count_quarantined(quarantine) if n_quarantined is None else n_quarantined
    if n_bad <= settings.max_quarantined_share * n_conversations:
        return
    rules = (
        quarantine.group_by("rule")
        .agg(n=pl.struct(_CONVERSATION).n_unique())
        .sort(["n", "rule"], descending=[True, False])
        .rows()
    )
    named = ", ".join(f"{rule} {n:,}" for rule, n in rules)
    places = quarantine.unique(_CONVERSATION, keep="first", maintain_order=True).head(_N_SHOWN)
    first = ", ".join(
        f"{file}:{line} {pointer} {rule}".replace("  ", " ")
        for file, line, pointer, rule in places["file", "line", "pointer", "rule"].rows()
    )
    raise DataError(
        f"{n_bad:,} of {n_conversations:,} conversations are quarantined "
        f"({n_bad / max(n_conversations, 1):.1%}, limit {settings.max_quarantined_share:.1%}): {named}; "
        f"the first are {first}; "
        "`thoughttrace quarantine` lists them all; mend the export, or raise ingest.max_quarantined_share"
    )
