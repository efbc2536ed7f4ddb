"""The kind `labels` of `thoughttrace review`: labels that a person should look at.

The id of a question is the id of its item. `accept` says that the label given is right, `reject` that the
other one shown is; any other answer goes into a sheet. A decision wins over every model from the next
release on, and is gold for the local tagger at once. Texts of this queue are scrubbed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from flows.cli.output import stdout_console
from schemas.errors import UsageError
from tasks.tag.chosen import choose_taxonomies
from tasks.tag.gold import load_decisions
from tasks.tag.items import collect_items
from tasks.tag.queue import list_items, load_queue, open_questions, record_decisions, take_back
from tasks.tag.review import DECISIONS_SCHEMA, export_review, import_review

if TYPE_CHECKING:
    from flows.cli.review import Choice, Desk, SheetFormat, Verdict
    from tasks.tag.items import Item

_TEXTS = ("text", "context")
_SHOWN_CHARACTERS = 300


def list_open(desk: Desk, choice: Choice, *, with_text: bool, limit: int) -> dict[str, Any]:
    """Return the labels that nobody has looked at, the most useful first."""
    questions = open_questions(load_queue(desk.private))
    wanted = _choose(questions, choice, is_default_all=True).head(limit)
    shown = wanted.drop("decision", "reviewer", *(() if with_text else _TEXTS))
    return {
        "kind": "labels",
        **_count(questions),
        "n_shown": wanted.height,
        "items": shown.rename({"item_id": "id"}).to_dicts(),
    }


def show_open(found: dict[str, Any]) -> None:
    """Print the questions with their texts."""
    from rich.text import Text

    console = stdout_console(soft_wrap=True)
    for item in found["items"]:
        head = Text(item["id"], style="bold")
        head.append(f"  {item['facet']} · {item['why']} · {item['value'] or 'no label'}")
        head.append(f" or {item['second_value']}" if item["second_value"] else "", style="dim")
        console.print(head)
        for name in ("context", "text"):
            if item.get(name):
                console.print(Text(f"    {_plain(item[name])}", style="dim" if name == "context" else ""))
    if not found["n_open"]:
        console.print("nothing is open")
        return
    console.print(
        f"\n{found['n_open']:,} open, {found['n_shown']:,} shown. `thoughttrace review accept --kind labels ID` "
        "keeps the first label, `reject` takes the second, `export` gives a sheet for any other."
    )


def decide(desk: Desk, choice: Choice, verdict: Verdict) -> dict[str, Any]:
    """Decide for the label given (accept) or for the other one shown (reject)."""
    queue = load_queue(desk.private)
    chosen = _choose(queue if choice.ids else open_questions(queue), choice)
    column = "value" if verdict == "accept" else "second_value"
    lacking = chosen.filter(pl.col(column).is_null())
    if lacking.height:
        raise UsageError(
            f"{lacking.height} of the chosen items have no {'label' if verdict == 'accept' else 'second label'}, "
            f"first {lacking['item_id'][0]}; write the right one into a sheet: `thoughttrace review export "
            "--kind labels FILE`"
        )
    decisions = chosen.select(
        "item_id", "facet", pl.col(column).alias("value"), pl.lit(desk.reviewer).alias("reviewer")
    )
    n = record_decisions(desk.private, decisions) if decisions.height else 0
    return _tell(desk, n)


def undo(desk: Desk, choice: Choice) -> dict[str, Any]:
    """Take decisions back, also those on items that the queue does not hold any more."""
    decided, _ = load_decisions(desk.private)
    return _tell(desk, take_back(desk.private, _choose(decided, choice, among="decided")))


def export_sheet(desk: Desk, form: SheetFormat, *, with_text: bool) -> tuple[str, int]:
    """Return the whole queue with the decisions so far; its texts are scrubbed, so they are always in it."""
    del with_text
    queue = load_queue(desk.private)
    return export_review(queue, form), queue.height


def import_sheet(desk: Desk, text: str, form: SheetFormat) -> dict[str, Any]:
    """Record the decisions of a sheet; those that are in force already are not counted."""
    taxonomies = choose_taxonomies(desk.store)
    given = import_review(text, form, taxonomies, desk.reviewer)
    known, _ = load_decisions(desk.private)
    same = ["item_id", "facet", "value"]
    new = given.join(known, on=same, how="anti").select("item_id", "facet").unique()
    fresh = given.join(new, on=["item_id", "facet"], how="semi", maintain_order="left")
    if fresh.is_empty():
        return _tell(desk, 0)
    queued = set(load_queue(desk.private)["item_id"])
    others = _find_items(desk, set(fresh["item_id"]) - queued)
    return _tell(desk, record_decisions(desk.private, fresh.select(DECISIONS_SCHEMA.names()), others))


def _find_items(desk: Desk, wanted: set[str]) -> dict[str, tuple[str, Item]]:
    """Items of the latest release that the queue does not hold: a sheet may decide on any item."""
    from tasks.publish.releases import latest_version, load_release

    latest = latest_version(desk.store)
    if not wanted or not latest:
        return {}
    _, tables = load_release(desk.store, latest)
    items = collect_items(tables["conversations"], tables["messages"], tables["thoughts"])
    return list_items(items, wanted)


def _choose(
    known: pl.DataFrame,
    choice: Choice,
    *,
    is_default_all: bool = False,
    among: str = "in the review queue",
) -> pl.DataFrame:
    """Return the rows that a choice means: ids or beginnings of them, facets, or all."""
    facets = {t.lower() for t in choice.types}
    missing = facets - set(known["facet"])
    if missing:
        raise UsageError(f"--type {', '.join(sorted(missing))}: no such facet among these questions")
    ids: set[str] = set()
    for beginning in choice.ids:
        of_queue = set(known["item_id"])
        fitting = [beginning] if beginning in of_queue else [i for i in of_queue if i.startswith(beginning)]
        if len(fitting) != 1:
            problem = f"is not {among}" if not fitting else f"fits {len(fitting)} items"
            raise UsageError(
                f"{beginning}: {problem}; `thoughttrace review list --kind labels` shows the queue"
            )
        ids.add(fitting[0])
    is_chosen = pl.col("item_id").is_in(list(ids)) | pl.col("facet").is_in(list(facets))
    if choice.everything or (is_default_all and not choice.ids and not facets):
        return known
    return known.filter(is_chosen)


def _count(questions: pl.DataFrame) -> dict[str, Any]:
    by_type = questions.group_by("facet").len().sort("facet")
    by_why = questions.group_by("why").len().sort("why")
    return {
        "n_open": questions.height,
        "n_blocking": 0,
        "open_by_type": dict(by_type.iter_rows()),
        "open_by_why": dict(by_why.iter_rows()),
    }


def _tell(desk: Desk, n_decided: int) -> dict[str, Any]:
    decisions, _ = load_decisions(desk.private)
    n_decisions = decisions.select("item_id", "facet").n_unique()
    questions = open_questions(load_queue(desk.private))
    return {"kind": "labels", "n_decided": n_decided, "n_decisions": n_decisions, **_count(questions)}


def _plain(text: str) -> str:
    """One line, cut, without characters that steer a terminal; canonical text holds no others."""
    flat = "".join(c if c.isprintable() else " " for c in text)
    return flat if len(flat) <= _SHOWN_CHARACTERS else f"{flat[:_SHOWN_CHARACTERS]}…"
