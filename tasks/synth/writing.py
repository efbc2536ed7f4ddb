"""The text of a block: every field composed, plants inserted, places of the plants computed.

Long texts are kept as runs of fragments and joined once, when the lines of the export are built.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from tasks.synth.options import Options
from tasks.synth.phrasebook import CATEGORY, USER_OPENERS, Composed, Ints, Phrasebook, escape_json
from tasks.synth.plan import Plan, Stream, open_stream
from tasks.synth.plants import Oddity, Plant, Target

_REUSE = 4
"""How often a sentence of a long text is used within a block, on average."""
_GENDERS = ("Male", "Female", "Non-binary", "Prefer not to say")
_GENDER_SHARES = (0.54, 0.43, 0.02, 0.01)
_EDUCATION = ("Undergraduate", "Graduate", "High school", "Vocational", "")
_EDUCATION_SHARES = (0.47, 0.27, 0.17, 0.06, 0.03)
_FREQUENCY_SHARES = (0.01, 0.04, 0.20, 0.30, 0.45)


@dataclass(frozen=True, slots=True)
class Survey:
    """Survey answers of the participants of a block, JSON-escaped; null where not answered."""

    answers: pl.DataFrame
    """One row a participant: age, gender, education, occupation, frequency, purposes, feedback."""
    has_survey: pl.Series


@dataclass(frozen=True, slots=True)
class Fragments:
    """Message texts as runs of fragments.

    Attributes:
        pool: all fragments, JSON-escaped.
        ids: fragments of all messages, in order.
        counts: fragments of each message.
    """

    pool: pl.Series
    ids: Ints
    counts: Ints


@dataclass(frozen=True, slots=True)
class Texts:
    """All text of a block. `spans` has one row a plant: target, row, kind, start, end, text."""

    messages: Fragments
    thoughts: pl.Series
    task_summary: pl.Series
    task_expectation: pl.Series
    survey: Survey
    spans: pl.DataFrame


def write_texts(
    book: Phrasebook,
    plan: Plan,
    plants: Sequence[Plant],
    oddities: Sequence[Oddity],
    seed: int,
    options: Options,
) -> Texts:
    """Compose all text of a block."""
    rng = open_stream(seed, plan.block, Stream.TEXT)
    spans: list[pl.DataFrame] = []
    messages = _write_messages(book, plan, plants, oddities, rng, options, spans)

    def write(target: Target, category: Ints, topic: Ints, stream: np.random.Generator) -> pl.Series:
        composed = book.compose(stream, category, topic)
        if target == "thought":
            composed = _lengthen(book, stream, composed, category, topic)
        own = [p for p in plants if p.target == target]
        odd = [o for o in oddities if o.target == target]
        tails = [f" {p.before}{p.surface}{p.after}" for p in own] + [f" {o.text}" for o in odd]
        rows = [p.row for p in own] + [o.row for o in odd]
        starts = [int(composed.n_chars[p.row]) + 1 + len(p.before) for p in own]
        spans.append(_span_frame(own, starts))
        return _append(composed.text, rows, tails)

    thoughts_rng = open_stream(seed, plan.block, Stream.THOUGHT)
    thoughts = write(
        "thought",
        CATEGORY["reason.task_motivation"] + plan.t_label,
        plan.m_topic[plan.t_message],
        thoughts_rng,
    )
    n_c = len(plan.c_topic)
    summary = write("task_summary", np.full(n_c, CATEGORY["summary"]), plan.c_topic, rng)
    expectation = write("task_expectation", np.full(n_c, CATEGORY["expectation"]), plan.c_topic, rng)
    survey_rng = open_stream(seed, plan.block, Stream.SURVEY)
    n_p = len(plan.p_number)
    topic = np.zeros(n_p, np.int64)
    written = {
        name: write(name, np.full(n_p, CATEGORY[name]), topic, survey_rng)
        for name in ("occupation", "purposes", "feedback")
    }
    survey = _answer_survey(written, plants, n_p, survey_rng)
    return Texts(
        messages,
        thoughts,
        summary.gather(plan.c_task_first),
        expectation.gather(plan.c_task_first),
        survey,
        pl.concat(spans),
    )


def _lengthen(
    book: Phrasebook, rng: np.random.Generator, first: Composed, category: Ints, topic: Ints
) -> Composed:
    """Add a second sentence of the same category to about half of the texts."""
    lead = np.full(len(category), book.styles[0])
    second = book.compose(rng, category, topic, lead)
    is_long = rng.random(len(category)) < 0.55
    tail = pl.select(pl.when(pl.Series(is_long)).then(second.text).otherwise(pl.lit(""))).to_series()
    text = pl.select(pl.concat_str(first.text, tail)).to_series()
    return Composed(text, first.n_chars + np.where(is_long, second.n_chars, 0))


def _write_messages(
    book: Phrasebook,
    plan: Plan,
    plants: Sequence[Plant],
    oddities: Sequence[Oddity],
    rng: np.random.Generator,
    options: Options,
    spans: list[pl.DataFrame],
) -> Fragments:
    n = len(plan.m_role)
    is_user = plan.m_role == 0
    openers = np.array([CATEGORY[c] for c in USER_OPENERS])
    category = np.where(is_user, openers[np.maximum(plan.m_relationship, 0)], CATEGORY["assistant_open"])
    opening = book.compose(rng, category, plan.m_topic)
    n_body, is_long = _draw_lengths(rng, is_user, options)
    body, body_ids = _write_body(book, rng, plan.m_topic, is_user & ~is_long, n_body)
    closes = np.flatnonzero(~is_user & (rng.random(n) < 0.5))
    closing = book.compose(rng, np.full(len(closes), CATEGORY["assistant_close"]), plan.m_topic[closes])

    own = [p for p in plants if p.target == "content"]
    odd = [o for o in oddities if o.target == "content"]
    first_closing = 2 + n + len(body)
    extra: list[str] = []
    first_extra = first_closing + len(closes)
    # the run of a message: leading plant (3), opening, second plant (3), body, closing (2), oddity
    head = np.zeros((7, n), np.int64)
    head[3] = np.arange(2, n + 2)
    tail = np.zeros((3, n), np.int64)
    tail[0, closes] = 1
    tail[1, closes] = first_closing + np.arange(len(closes))
    leading_chars = np.zeros(n, np.int64)
    for p in (p for p in own if p.is_leading):
        leading_chars[p.row] = len(p.before) + len(p.surface) + len(p.after) + 1
    starts: list[int] = []
    for p in own:
        slot = 0 if p.is_leading else 4
        words = (p.before, p.surface, f"{p.after} ") if p.is_leading else (f" {p.before}", p.surface, p.after)
        head[slot : slot + 3, p.row] = first_extra + len(extra) + np.arange(3)
        extra.extend(escape_json(w) for w in words)
        ahead = 0 if p.is_leading else int(leading_chars[p.row] + opening.n_chars[p.row])
        starts.append(ahead + len(words[0]))
    for o in odd:
        tail[2, o.row] = first_extra + len(extra)
        extra.append(escape_json(f" {o.text}"))
    spans.append(_span_frame(own, starts))

    counts = len(head) + n_body + len(tail)
    first = np.cumsum(counts) - counts
    ids = np.empty(int(counts.sum()), np.int64)
    for i, column in enumerate(head):
        ids[first + i] = column
    body_first = np.repeat(first + len(head) - (np.cumsum(n_body) - n_body), n_body)
    ids[body_first + np.arange(len(body_first))] = 2 + n + body_ids
    for i, column in enumerate(tail):
        ids[first + len(head) + n_body + i] = column
    parts = [pl.Series(["", " "]), opening.text, body, closing.text, pl.Series(extra, dtype=pl.String)]
    return Fragments(pl.concat([part.rename("") for part in parts], rechunk=True), ids, counts)


def _draw_lengths(
    rng: np.random.Generator, is_user: np.ndarray[Any, np.dtype[np.bool_]], options: Options
) -> tuple[Ints, np.ndarray[Any, np.dtype[np.bool_]]]:
    """Sentences after the first one, and which user messages are long pasted texts."""
    n = len(is_user)
    spread = rng.normal(0, 1, n)
    answer = np.exp((0.3 if options.short else 3.37) + 0.75 * spread)
    extra = rng.choice(6, n, p=(0.57, 0.22, 0.12, 0.06, 0.02, 0.01))
    is_long = is_user & (rng.random(n) < (0 if options.short else 0.012))
    pasted = np.exp(2.7 + 0.9 * spread)
    length = np.where(is_user, np.where(is_long, pasted, extra), answer)
    return np.minimum(length, 400).astype(np.int64), is_long


def _write_body(
    book: Phrasebook, rng: np.random.Generator, topic: Ints, is_context: np.ndarray[Any, Any], n_body: Ints
) -> tuple[pl.Series, Ints]:
    """Sentences for all bodies, each used a few times, and which one stands in each place."""
    key = np.repeat(2 * topic + is_context, n_body)
    need = np.bincount(key, minlength=2 * len(book.topics))
    size = -(-need // _REUSE)
    pool_key = np.repeat(np.arange(len(size)), size)
    category = np.where(pool_key % 2 == 1, CATEGORY["user_context"], CATEGORY["assistant_body"])
    style = rng.integers(0, len(book.styles), len(pool_key))
    # the people who write messages do not use bullets and headings
    lead = book.styles[np.where(pool_key % 2 == 1, 0, style)]
    pool = book.compose(rng, category, pool_key // 2, lead).text
    first = np.cumsum(size) - size
    return pool, first[key] + np.minimum((rng.random(len(key)) * size[key]).astype(np.int64), size[key] - 1)


def _answer_survey(
    written: Mapping[str, pl.Series], plants: Sequence[Plant], n: int, rng: np.random.Generator
) -> Survey:
    age = np.clip(np.round(np.exp(rng.normal(3.48, 0.32, n))), 18, 84).astype(np.int64)
    answers = pl.DataFrame(
        {
            "age": pl.Series(age).cast(pl.String),
            "gender": pl.Series(_GENDERS).gather(rng.choice(4, n, p=_GENDER_SHARES)),
            "education": pl.Series(_EDUCATION).gather(rng.choice(5, n, p=_EDUCATION_SHARES)),
            "occupation": written["occupation"],
            "frequency": pl.Series(rng.choice(5, n, p=_FREQUENCY_SHARES) + 1).cast(pl.String),
            "purposes": written["purposes"],
            "feedback": written["feedback"],
        }
    )
    # a field with a planted span stays, or the truth would name a span that is not there
    planted = {name: np.isin(np.arange(n), [p.row for p in plants if p.target == name]) for name in written}
    missing = {"frequency": 0.07, "education": 0.02, "occupation": 0.04, "purposes": 0.03, "feedback": 0.6}
    drop = {
        name: (rng.random(n) < share) & ~planted.get(name, np.zeros(n, np.bool_))
        for name, share in missing.items()
    }
    answers = answers.with_columns(
        **{name: pl.when(pl.Series(~gone)).then(pl.col(name)) for name, gone in drop.items()}
    )
    has_survey = (rng.random(n) >= 0.035) | np.logical_or.reduce(list(planted.values()))
    return Survey(answers, pl.Series(has_survey))


def _append(text: pl.Series, rows: Sequence[int], tails: Sequence[str]) -> pl.Series:
    if not rows:
        return text
    extra = pl.DataFrame(
        {"row": rows, "tail": [escape_json(t) for t in tails]}, schema_overrides={"row": pl.Int64}
    )
    extra = extra.group_by("row", maintain_order=True).agg(pl.col("tail").str.join(""))
    full = pl.DataFrame({"row": np.arange(len(text)), "text": text}).join(
        extra, on="row", how="left", maintain_order="left"
    )
    return full.select(pl.concat_str("text", pl.col("tail").fill_null(""))).to_series()


def _span_frame(plants: Sequence[Plant], starts: Sequence[int]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "target": [p.target for p in plants],
            "row": [p.row for p in plants],
            "type": [p.kind for p in plants],
            "start": list(starts),
            "end": [s + len(p.surface) for p, s in zip(plants, starts, strict=True)],
            "text": [p.surface for p in plants],
        },
        schema={
            "target": pl.String, "row": pl.Int64, "type": pl.String,
            "start": pl.Int64, "end": pl.Int64, "text": pl.String,
        },
    )  # fmt: skip
