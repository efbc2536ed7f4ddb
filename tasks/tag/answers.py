"""Reading a model's answer: whatever it says, each item ends with a legal label or a named fault."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from tasks.tag.prompting import ABSTAIN

MAX_LABELS = 3
_FENCED = re.compile(r"```(?:json)?\s*(.*?)```", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Answer:
    """A legal answer for one item.

    Attributes:
        values: node ids; empty when the model abstained.
        runner_up: second choice, where one was given.
        confidence: the model's own estimate in 0 to 1, where one was given; not calibrated.
    """

    values: tuple[str, ...]
    runner_up: str | None = None
    confidence: float | None = None


def parse_answers(
    text: str | None, n_items: int, allowed: Sequence[str], *, multi: bool
) -> tuple[dict[int, Answer], dict[int, str]]:
    """Return legal answers and faults by the item's index; every index is in exactly one of the two.

    An answer to an id that was not asked is ignored. Two answers to one id that differ are a fault.
    """
    rows, fault = _find_rows(text)
    if rows is None:
        return {}, dict.fromkeys(range(n_items), fault)
    answers: dict[int, Answer] = {}
    faults: dict[int, str] = {}
    for row in rows:
        index = _read_index(row.get("id"), n_items)
        if index is None:
            continue
        answer = _read_answer(row, frozenset(allowed), multi=multi)
        if isinstance(answer, str):
            faults[index] = answer
        elif index in answers and answers[index].values != answer.values:
            faults[index] = "contradiction"
        else:
            answers.setdefault(index, answer)
    answers = {i: a for i, a in answers.items() if i not in faults}
    faults |= {i: "missing_id" for i in range(n_items) if i not in answers and i not in faults}
    return answers, faults


def _find_rows(text: str | None) -> tuple[list[dict[str, Any]] | None, str]:
    if text is None or not text.strip():
        return None, "empty_answer"
    value = _find_json(text)
    if isinstance(value, dict):
        document = cast("dict[str, Any]", value)
        if "error" in document and "answers" not in document:
            return None, "error_body"
        # a single item is sometimes answered without the list around it
        value = document.get("answers", [document] if "id" in document else None)
    if not isinstance(value, list):
        return None, "bad_json" if value is None else "bad_shape"
    listed = cast("list[Any]", value)
    return [cast("dict[str, Any]", r) for r in listed if isinstance(r, dict)], ""


def _find_json(text: str) -> Any:
    fenced = _FENCED.search(text)
    starts = [i for i in (text.find("{"), text.find("[")) if i >= 0]
    candidates = [text, *([fenced[1]] if fenced else []), *([text[min(starts) :]] if starts else [])]
    decoder = json.JSONDecoder()
    for candidate in candidates:
        try:
            return decoder.raw_decode(candidate.strip())[0]
        except (ValueError, RecursionError):
            continue
    return None


def _read_index(value: Any, n_items: int) -> int | None:
    try:
        index = int(value) - 1
    except (TypeError, ValueError, OverflowError):
        return None
    return index if 0 <= index < n_items else None


def _read_answer(row: Mapping[str, Any], allowed: frozenset[str], *, multi: bool) -> Answer | str:
    given = row.get("labels") if multi else row.get("label")
    labels = cast("list[Any]", given) if isinstance(given, list) else [given]
    if not labels or any(not isinstance(v, str) for v in labels):
        return "no_label"
    names = list(dict.fromkeys(str(v).strip() for v in labels))
    if names == [ABSTAIN]:
        return Answer((), confidence=_read_confidence(row.get("confidence")))
    if any(n not in allowed for n in names):
        return "illegal_label"
    if len(names) > (MAX_LABELS if multi else 1):
        return "too_many_labels"
    second = row.get("second")
    runner_up = second if isinstance(second, str) and second in allowed and second not in names else None
    return Answer(tuple(names), runner_up, _read_confidence(row.get("confidence")))


def _read_confidence(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value) if 0 <= value <= 1 else None
