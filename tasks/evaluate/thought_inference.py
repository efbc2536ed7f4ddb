"""Thought inference: can a model tell what the user thought?

A model writes the thought in one sentence in the user's voice, a different model rates how close it is, 1 to 5.
A reason is told from the messages up to its own, a reaction from the messages up to its answer and the next user
message. With the method `autotom` the same items are also answered by weighing hypotheses, and compared.
Source: ThoughtTrace, arXiv 2605.20087.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from tasks.evaluate.asking import Asker
from tasks.evaluate.autotom import METHOD as AUTOTOM
from tasks.evaluate.autotom import infer_thoughts
from tasks.evaluate.conversations import Conversation, next_user_turn
from tasks.evaluate.figures import draw_intervals
from tasks.evaluate.judging import agreement, score_predictions
from tasks.evaluate.predicting import predict_texts
from tasks.evaluate.published import published
from tasks.evaluate.resampling import Floats, ParticipantBootstrap
from tasks.evaluate.rows import make_row, mean_rows
from tasks.evaluate.selecting import as_json, draw_items, list_history
from tasks.evaluate.shapes import ScoreShape, TextShape
from tasks.evaluate.suite import Failure, Findings, Item, Options, Results, Row, Selection, Suite
from tasks.evaluate.vectors import TextVectors
from tasks.tag.canonical import has_words

DIRECT = "direct"
METRIC = "similarity"
SIMILARITY = ScoreShape(1, 5)
THOUGHT = TextShape("thought", max_characters=1_000, usual_tokens=40)


def select(conversations: Sequence[Conversation], options: Options) -> Selection:
    """Take every thought with words; the rest is left out by name.

    An item's data are the history before the user's action, and the action: for a reason its own message,
    for a reaction the next user message (none at the end of a conversation).
    """
    items: list[Item] = []
    left_out: list[Failure] = []
    for conversation in conversations:
        for index, turn in enumerate(conversation.turns):
            after = next_user_turn(conversation.turns, index)
            for thought in turn.thoughts:
                if not has_words(thought.text):
                    left_out.append(Failure(thought.thought_id, "select", "no_text"))
                    continue
                is_reason = thought.kind == "reason"
                before = conversation.turns[:index] if is_reason else conversation.turns[: index + 1]
                action = turn if is_reason else after
                history = list_history(before)
                shown = history if action is None else [*history, *list_history([action])]
                items.append(
                    Item(
                        thought.thought_id,
                        conversation,
                        thought.kind,
                        as_json(shown),
                        thought.text,
                        {"history": history, "action": action.text if action else ""},
                    )
                )
    return draw_items(items, left_out, options.settings.limit)


def collect(selection: Selection, options: Options, asker: Asker, vectors: TextVectors) -> Findings:
    """Predict every thought, by one method or both, and have the predictions judged."""
    del vectors
    findings = Findings()
    predictions = predict_texts(
        findings,
        asker,
        selection.items,
        options.models,
        step="predict",
        condition=DIRECT,
        prompt=lambda item: item.group,
        shape=lambda item: THOUGHT,
        material=_material,
    )
    if options.method == AUTOTOM:
        predictions += infer_thoughts(findings, asker, selection.items, options)
    score_predictions(
        findings,
        asker,
        selection.items,
        predictions,
        options,
        step="judge",
        prompt="similarity",
        metric=METRIC,
        shape=SIMILARITY,
        keys=("note", "guess"),
    )
    if options.method == AUTOTOM and options.settings.autotom == "average":
        _average(findings)
    return findings


def _material(item: Item) -> dict[str, Any]:
    shown: dict[str, Any] = {"conversation": item.data["history"]}
    if item.data["action"]:
        shown["newest_message" if item.group == "reason" else "next_message"] = item.data["action"]
    return shown


def _average(findings: Findings) -> None:
    """Turn the scores of single hypotheses into one weighted mean an item; complete ones only."""
    from tasks.evaluate.autotom import average_scores

    findings.scores = average_scores(findings)


def summarise(selection: Selection, options: Options, findings: Findings) -> Results:
    """Return mean scores by kind, method, model and judge, their agreement, and the comparison of methods."""
    rows = mean_rows(
        selection.items,
        findings.scores,
        options.settings,
        {METRIC: "1-5"},
        lambda metric, group, condition: (
            published("thought-inference", METRIC, group) if condition == DIRECT else None
        ),
    )
    columns = gather_columns(selection.items, findings)
    rows += _agreements(selection.items, columns, options)
    tables: dict[str, list[dict[str, Any]]] = {}
    if options.method == AUTOTOM:
        compared = _compare(selection.items, columns, options)
        rows += compared
        tables["methods"] = _method_table(rows)
        _note_evidence(findings)
    if len({i.conversation.participant_id for i in selection.items}) == 1:
        findings.notes.append("one participant only, so no intervals")
    lines = [
        {
            "name": " · ".join(p for p in (r.group, r.condition, r.model, r.judge) if p),
            "value": r.value,
            "low": r.low,
            "high": r.high,
            "published": r.published,
        }
        for r in rows
        if r.metric == METRIC and r.value is not None
    ]
    figures: dict[str, str] = {}
    if lines:
        figures["figure"] = draw_intervals(
            lines,
            x_title="mean similarity of guess and note, 1 to 5",
            title="How well models tell what a user thought",
            subtitle=["Mean score of a judge that is not the predictor."],
            source=f"{len(selection.items):,} thoughts, {len(findings.failures):,} failures.",
        )
    return Results(rows, figures=figures, tables=tables)


Columns = dict[tuple[str, str, str], Floats]


def gather_columns(items: Sequence[Item], findings: Findings) -> Columns:
    """Return the scores as columns over items, by condition, model and judge; NaN where there is none."""
    place = {item.item_id: n for n, item in enumerate(items)}
    columns: Columns = {}
    for score in findings.scores:
        key = (score.condition, score.model, score.judge)
        columns.setdefault(key, np.full(len(items), np.nan))[place[score.item_id]] = score.value
    return columns


def _agreements(items: Sequence[Item], columns: Columns, options: Options) -> list[Row]:
    """Agreement of every pair of judges on the same predictions."""
    rows: list[Row] = []
    if not items:
        return rows
    boot = ParticipantBootstrap(
        [i.conversation.participant_id for i in items], options.settings.resamples, options.settings.seed
    )
    for condition, model in dict.fromkeys((c, m) for c, m, _ in columns):
        judges = [j for c, m, j in columns if (c, m) == (condition, model)]
        for first, second in combinations(judges, 2):
            a, b = columns[condition, model, first], columns[condition, model, second]
            both = np.isfinite(a) & np.isfinite(b)
            for name, found in agreement(a, b, boot).items():
                rows.append(
                    make_row(
                        f"agreement_{name}",
                        "all",
                        found,
                        int(both.sum()),
                        len(items),
                        len(set(boot.codes[both].tolist())),
                        condition=condition,
                        model=model,
                        judge=f"{first} and {second}",
                    )
                )
    return rows


def _compare(items: Sequence[Item], columns: Columns, options: Options) -> list[Row]:
    """What `autotom` gains over the direct method on the items that both answered."""
    rows: list[Row] = []
    for group in dict.fromkeys(i.group for i in items):
        at = np.array([n for n, i in enumerate(items) if i.group == group])
        boot = ParticipantBootstrap(
            [items[n].conversation.participant_id for n in at],
            options.settings.resamples,
            options.settings.seed,
        )
        for _, model, judge in [k for k in columns if k[0] == DIRECT]:
            other = columns.get((AUTOTOM, model, judge))
            if other is None:
                continue
            before, after = columns[DIRECT, model, judge][at], other[at]
            both = np.isfinite(before) & np.isfinite(after)
            people = len(set(boot.codes[both].tolist()))
            points, _ = boot.difference(before, after)
            common: dict[str, Any] = {"model": model, "judge": judge, "unit": "1-5"}
            n, n_of = int(both.sum()), len(at)
            masked = [np.where(both, column, np.nan) for column in (before, after)]
            rows += [
                make_row(
                    "paired_direct", group, boot.mean(masked[0]), n, n_of, people, condition=DIRECT, **common
                ),
                make_row(
                    "paired_autotom",
                    group,
                    boot.mean(masked[1]),
                    n,
                    n_of,
                    people,
                    condition=AUTOTOM,
                    **common,
                ),
                make_row("gain", group, points, n, n_of, people, condition=f"{AUTOTOM} - {DIRECT}", **common),
            ]
    return rows


def _method_table(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return one line a kind, model and judge: both methods on the same items, side by side."""
    table: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in rows:
        if row.metric in {"paired_direct", "paired_autotom", "gain"}:
            line = table.setdefault(
                (row.group, row.model, row.judge),
                {"group": row.group, "model": row.model, "judge": row.judge, "n": row.n, "n_of": row.n_of},
            )
            name = row.metric.removeprefix("paired_")
            line |= {name: row.value, f"{name}_low": row.low, f"{name}_high": row.high}
    return list(table.values())


def _note_evidence(findings: Findings) -> None:
    for text, n in findings.extra.get("evidence", {}).items():
        findings.notes.append(f"autotom: {n:,} items weighed by {text}")


SUITE = Suite(
    name="thought-inference",
    question="Can a model tell what the user thought?",
    prompts=(
        "reason",
        "reaction",
        "similarity",
        "hypotheses_reason",
        "hypotheses_reaction",
        "likelihood_letter",
        "likelihood_rating",
    ),
    select=select,
    collect=collect,
    summarise=summarise,
    methods=(DIRECT, AUTOTOM),
    predicts=True,
    judges=True,
)
