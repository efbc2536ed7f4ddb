"""Fills the slots of a written text and remembers where the values went."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Record = dict[str, Any]
"""{"id", "text", "spans": [{"start", "end", "type"}]}, offsets in code points."""
Filler = Callable[[random.Random], str]
_SLOT = re.compile(r"\{([a-z_]+?)(\d*)(?:\|([a-z]+))?\}")


def fill(
    template: str, slots: Mapping[str, tuple[str, Filler]], rng: random.Random
) -> tuple[str, list[dict[str, Any]]]:
    """Return the text and its spans.

    `{person}` is a new value, `{person2}` the value of that number wherever it stands again, and
    `{person2|given}` its first word, `|family` its last.

    Args:
        template: written text with slots.
        slots: slot name to span type (empty for a value that identifies nobody) and filler.
        rng: source of chance.
    """
    values: dict[str, str] = {}
    parts: list[str] = []
    spans: list[dict[str, Any]] = []
    length = position = 0
    for match in _SLOT.finditer(template):
        name, number, part = match.groups()
        kind, filler = slots[name]
        key = name + number
        value = values.get(key) if number else None
        if value is None:
            value = filler(rng)
            values[key] = value
        if part == "given":
            value = value.split()[0]
        elif part == "family":
            value = value.split()[-1]
        before = template[position : match.start()]
        parts += [before, value]
        length += len(before)
        if kind:
            spans.append({"start": length, "end": length + len(value), "type": kind})
        length += len(value)
        position = match.end()
    parts.append(template[position:])
    return "".join(parts), spans


def fill_rounds(
    name: str,
    templates: Sequence[str],
    slots: Mapping[str, tuple[str, Filler]],
    seed: int,
    n_rounds: int,
    share_lower: float = 0.0,
    share_upper: float = 0.0,
) -> list[Record]:
    """Fill every template once a round; a template without a slot is taken once only.

    Args:
        name: of the set; records are called `name-template-round`.
        templates: written texts with slots.
        slots: as `fill` takes them.
        seed: source of chance.
        n_rounds: rounds.
        share_lower: share of texts in lower case.
        share_upper: share of texts in capitals.
    """
    rng = random.Random(seed)
    records: list[Record] = []
    for round_ in range(n_rounds):
        for index, template in enumerate(templates):
            if round_ and "{" not in template:
                continue
            text, spans = fill(template, slots, rng)
            if share_lower or share_upper:
                casing = rng.random()
                if casing < share_lower:
                    text = lower(text)
                elif casing > 1 - share_upper:
                    text = upper(text)
            records.append({"id": f"{name}-{index}-{round_}", "text": text, "spans": spans})
    return records


def lower(text: str) -> str:
    """Lower-case letter by letter, so that offsets stay."""
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


def upper(text: str) -> str:
    """Upper-case letter by letter, so that offsets stay."""
    return "".join(c.upper() if len(c.upper()) == 1 else c for c in text)
