"""Who took part, and which languages they wrote; small cells are held back under `strict`."""

from __future__ import annotations

import polars as pl

from schemas.stats import DemographicCell, Demographics, LanguageRow
from tasks.stats.cells import round_count
from tasks.stats.frames import Frames

ATTRIBUTES = ("age_band", "gender", "education", "occupation_group", "ai_use_frequency", "purposes")
MISSING = "(missing)"
REST = "(other or missing)"


def count_demographics(participants: pl.DataFrame, smallest_cell: int) -> Demographics:
    """Participants by answer, the missing ones shown; no two attributes are ever crossed.

    Where small cells are held back, an answer with fewer participants than the limit is merged with the
    missing ones, counts are rounded to 5 and shares are made from the rounded counts, so that neither a
    subtraction within a table nor one between two releases gives a small group away.

    Args:
        participants: one row a participant.
        smallest_cell: smallest count shown; 0 shows every count as it is.
    """
    n = participants.height
    known = [a for a in ATTRIBUTES if a in participants.columns]
    blank = pl.all_horizontal(
        [pl.col(a).list.len().fill_null(0) == 0 if a == "purposes" else pl.col(a).is_null() for a in known]
    )
    silent = participants.filter(blank).height if known else n
    cells: list[DemographicCell] = []
    for attribute in known:
        answers, missing = _count_answers(participants[attribute])
        if smallest_cell:
            cells += _hide(attribute, answers, missing, n, smallest_cell)
        else:
            cells += [
                DemographicCell(
                    attribute=attribute,
                    value=value,
                    n=count,
                    share=round(count / n, 6),
                    is_missing=value == MISSING,
                    is_suppressed=False,
                )
                for value, count in [*answers, (MISSING, missing)]
                if count
            ]
    if smallest_cell:
        shown = round_count(silent) if silent == 0 or silent >= smallest_cell else None
        return Demographics(n_participants=n, n_without_answers=shown, cells=cells)
    return Demographics(n_participants=n, n_without_answers=silent, cells=cells)


def count_languages(frames: Frames, smallest_cell: int) -> list[LanguageRow]:
    """Conversations, messages and participants by detected language, the most frequent first.

    Args:
        frames: collected inputs.
        smallest_cell: languages of fewer participants show no counts; 0 shows all.
    """
    messages = frames.messages.group_by(pl.col("language").cast(pl.String)).agg(n_messages=pl.len())
    rows = (
        frames.conversations.group_by("language")
        .agg(n_conversations=pl.len(), n_participants=pl.col("p").n_unique())
        .join(messages, on="language", how="full", coalesce=True)
        .with_columns(
            pl.col("n_conversations", "n_participants", "n_messages").fill_null(0),
            pl.col("language").fill_null("und"),
        )
        .sort("n_conversations", "n_messages", "language", descending=[True, True, False])
    )
    total = frames.conversations.height
    shown: list[LanguageRow] = []
    for row in rows.iter_rows(named=True):
        hidden = row["n_participants"] < smallest_cell
        shown.append(
            LanguageRow(
                language=row["language"],
                n_conversations=None if hidden else row["n_conversations"],
                share=None if hidden or not total else round(row["n_conversations"] / total, 6),
                n_messages=None if hidden else row["n_messages"],
                n_participants=None if hidden else row["n_participants"],
                is_suppressed=hidden,
            )
        )
    return sorted(shown, key=lambda r: (r.is_suppressed, r.language if r.is_suppressed else ""))


def _count_answers(column: pl.Series) -> tuple[list[tuple[str, int]], int]:
    """Answers with their counts, the most frequent first, and how many gave none."""
    name = column.name
    if isinstance(column.dtype, pl.List):
        missing = int((column.list.len().fill_null(0) == 0).sum())
        column = column.list.unique().explode(empty_as_null=True)
    else:
        missing = column.null_count()
    counted = (
        column.drop_nulls()
        .cast(pl.String)
        .to_frame()
        .group_by(name)
        .agg(n=pl.len())
        .sort("n", name, descending=[True, False])
    )
    return list(counted.iter_rows()), missing


def _hide(
    attribute: str, answers: list[tuple[str, int]], missing: int, n: int, smallest_cell: int
) -> list[DemographicCell]:
    base = round_count(n)
    rest = missing + sum(count for _, count in answers if count < smallest_cell)
    visible = [(value, round_count(count)) for value, count in answers if count >= smallest_cell]
    cells = [
        DemographicCell(
            attribute=attribute,
            value=value,
            n=count,
            share=round(min(1.0, count / base), 6) if base else None,
            is_missing=False,
            is_suppressed=False,
        )
        for value, count in visible
    ]
    if rest:
        hidden = rest < smallest_cell
        cells.append(
            DemographicCell(
                attribute=attribute,
                value=REST,
                n=None if hidden else round_count(rest),
                share=None if hidden or not base else round(min(1.0, round_count(rest) / base), 6),
                is_missing=True,
                is_suppressed=hidden,
            )
        )
    return cells
