"""Plants invented personal data in a shadow copy of a run and measures how much of it survives."""

from __future__ import annotations

import hashlib
import math
import random
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from tasks.scrub.canary_forms import STRUCTURED, TYPES, disguise, invent, variants_of

CANARY_CONVERSATIONS = 200
"""Conversations in the shadow copy: enough for a narrow interval, few enough to cost seconds."""
CANARY_SEED = 20260501
MAX_PER_FIELD = 300
"""Canaries in a field at most: enough for a narrow interval, few enough to cost seconds."""
MAX_IN_ANSWERS = 120
"""The same for assistant messages, which are long and hold structured canaries only."""
PERSON_WEIGHT = 3
"""How many times as often as any other type a name is planted: its interval is what is gated."""
_PLAN = [(k, v) for k in (*TYPES, *["PERSON"] * (PERSON_WEIGHT - 1)) for v in variants_of(k)]
_PLAN_IN_ANSWERS = [(k, v) for k in STRUCTURED for v in variants_of(k)]
_Z = 1.959963984540054
_WORD = re.compile(r"[^\W\d_]{3,}")

TRUTH_SCHEMA = pl.Schema(
    {
        "item_id": pl.String(),
        "field": pl.String(),
        "role": pl.String(),
        "type": pl.String(),
        "variant": pl.String(),
        "value": pl.String(),
        "before": pl.String(),
    }
)


def choose_conversations(conversation_ids: pl.Series) -> pl.Series:
    """Return the conversations of the shadow copy: by hash, so that a few new ones change few of them."""
    ids = pl.DataFrame({"conversation_id": conversation_ids})
    by_hash = ids.sort(pl.col("conversation_id").hash(CANARY_SEED), "conversation_id")
    return by_hash["conversation_id"].head(CANARY_CONVERSATIONS)


def plant_canaries(items: pl.DataFrame, seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Plant one canary in items of every free-text field.

    Which items are chosen and what is planted in each follows from its id alone, so that a release that
    adds a few conversations plants the same canaries in the others.

    Args:
        items: item_id, conversation_id, field, role, kind, position, text, as the scrubber takes them.
        seed: decides which items, and what is planted.

    Returns:
        The shadow items, in order, and the truth (schema `TRUTH_SCHEMA`): keep both in memory only.
        Row law: as many items as before; at most `MAX_PER_FIELD` canaries a field (`MAX_IN_ANSWERS` in assistant messages).
    """
    rows = items.to_dicts()
    groups: dict[tuple[str, str], list[tuple[bytes, int]]] = {}
    for index, row in enumerate(rows):
        digest = hashlib.sha256(f"{seed} {row['item_id']} {row['field']}".encode()).digest()
        groups.setdefault((row["field"], row["role"] or ""), []).append((digest, index))
    truth: list[dict[str, Any]] = []
    for (field, role), members in sorted(groups.items()):
        plan = _PLAN_IN_ANSWERS if role == "assistant" else _PLAN
        limit = MAX_IN_ANSWERS if role == "assistant" else MAX_PER_FIELD
        for digest, index in sorted(members)[:limit]:
            rng = random.Random(digest)
            kind, variant = rng.choice(plan)
            value = invent(kind, rng)
            row = rows[index]
            truth.append(
                {
                    "item_id": row["item_id"],
                    "field": field,
                    "role": role,
                    "type": kind,
                    "variant": variant,
                    "value": value,
                    "before": row["text"],
                }
            )
            rows[index] = {**row, "text": f"{row['text']}\n{disguise(kind, value, variant, rng)}"}
    return pl.DataFrame(rows, schema=items.schema), pl.DataFrame(truth, schema=TRUTH_SCHEMA)


def measure_canaries(truth: pl.DataFrame, texts: pl.DataFrame) -> dict[str, Any]:
    """Measure what survived.

    A name survives when any of its words stands in the scrubbed text; a number when half of its
    characters do, in a row. Words that the text held before planting do not count.

    Args:
        truth: what was planted, from `plant_canaries`.
        texts: item_id and text after scrubbing, e.g. `ScrubResult.texts`.

    Returns:
        Counts, recall and 95 % Wilson interval for names, for structured data, and by type, variant and
        field; no planted value. An item that is missing from `texts` counts as masked nowhere: KeyError.
    """
    after = dict(texts.select("item_id", "text").iter_rows())
    rows = [
        {**row, "masked": not _survives(row["type"], row["value"], row["before"], after[row["item_id"]])}
        for row in truth.to_dicts()
    ]
    return {
        "names": _tally([r for r in rows if r["type"] == "PERSON"]),
        "structured": _tally([r for r in rows if r["type"] != "PERSON"]),
        "by_type": _split(rows, "type"),
        "by_variant": _split(rows, "variant"),
        "by_field": _split(rows, "field"),
    }


def wilson_interval(n_hits: int, n: int) -> tuple[float, float]:
    """Return the 95 % Wilson score interval of a share; (0, 1) when nothing was counted.

    Source: Wilson, E. B. (1927), J. Am. Stat. Assoc. 22.
    """
    if n == 0:
        return 0.0, 1.0
    share = n_hits / n
    centre = share + _Z * _Z / (2 * n)
    spread = _Z * math.sqrt(share * (1 - share) / n + _Z * _Z / (4 * n * n))
    scale = 1 + _Z * _Z / n
    return max(0.0, (centre - spread) / scale), min(1.0, round((centre + spread) / scale, 12))


def _tally(rows: Sequence[Mapping[str, Any]]) -> dict[str, float | int]:
    n, n_masked = len(rows), sum(bool(r["masked"]) for r in rows)
    low, high = wilson_interval(n_masked, n)
    return {
        "n_planted": n,
        "n_masked": n_masked,
        "recall": round(n_masked / n, 4) if n else 0.0,
        "recall_low": round(low, 4),
        "recall_high": round(high, 4),
    }


def _split(rows: Sequence[Mapping[str, Any]], by: str) -> dict[str, dict[str, float | int]]:
    return {str(key): _tally([r for r in rows if r[by] == key]) for key in sorted({r[by] for r in rows})}


def _compact(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).casefold().replace("%20", " ").replace("%2b", "+")
    return "".join(c for c in plain if c.isalnum())


def _survives(kind: str, value: str, before: str, after: str) -> bool:
    if kind == "PERSON":
        plain = unicodedata.normalize("NFKC", after).replace("\u200b", "").casefold()
        known = before.casefold()
        return any(w in plain and w not in known for w in (m.casefold() for m in _WORD.findall(value)))
    core, text, known = _compact(value), _compact(after), _compact(before)
    size = max(5, len(core) // 2)
    pieces = {core[i : i + size] for i in range(len(core) - size + 1)}
    return any(p in text and p not in known for p in pieces)
