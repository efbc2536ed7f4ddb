"""Next-message prediction: does it help a model to know what the user thought?

For every answer that a user message follows, a model writes that message twice: from the history alone, and
from the same history with the user's thoughts at their places. Only thoughts that a judge finds good enough are
shown, and only items with such a thought are asked, so that both conditions have the same items. Thoughts of
the message to be found are never shown. Another model rates the likeness, 0 to 100.
Source: ThoughtTrace, arXiv 2605.20087.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tasks.evaluate.asking import NOTHING_LEFT, Ask, Asker, make_ask
from tasks.evaluate.conversations import Conversation, Thought, Turn, next_user_turn
from tasks.evaluate.figures import draw_intervals
from tasks.evaluate.judging import find_guard, score_predictions
from tasks.evaluate.predicting import predict_texts
from tasks.evaluate.published import published
from tasks.evaluate.resampling import Floats, ParticipantBootstrap
from tasks.evaluate.rows import make_row
from tasks.evaluate.selecting import MESSAGE_CHARACTERS, as_json, draw_items, list_history
from tasks.evaluate.shapes import ScoreShape, TextShape
from tasks.evaluate.suite import Failure, Findings, Item, Options, Results, Row, Score, Selection, Suite
from tasks.evaluate.thought_inference import gather_columns
from tasks.evaluate.vectors import TextVectors
from tasks.tag.canonical import clip_text, has_words

HISTORY = "history"
THOUGHTS = "thoughts"
METRIC = "likeness"
LIKENESS = ScoreShape(0, 100)
QUALITY = ScoreShape(1, 5)
MESSAGE = TextShape("message", max_characters=6_000, usual_tokens=60)
GROUP = "next_message"
IN_TIME = "thoughts written before the next message"


@dataclass(frozen=True, slots=True)
class Point:
    """A point of a conversation: the messages before the one to be found, and when that was written."""

    turns: tuple[Turn, ...]
    next_offset_s: float


def select(conversations: Sequence[Conversation], options: Options) -> Selection:
    """Take every answer that a user message follows; one without thoughts before it is left out by name."""
    items: list[Item] = []
    left_out: list[Failure] = []
    for conversation in conversations:
        for index, turn in enumerate(conversation.turns):
            after = next_user_turn(conversation.turns, index)
            if turn.role != "assistant":
                continue
            item_id = f"{turn.message_id}+next"
            before = conversation.turns[: index + 1]
            if after is None:
                left_out.append(Failure(item_id, "select", "no_next_message"))
            elif not has_words(after.text):
                left_out.append(Failure(item_id, "select", "no_text"))
            elif not any(has_words(t.text) for turn in before for t in turn.thoughts):
                left_out.append(Failure(item_id, "select", "no_thought"))
            else:
                history = list_history(before)
                point = Point(before, after.offset_s)
                items.append(Item(item_id, conversation, GROUP, as_json(history), after.text, point))
    return draw_items(items, left_out, options.settings.limit)


def collect(selection: Selection, options: Options, asker: Asker, vectors: TextVectors) -> Findings:
    """Judge the thoughts, predict from both conditions, have the predictions judged."""
    del vectors
    findings = Findings()
    good = _judge_thoughts(findings, asker, selection.items, options)
    items: list[Item] = []
    for item in selection.items:
        shown = [t for turn in item.data.turns for t in turn.thoughts if t.thought_id in good]
        if not shown:
            findings.failures.append(Failure(item.item_id, "quality", "no_thought_of_quality"))
            continue
        items.append(item)
        if all(t.offset_s <= item.data.next_offset_s for t in shown):
            findings.extra.setdefault("in_time", set()).add(item.item_id)
    for condition in (HISTORY, THOUGHTS):
        predictions = predict_texts(
            findings,
            asker,
            items,
            options.models,
            step=f"predict_{condition}",
            condition=condition,
            prompt=lambda item: "next_message",
            shape=lambda item: MESSAGE,
            material=lambda item, c=condition: {
                "history": _tell(item, good if c == THOUGHTS else frozenset())
            },
        )
        score_predictions(
            findings,
            asker,
            items,
            predictions,
            options,
            step=f"judge_{condition}",
            prompt="likeness",
            metric=METRIC,
            shape=LIKENESS,
            keys=("message", "guess"),
        )
    return findings


def _judge_thoughts(
    findings: Findings, asker: Asker, items: Sequence[Item], options: Options
) -> frozenset[str]:
    """Return the ids of the thoughts that the first judge finds good enough."""
    guard = find_guard(findings)
    judge = options.judges[0]
    thoughts: dict[str, tuple[Thought, Turn]] = {
        t.thought_id: (t, turn) for i in items for turn in i.data.turns for t in turn.thoughts
    }
    asks: list[Ask] = []
    for thought_id, (thought, turn) in thoughts.items():
        ask = make_ask(
            guard,
            item_id=thought_id,
            step="quality",
            model=judge,
            prompt="quality",
            material={"message": clip_text(turn.text, MESSAGE_CHARACTERS), "note": thought.text},
            shape=QUALITY,
        )
        if ask is None:
            findings.failures.append(Failure(thought_id, "quality", NOTHING_LEFT, "", judge))
        else:
            asks.append(ask)
    good: set[str] = set()
    for ask, answer in zip(asks, asker.ask(asks), strict=True):
        if answer.fault:
            findings.failures.append(
                Failure(ask.item_id, "quality", answer.fault, "", judge, answer.n_attempts)
            )
            continue
        findings.extra.setdefault("quality", []).append(answer.value)
        # while planning, every thought counts as good: the most that it can cost
        if asker.is_planning or answer.value >= options.settings.min_quality:
            good.add(ask.item_id)
        if not asker.is_planning:
            findings.extra.setdefault("quality_scores", []).append(
                Score(
                    ask.item_id,
                    "",
                    "",
                    judge,
                    "quality",
                    answer.value,
                    answer.model_snapshot,
                    ask.prompt.sha256,
                )
            )
    return frozenset(good)


def _tell(item: Item, shown: frozenset[str]) -> list[dict[str, str]]:
    """Return the history, with a note on each message whose thoughts are shown."""
    turns: tuple[Turn, ...] = item.data.turns
    history = list_history(turns)
    told: list[dict[str, str]] = []
    for turn, message in zip(turns[-len(history) :], history, strict=True):
        note = " / ".join(t.text for t in turn.thoughts if t.thought_id in shown)
        told.append({**message, "note": note} if note else message)
    return told


def summarise(selection: Selection, options: Options, findings: Findings) -> Results:
    """Return both conditions on the same items, the gain in points and relative, for each model and judge."""
    items = selection.items
    if not items:
        return Results([])
    boot = ParticipantBootstrap(
        [i.conversation.participant_id for i in items], options.settings.resamples, options.settings.seed
    )
    columns = gather_columns(items, findings)
    pairs = {
        (model, judge): (columns[HISTORY, model, judge], columns[THOUGHTS, model, judge])
        for condition, model, judge in columns
        if condition == HISTORY and (THOUGHTS, model, judge) in columns
    }
    means = {
        model: tuple(_mean([p[side] for (m, _), p in pairs.items() if m == model]) for side in (0, 1))
        for model in dict.fromkeys(m for m, _ in pairs)
    }
    rows: list[Row] = []
    for (model, judge), (before, after) in pairs.items():
        rows += _compare(items, boot, before, after, model, judge)
    for model, (before, after) in means.items():
        if sum(m == model for m, _ in pairs) > 1:
            rows += _compare(items, boot, before, after, model, "mean of judges")
    if means:
        before, after = (_mean([m[side] for m in means.values()]) for side in (0, 1))
        rows += _compare(items, boot, before, after, "all models", "all judges", is_total=True)
        early = findings.extra.get("in_time", set())
        mask = np.array([i.item_id in early for i in items])
        part = [np.where(mask, column, np.nan) for column in (before, after)]
        rows += _compare(
            items, boot, part[0], part[1], "all models", "all judges", group=IN_TIME, n_of=int(mask.sum())
        )
    quality = findings.extra.get("quality", [])
    good = sum(q >= options.settings.min_quality for q in quality)
    findings.notes.append(
        f"{good:,} of {len(quality):,} judged thoughts have a quality of {options.settings.min_quality} or more"
    )
    if len(boot.names) < 2:
        findings.notes.append("one participant only, so no intervals")
    findings.scores += findings.extra.get("quality_scores", [])
    lines = [
        {
            "name": f"{r.condition} · {r.model} · {r.judge}",
            "value": r.value,
            "low": r.low,
            "high": r.high,
            "published": r.published,
        }
        for r in rows
        if r.metric == METRIC and r.group == GROUP and r.value is not None
    ]
    figures: dict[str, str] = {}
    if lines:
        figures["figure"] = draw_intervals(
            lines,
            x_title="mean likeness of guess and message, 0 to 100",
            title="The next message, with and without the user's thoughts",
            subtitle=["The same items in both conditions; judged by another model than the one that wrote."],
            source=f"{len(items):,} points with a thought before them, {len(selection.left_out):,} left out.",
        )
    return Results(rows, figures=figures)


def _compare(
    items: Sequence[Item],
    boot: ParticipantBootstrap,
    before: Floats,
    after: Floats,
    model: str,
    judge: str,
    *,
    group: str = GROUP,
    n_of: int | None = None,
    is_total: bool = False,
) -> list[Row]:
    both = np.isfinite(before) & np.isfinite(after)
    n, people = int(both.sum()), len(set(boot.codes[both].tolist()))
    of = len(items) if n_of is None else n_of
    points, relative = boot.difference(before, after)
    common: dict[str, Any] = {"model": model, "judge": judge}

    def paper(*path: str) -> float | None:
        return published("next-message", *path) if is_total else None

    rows = [
        make_row(
            METRIC,
            group,
            boot.mean(np.where(both, column, np.nan)),
            n,
            of,
            people,
            condition=condition,
            unit="0-100",
            published=paper("score", condition),
            **common,
        )
        for condition, column in ((HISTORY, before), (THOUGHTS, after))
    ]
    gain = f"{THOUGHTS} - {HISTORY}"
    rows.append(
        make_row(
            "gain_points",
            group,
            points,
            n,
            of,
            people,
            condition=gain,
            unit="points",
            published=paper("points"),
            **common,
        )
    )
    rows.append(
        make_row(
            "gain_relative",
            group,
            relative,
            n,
            of,
            people,
            condition=gain,
            unit="share",
            published=paper("relative_gain"),
            **common,
        )
    )
    return rows


def _mean(columns: Sequence[Floats]) -> Floats:
    """Mean of columns; NaN where any of them has no value, so that the items stay the same for all."""
    return np.mean(np.stack(columns), axis=0)


SUITE = Suite(
    name="next-message",
    question="Does knowing the user's thoughts help to predict the next message?",
    prompts=("quality", "next_message", "likeness"),
    select=select,
    collect=collect,
    summarise=summarise,
    predicts=True,
    judges=True,
)
