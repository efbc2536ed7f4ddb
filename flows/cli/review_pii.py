"""The kind `pii` of `thoughttrace review`: spans that may be personal data, and texts that nobody can judge.

Ids are keyed digests of type and surface, so one decision settles every place where the same words stand.
"""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from flows.cli.output import stdout_console
from schemas.errors import UsageError
from tasks.scrub.review import (
    CONTEXT_CHARS,
    VERDICTS,
    drop_decisions,
    group_queue,
    merge_decisions,
    open_rows,
    record_decisions,
    resolve_digests,
    show_in_context,
)
from tasks.scrub.review_file import read_decisions, read_queue, read_texts, update_decisions
from tasks.scrub.review_sheet import read_sheet, write_sheet

if TYPE_CHECKING:
    from collections.abc import Collection

    from flows.cli.review import Choice, Desk, SheetFormat, Verdict
    from tasks.scrub.review_file import ReviewQueue

_STATUSES = ("undecided", "masked", "unjudged")
_SHOWN_ID = 12


def list_open(desk: Desk, choice: Choice, *, with_text: bool, limit: int) -> dict[str, Any]:
    """Return what no decision settles, most frequent first; every place of a candidate named by id."""
    queue = read_queue(desk.private)
    rows = open_rows(queue.rows, read_decisions(desk.private))
    asked = group_queue(rows, _STATUSES)
    wanted = asked.filter(pl.col("surface_hmac").is_in(_choose(asked, choice, is_default_all=True)))
    places = wanted.head(limit)
    if choice.ids:
        counts = wanted.select("surface_hmac", "n_spans", "n_conversations")
        places = rows.join(counts, on="surface_hmac", how="inner", maintain_order="left").head(limit)
    if with_text:
        places = _with_text(desk, queue, places)
    return {
        "kind": "pii",
        **_count(rows),
        "n_shown": places.height,
        "items": places.rename({"surface_hmac": "id"}).to_dicts(),
    }


def show_open(found: dict[str, Any]) -> None:
    """Print the candidates in their places."""
    from rich.text import Text

    console = stdout_console(soft_wrap=True)
    for item in found["items"]:
        head = Text(f"{item['id'][:_SHOWN_ID]}  {item['type']}", style="bold")
        head.append(
            f"  {item['score']:.2f} {item['recognizer']} · {item['status']} · {item['n_spans']:,} spans in "
            f"{item['n_conversations']:,} conversations · {item['item_id']} {item['field']} {item['start']}",
            style="dim",
        )
        console.print(head)
        console.print(_mark(item))
    if not found["n_open"]:
        console.print("nothing is open")
        return
    console.print(
        f"\n{found['n_open']:,} open, {found['n_blocking']:,} of them block a strict release, "
        f"{found['n_shown']:,} shown. `thoughttrace review accept ID` masks, `reject ID` leaves readable."
    )


def decide(desk: Desk, choice: Choice, verdict: Verdict) -> dict[str, Any]:
    """Record a decision on the chosen candidates."""
    queue = group_queue(read_queue(desk.private).rows, _STATUSES)
    now = datetime.now(UTC)
    chosen: list[str] = []

    def change(decisions: pl.DataFrame) -> pl.DataFrame:
        chosen[:] = _choose(open_rows(queue, decisions), choice) if not choice.ids else _choose(queue, choice)
        return record_decisions(decisions, queue, chosen, VERDICTS[verdict], reviewer=desk.reviewer, now=now)

    decisions = update_decisions(desk.private, change)
    return _tell(desk, len(chosen), decisions)


def undo(desk: Desk, choice: Choice) -> dict[str, Any]:
    """Drop decisions; those on candidates that the queue does not hold any more too."""
    dropped: list[str] = []

    def change(decisions: pl.DataFrame) -> pl.DataFrame:
        dropped[:] = _choose(decisions, choice, among="decided")
        return drop_decisions(decisions, dropped)

    decisions = update_decisions(desk.private, change)
    return _tell(desk, len(dropped), decisions)


def export_sheet(desk: Desk, form: SheetFormat, *, with_text: bool) -> tuple[str, int]:
    """Return all candidates with the decisions so far."""
    queue = read_queue(desk.private)
    asked = group_queue(queue.rows, _STATUSES)
    if with_text:
        asked = _with_text(desk, queue, asked)
    return write_sheet(asked, read_decisions(desk.private), form), asked.height


def import_sheet(desk: Desk, text: str, form: SheetFormat) -> dict[str, Any]:
    """Record the decisions of a sheet; those that were taken already stay as they are."""
    given = read_sheet(text, form, reviewer=desk.reviewer, now=datetime.now(UTC))
    n_new = 0

    def change(decisions: pl.DataFrame) -> pl.DataFrame:
        nonlocal n_new
        fresh = given.join(decisions, on=["surface_hmac", "decision"], how="anti", maintain_order="left")
        n_new = fresh.height
        return merge_decisions(decisions, fresh)

    decisions = update_decisions(desk.private, change)
    return _tell(desk, n_new, decisions)


def _choose(
    known: pl.DataFrame,
    choice: Choice,
    *,
    is_default_all: bool = False,
    among: str = "in the review queue",
) -> list[str]:
    """Return the digests that a choice means among rows with `surface_hmac` and `type`."""
    types = {t.upper() for t in choice.types}
    missing = types - set(known["type"])
    if missing:
        raise UsageError(f"--type {', '.join(sorted(missing))}: no such type among these questions")
    chosen = resolve_digests(known["surface_hmac"].to_list(), choice.ids, among)
    if types or choice.everything or (is_default_all and not choice.ids):
        of_type = known.filter(pl.col("type").is_in(list(types))) if types else known
        chosen += of_type["surface_hmac"].to_list()
    return list(dict.fromkeys(chosen))


def _with_text(desk: Desk, queue: ReviewQueue, places: pl.DataFrame) -> pl.DataFrame:
    ids: Collection[str] = set(places["conversation_id"].to_list())
    return show_in_context(places, read_texts(desk.private, queue, ids))


def _tell(desk: Desk, n_decided: int, decisions: pl.DataFrame) -> dict[str, Any]:
    rows = open_rows(read_queue(desk.private).rows, decisions)
    return {"kind": "pii", "n_decided": n_decided, "n_decisions": decisions.height, **_count(rows)}


def _count(rows: pl.DataFrame) -> dict[str, Any]:
    asked = group_queue(rows, _STATUSES)
    by_type = asked.group_by("type").len().sort("type")
    return {
        "n_open": asked.height,
        "n_blocking": asked.filter(pl.col("status") == "undecided").height,
        "n_spans": rows.height,
        "open_by_type": dict(by_type.iter_rows()),
    }


def _mark(item: dict[str, Any]) -> Any:
    """The words around a candidate, itself in colour; nothing in it can steer the terminal."""
    from rich.text import Text

    candidate, context = item.get("candidate"), item.get("context")
    if candidate is None or context is None:
        return Text("    (its raw text is deleted: the run is published)", style="dim")
    start = min(item["start"], CONTEXT_CHARS)
    text = Text("    ")
    text.append(_plain(context[:start]))
    text.append(_plain(candidate), style="bold reverse")
    text.append(_plain(context[start + len(candidate) :]))
    return text


def _plain(text: str) -> str:
    """Line ends as spaces, and control and direction marks made visible."""
    flat = " ".join(text.splitlines())
    return "".join("\ufffd" if unicodedata.category(c) in {"Cc", "Cf", "Cs"} else c for c in flat)
