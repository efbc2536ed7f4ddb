"""The review queue as a file to fill in: CSV for a spreadsheet, JSONL for a program.

A sheet holds one row a candidate, decided or not, so that it also carries decisions to another store of
the same key. Text stands in it only if asked for.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
from collections.abc import Mapping
from typing import Any, Literal, cast

import polars as pl

from schemas.errors import InputError
from schemas.fields import SCRUB_DECISIONS
from tasks.scrub.review import VERDICTS

SheetFormat = Literal["csv", "jsonl"]
COLUMNS = (
    "id",
    "type",
    "decision",
    "reviewer",
    "status",
    "recognizer",
    "score",
    "n_spans",
    "n_conversations",
    "item_id",
    "field",
    "start",
    "end",
)
TEXT_COLUMNS = ("candidate", "context")
_DIGEST = re.compile(r"[0-9a-f]{32}")
_WORDS = {"mask": "accept", "keep": "reject"}


def write_sheet(queue: pl.DataFrame, decisions: pl.DataFrame, form: SheetFormat) -> str:
    """Return the candidates of the queue, and the decisions on others, as a file to fill in.

    Args:
        queue: from `group_queue`, with `candidate` and `context` where the sheet may hold text.
        decisions: schema `scrub_decisions`.
        form: `csv` or `jsonl`.
    """
    decided = decisions.select(
        pl.col("surface_hmac").alias("id"),
        "type",
        pl.col("decision").replace_strict(_WORDS),
        "reviewer",
    )
    asked = queue.rename({"surface_hmac": "id"})
    rows = asked.join(decided.drop("type"), on="id", how="left", maintain_order="left")
    others = decided.join(asked, on="id", how="anti", maintain_order="left")
    columns = [c for c in (*COLUMNS, *TEXT_COLUMNS) if c in rows.columns]
    sheet = pl.concat([rows.select(columns), others], how="diagonal")
    if form == "jsonl":
        return "".join(f"{json.dumps(r, ensure_ascii=False)}\n" for r in sheet.to_dicts())
    sink = io.StringIO()
    writer = csv.DictWriter(sink, columns, lineterminator="\n")
    writer.writeheader()
    # a cell that starts like a formula would run in a spreadsheet
    writer.writerows({k: _defuse(v) for k, v in r.items()} for r in sheet.to_dicts())
    return sink.getvalue()


def read_sheet(text: str, form: SheetFormat, *, reviewer: str, now: dt.datetime) -> pl.DataFrame:
    """Return the decisions of a filled-in sheet: schema `scrub_decisions`; rows without one are left out.

    Args:
        text: the file.
        form: `csv` or `jsonl`.
        reviewer: who decided, where a row does not say.
        now: when.

    Raises:
        InputError: not the format, an id that is no digest, an unknown decision, a candidate decided twice
            in different ways; names the row, never its text.
    """
    found: dict[str, tuple[str, str, str]] = {}
    for number, row in enumerate(_read_rows(text, form), start=1):
        word = str(row.get("decision") or "").strip().lower()
        if not word:
            continue
        digest, kind = str(row.get("id") or "").strip(), str(row.get("type") or "").strip()
        if not _DIGEST.fullmatch(digest) or not kind:
            raise InputError(f"review row {number}: needs the `id` and `type` that `review export` wrote")
        if word not in VERDICTS:
            raise InputError(f"review row {number}: a decision is `accept` or `reject`")
        who = str(row.get("reviewer") or "").strip() or reviewer
        if found.setdefault(digest, (kind, VERDICTS[word], who))[1] != VERDICTS[word]:
            raise InputError(f"review row {number}: {digest[:12]} is decided twice in different ways")
    rows = [(digest, *decided, now) for digest, decided in sorted(found.items())]
    return pl.DataFrame(rows, schema=SCRUB_DECISIONS.polars_schema(), orient="row")


def _read_rows(text: str, form: SheetFormat) -> list[Mapping[str, Any]]:
    if form == "csv":
        return [dict(r) for r in csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))]
    rows: list[Mapping[str, Any]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except ValueError:
            raise InputError(f"review line {number} is not JSON") from None
        if not isinstance(value, dict):
            raise InputError(f"review line {number} is not a JSON object")
        rows.append(cast("dict[str, Any]", value))
    return rows


def _defuse(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
