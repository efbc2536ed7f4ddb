"""Scrubs a JSONL file of texts, streaming: memory holds one batch of conversations, not the file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from schemas.config import PrivacySettings
from schemas.errors import InputError
from tasks.scrub.conversation import Decision, Turn, decide_conversations
from tasks.scrub.detect import Detector
from tasks.scrub.engine import build_detector
from tasks.scrub.language import detect_language
from tasks.scrub.policy import Thresholds
from tasks.scrub.reading import names_possible
from tasks.scrub.spans import Span

BATCH_CHARS = 100_000


@dataclass(slots=True)
class FileReport:
    """What happened to a file."""

    n_lines: int = 0
    n_spans: int = 0
    n_undecided: int = 0
    n_undecided_texts: int = 0
    n_unjudged: int = 0


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    record: dict[str, Any]


def load_detector(*, high_recall: bool = False) -> Detector:
    """Build the detector with default settings.

    Args:
        high_recall: use the union of two name models.
    """
    return build_detector(PrivacySettings(high_recall=high_recall))


def scrub_file(
    path: Path,
    sink: TextIO,
    *,
    review: str = "auto",
    detector: Detector,
) -> FileReport:
    """Write one line `{"id","redacted","spans"}` for each line of a file, in its order.

    Args:
        path: JSONL of {"id","text","conversation_id"?,"role"?,"field"?}.
        sink: where the lines go.
        review: `mask` masks uncertain spans too; otherwise they are left and counted.
        detector: what finds the spans, from `load_detector`.

    Raises:
        InputError: a line that is no JSON object with a string `text`.
    """
    thresholds = Thresholds(mask=0.3 if review == "mask" else 0.5, review=0.3)
    report = FileReport()
    waiting: dict[int, str] = {}
    order = (number for number, _ in _read(path))
    next_line = next(order, None)
    for batch in _batches(path):
        for number, line in _scrub_batch(batch, detector, thresholds, report):
            waiting[number] = line
        while next_line in waiting:
            sink.write(waiting.pop(next_line))
            report.n_lines += 1
            next_line = next(order, None)
    return report


def _scrub_batch(
    batch: list[list[_Line]], detector: Detector, thresholds: Thresholds, report: FileReport
) -> Iterator[tuple[int, str]]:
    texts = [line.record["text"] for conversation in batch for line in conversation]
    candidates = iter(detector.detect(texts, _around(batch)))
    conversations = [
        (
            [
                Turn(str(line.record.get("id")), line.record["text"], _is_assistant(line.record))
                for line in conversation
            ],
            [next(candidates) for _ in conversation],
        )
        for conversation in batch
    ]
    decided = decide_conversations(conversations, detector.detect, thresholds)
    for conversation, decisions in zip(batch, decided, strict=True):
        for line, decision in zip(conversation, decisions, strict=True):
            report.n_spans += len(decision.masks)
            report.n_undecided += len(decision.undecided)
            report.n_undecided_texts += bool(decision.undecided)
            report.n_unjudged += not detect_language(line.record["text"]).is_judged
            yield line.number, _render(line, decision)


def _around(batch: list[list[_Line]]) -> list[frozenset[str] | None]:
    """Return for each text the words near which names count: all of it for the user's side."""
    around: list[frozenset[str] | None] = []
    for conversation in batch:
        said = names_possible(r["text"] for line in conversation if not _is_assistant(r := line.record))
        around.extend(said if _is_assistant(line.record) else None for line in conversation)
    return around


def _is_assistant(record: dict[str, Any]) -> bool:
    return record.get("role") == "assistant"


def _render(line: _Line, decision: Decision) -> str:
    record = {
        "id": line.record.get("id"),
        "redacted": decision.redacted,
        "spans": [_span(s) for s in decision.masks],
    }
    text = json.dumps(record, ensure_ascii=False) + "\n"
    # a lone surrogate has no UTF-8 form and stays an escape, as it came
    return text if _encodes(text) else json.dumps(record) + "\n"


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _span(span: Span) -> dict[str, Any]:
    return {
        "start": span.start,
        "end": span.end,
        "type": span.type,
        "score": span.score,
        "recognizer": span.recognizer,
    }


def _read(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line number from 1, record); blank lines are passed over."""
    with path.open("rb") as stream:
        for number, raw in enumerate(stream, start=1):
            if raw.strip():
                yield number, _parse(path, number, raw)


def _parse(path: Path, number: int, raw: bytes) -> dict[str, Any]:
    try:
        record = json.loads(raw)
    except ValueError:
        raise InputError(f"{path.name}, line {number}: not a JSON object") from None
    if not isinstance(record, dict) or not isinstance(record.get("text"), str):
        raise InputError(f'{path.name}, line {number}: needs a string "text"')
    return record


def _batches(path: Path) -> Iterator[list[list[_Line]]]:
    """Yield batches of whole conversations, in order of their first line."""
    last = {
        str(record["conversation_id"]): number
        for number, record in _read(path)
        if record.get("conversation_id") is not None
    }
    open_: dict[str, list[_Line]] = {}
    batch: list[list[_Line]] = []
    size = 0
    for number, record in _read(path):
        key = record.get("conversation_id")
        line = _Line(number, record)
        if key is None:
            batch.append([line])
        else:
            open_.setdefault(str(key), []).append(line)
            if last[str(key)] != number:
                continue
            batch.append(open_.pop(str(key)))
        size += sum(len(line.record["text"]) for line in batch[-1])
        if size >= BATCH_CHARS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
