"""Items, gold and predictions as lines of JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from schemas.errors import InputError
from schemas.fields import FACETS
from schemas.taxonomies import Taxonomy
from tasks.tag.items import Gold, Item, make_item
from tasks.tag.local import Prediction
from tasks.tag.result import CONFIDENCE_DIGITS


def read_items(path: Path, facet: str) -> list[Item]:
    """Read one item a line: `id`, `text`, and where known `context`, `position`, `n_messages`.

    Raises:
        InputError: not readable, or a line that is not such an object; names the line, never its text.
    """
    items: list[Item] = []
    for number, value in _read_lines(path):
        try:
            items.append(
                make_item(
                    _string(value, "id"),
                    facet,
                    _string(value, "text"),
                    _string(value, "context", ""),
                    _integer(value, "position"),
                    _integer(value, "n_messages"),
                )
            )
        except ValueError as error:
            raise InputError(f"{path.name} line {number}: {error}") from error
    return items


def read_gold(path: Path, taxonomies: Mapping[str, Taxonomy]) -> list[Gold]:
    """Read labels that are taken as right.

    Args:
        path: an export in the published or flat-study dialect, whose thoughts carry `label`, or JSONL of
            `id`, `text`, `facet`, `value` and, where known, `context`, `position`, `conversation_id`.
        taxonomies: facet to taxonomy; labels are recognised in any case and spacing.

    Raises:
        InputError: not readable, a line of neither kind, or a label that no taxonomy knows.
    """
    gold: list[Gold] = []
    unknown = 0
    for number, value in _read_lines(path):
        try:
            found = list(_gold_of_record(value) if "messages" in value else [_gold_of_line(value)])
        except ValueError as error:
            raise InputError(f"{path.name} line {number}: {error}") from error
        for example in found:
            node = taxonomies[example.facet].resolve(example.value)
            if node is None:
                unknown += 1
            else:
                gold.append(Gold(example.item, example.facet, node))
    if unknown and not gold:
        raise InputError(f"{path.name}: none of its {unknown} labels is in a taxonomy")
    return gold


def format_prediction(prediction: Prediction, taxonomy: Taxonomy) -> str:
    """Return one line of JSON for a prediction."""
    values = list(prediction.values)
    line: dict[str, Any] = {
        "id": prediction.item_id,
        **({"values": values} if taxonomy.multi_label else {"value": values[0] if values else None}),
        "confidence": round(prediction.confidence, CONFIDENCE_DIGITS),
        "abstained": bool(prediction.abstained),
        "ranking": [{"value": v, "p": round(p, CONFIDENCE_DIGITS)} for v, p in prediction.ranking],
    }
    if prediction.abstained:
        line["why"] = prediction.abstained
    return json.dumps(line, ensure_ascii=False)


def _gold_of_line(value: Mapping[str, Any]) -> Gold:
    facet = _string(value, "facet")
    if facet not in FACETS:
        raise ValueError(f"facet is not one of {', '.join(FACETS)}")
    item_id = _string(value, "id")
    item = make_item(
        item_id,
        facet,
        _string(value, "text"),
        _string(value, "context", ""),
        _integer(value, "position"),
        _integer(value, "n_messages"),
        _string(value, "conversation_id", ""),
    )
    return Gold(item, facet, _string(value, "value"))


def _gold_of_record(record: Mapping[str, Any]) -> Iterator[Gold]:
    conversation_id = _string(record, "id")
    messages = record["messages"]
    if not isinstance(messages, list):
        raise ValueError("messages is not a list")
    listed = cast("list[dict[str, Any]]", messages)
    for position, message in enumerate(listed):
        content = message.get("content", message.get("text"))
        for facet, key in (("reason", "reasons"), ("reaction", "reactions")):
            for n, thought in enumerate(cast("list[dict[str, Any]]", message.get(key) or [])):
                text, label = thought.get("content"), thought.get("label")
                if not (isinstance(text, str) and isinstance(label, str) and label.strip()):
                    continue
                item = make_item(
                    f"{conversation_id}_message{position}_{facet}{n}",
                    facet,
                    text,
                    content if isinstance(content, str) else "",
                    position,
                    len(listed),
                    conversation_id,
                )
                yield Gold(item, facet, label)


def _read_lines(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        data = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    for number, line in enumerate(data.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line.decode("utf-8-sig"))
        except ValueError as error:
            raise InputError(f"{path.name} line {number} is not JSON in UTF-8") from error
        if not isinstance(value, dict):
            raise InputError(f"{path.name} line {number} is not a JSON object")
        yield number, cast("dict[str, Any]", value)


def _string(value: Mapping[str, Any], key: str, default: str | None = None) -> str:
    found = value.get(key)
    if found is None and default is not None:
        return default
    if isinstance(found, int) and key == "id":
        return str(found)
    if not isinstance(found, str):
        raise ValueError(f"`{key}` is missing or not a string")
    return found


def _integer(value: Mapping[str, Any], key: str) -> int | None:
    found = value.get(key)
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int) or found < 0:
        raise ValueError(f"`{key}` is not a number from 0")
    return found
