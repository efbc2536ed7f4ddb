"""Alignment pairs: preference pairs out of dissatisfaction, for DPO and its kin.

An answer that its user was dissatisfied with (a reaction labelled content relevance, presentation or scope) is
the rejected one; the chosen one is a rewrite guided by the thought, or by the user's next message. Filters as
published: conversations of 2 to 20 messages; guides that are empty, under 6 words or without letters are left
out. A rewrite in which the scrubber finds something that was not in the material is held back.
Source: ThoughtTrace, arXiv 2605.20087.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from schemas.errors import DataError, UsageError
from schemas.fields import PREFERENCE_PAIRS, SPLITS
from tasks.evaluate.asking import Asker
from tasks.evaluate.conversations import Conversation, Turn, next_user_turn
from tasks.evaluate.figures import draw_intervals
from tasks.evaluate.predicting import predict_texts
from tasks.evaluate.preference_formats import to_openai, to_trl, write_lines
from tasks.evaluate.published import published
from tasks.evaluate.resampling import Interval, ParticipantBootstrap
from tasks.evaluate.rows import make_row
from tasks.evaluate.selecting import as_json, draw_items, list_history
from tasks.evaluate.shapes import TextShape
from tasks.evaluate.suite import Failure, Findings, Item, Options, Results, Row, Selection, Suite
from tasks.evaluate.vectors import TextVectors
from tasks.storage.parquet import encode_table
from tasks.tag.canonical import canonicalise

DISSATISFIED = frozenset({"content_relevance", "presentation_style", "scope_fit"})
MIN_MESSAGES, MAX_MESSAGES = 2, 20
MIN_WORDS = 6
THOUGHT = "thought"
MESSAGE = "message"
GUIDANCE = (THOUGHT, MESSAGE)
_MAX_ANSWER = 24_000


@dataclass(frozen=True, slots=True)
class Criticism:
    """An answer, what came before it, and what guides its rewrite."""

    answer: Turn
    before: tuple[Turn, ...]
    guide_id: str
    guide: str
    label: str


def select(conversations: Sequence[Conversation], options: Options) -> Selection:
    """Take every dissatisfied reaction, and every next message after one; filtered by name.

    An answer with several such reactions has one pair for each thought, and one for its next message.
    """
    if len(options.models) > 1:
        raise UsageError("alignment-pairs takes one model: the one that rewrites")
    items: list[Item] = []
    left_out: list[Failure] = []
    for conversation in conversations:
        for index, turn in enumerate(conversation.turns):
            reactions = [t for t in turn.thoughts if t.kind == "reaction"]
            left_out += [Failure(t.thought_id, "select", "no_label") for t in reactions if not t.label]
            critical = [t for t in reactions if t.label in DISSATISFIED]
            if not critical:
                continue
            before = conversation.turns[:index]
            found = [(t.thought_id, t.text, t.label, THOUGHT) for t in critical]
            after = next_user_turn(conversation.turns, index)
            if after is None:
                left_out.append(Failure(f"{turn.message_id}+{MESSAGE}", "select", "no_next_message"))
            else:
                found.append((after.message_id, after.text, critical[0].label, MESSAGE))
            for guide_id, guide, label, guidance in found:
                item_id = f"{guide_id if guidance == THOUGHT else turn.message_id}+{guidance}"
                why = reject_guide(conversation, turn, guide)
                if why:
                    left_out.append(Failure(item_id, "select", why))
                    continue
                data = Criticism(turn, before, guide_id, guide, label)
                items.append(
                    Item(item_id, conversation, guidance, as_json(_messages(before)), turn.text, data)
                )
    return draw_items(items, left_out, options.settings.limit)


def reject_guide(conversation: Conversation, answer: Turn, guide: str) -> str:
    """Return the filter that a criticism fails, or an empty string."""
    if not MIN_MESSAGES <= len(conversation.turns) <= MAX_MESSAGES:
        return "conversation_length"
    text = canonicalise(guide)
    if not text:
        return "empty_guide"
    if not any(c.isalpha() for c in text):
        return "no_letters"
    if len(text.split()) < MIN_WORDS:
        return "under_6_words"
    if not answer.text.strip():
        return "empty_answer"
    return "long_answer" if len(answer.text) > _MAX_ANSWER else ""


def _messages(turns: Sequence[Turn]) -> list[dict[str, str]]:
    return [{"role": t.role, "content": t.text} for t in turns]


def collect(selection: Selection, options: Options, asker: Asker, vectors: TextVectors) -> Findings:
    """Have the answers rewritten, and hold back rewrites that change nothing or leak."""
    del vectors
    findings = Findings()
    rewrites = predict_texts(
        findings,
        asker,
        selection.items,
        options.models,
        step="rewrite",
        condition="rewrite",
        prompt=lambda item: "rewrite",
        shape=_shape,
        material=lambda item: {
            "conversation": list_history(item.data.before),
            "answer": item.data.answer.text,
            "feedback": item.data.guide,
        },
    )
    if asker.is_planning:
        return findings
    items = {i.item_id: i for i in selection.items}
    leaks = _find_leaks([(items[r.item_id], r.prediction) for r in rewrites], options)
    pairs: list[dict[str, Any]] = []
    for rewrite, leak in zip(rewrites, leaks, strict=True):
        item = items[rewrite.item_id]
        criticism: Criticism = item.data
        fault = leak or ("unchanged" if canonicalise(rewrite.prediction) == canonicalise(item.target) else "")
        if fault:
            findings.failures.append(Failure(item.item_id, "check", fault, "rewrite", rewrite.model, 1))
            continue
        pairs.append(
            {
                "pair_id": item.item_id,
                "participant_id": item.conversation.participant_id,
                "conversation_id": item.conversation.conversation_id,
                "split": item.conversation.split,
                "guidance": item.group,
                "guide_id": criticism.guide_id,
                "message_id": criticism.answer.message_id,
                "label": criticism.label,
                "context": item.context,
                "rejected": item.target,
                "chosen": rewrite.prediction,
                "model": rewrite.model,
                "model_snapshot": rewrite.model_snapshot,
                "prompt_sha256": rewrite.prompt_sha256,
            }
        )
    findings.extra["pairs"] = pairs
    return findings


def _shape(item: Item) -> TextShape:
    length = len(item.target)
    return TextShape("rewrite", max_characters=max(4_000, 4 * length), usual_tokens=max(60, length // 4))


def _find_leaks(rewrites: Sequence[tuple[Item, str]], options: Options) -> list[str]:
    """Return for each rewrite the type of the first span that its material did not hold, or an empty string."""
    found = options.find_spans([text for _, text in rewrites]) if rewrites else []
    out: list[str] = []
    for (item, _), spans in zip(rewrites, found, strict=True):
        criticism: Criticism = item.data
        material = "\n".join([item.context, item.target, criticism.guide]).casefold()
        new = [kind for kind, surface in spans if surface.casefold() not in material]
        out.append(f"leak_{new[0]}" if new else "")
    return out


def summarise(selection: Selection, options: Options, findings: Findings) -> Results:
    """Return counts by guidance and split, the files for trainers, and the law that no participant is in two splits."""
    settings = options.settings
    pairs: list[dict[str, Any]] = findings.extra.get("pairs", [])
    frame = pl.DataFrame(pairs, schema=PREFERENCE_PAIRS.polars_schema()).sort("pair_id")
    people = frame.select("participant_id", "split").unique()
    if people["participant_id"].n_unique() != people.height:
        raise DataError("alignment pairs: a participant is in two splits; the release is damaged")
    rows: list[Row] = []
    nothing = float("nan")
    for guidance in GUIDANCE:
        of_group = [i for i in selection.items if i.group == guidance]
        kept = frame.filter(pl.col("guidance") == guidance)
        n_people = kept["participant_id"].n_unique()
        rows.append(
            make_row(
                "n_pairs",
                guidance,
                Interval(float(kept.height), nothing, nothing),
                kept.height,
                len(of_group),
                n_people,
                unit="pairs",
                published=published("alignment-pairs", "n_pairs", guidance),
            )
        )
        if kept.height:
            ratio = np.array(
                [len(r["chosen"]) / max(1, len(r["rejected"])) for r in kept.iter_rows(named=True)]
            )
            boot = ParticipantBootstrap(kept["participant_id"].to_list(), settings.resamples, settings.seed)
            rows.append(
                make_row(
                    "length_ratio",
                    guidance,
                    boot.mean(ratio),
                    kept.height,
                    len(of_group),
                    n_people,
                    unit="ratio",
                )
            )
    by_split = [
        {
            "guidance": g,
            "split": s,
            "n_pairs": frame.filter((pl.col("guidance") == g) & (pl.col("split") == s)).height,
        }
        for g in GUIDANCE
        for s in SPLITS
    ]
    files = {"pairs.parquet": encode_table(frame, PREFERENCE_PAIRS)}
    for split in SPLITS:
        of_split = list(frame.filter(pl.col("split") == split).iter_rows(named=True))
        files[f"trl/{split}.jsonl"] = write_lines(map(to_trl, of_split))
        files[f"openai/{split}.jsonl"] = write_lines(map(to_openai, of_split))
    findings.notes.append("a chosen answer is a model's rewrite: look at a sample before training on it")
    lines = [
        {"name": f"{r.group}-guided", "value": r.value, "low": r.low, "high": r.high, "published": None}
        for r in rows
        if r.metric == "length_ratio" and r.value is not None
    ]
    figures: dict[str, str] = {}
    if lines:
        figures["figure"] = draw_intervals(
            lines,
            x_title="length of the chosen answer over that of the rejected one",
            title="Preference pairs from dissatisfaction",
            subtitle=[", ".join(f"{b['n_pairs']:,} {b['guidance']}/{b['split']}" for b in by_split)],
            source=f"{frame.height:,} pairs of {people.height:,} participants, {len(selection.left_out):,} left out.",
        )
    checks = {
        "splits_are_disjoint": True,
        "leaks_held_back": sum(f.error.startswith("leak_") for f in findings.failures),
    }
    return Results(rows, checks=checks, figures=figures, files=files, tables={"pairs_by_split": by_split})


SUITE = Suite(
    name="alignment-pairs",
    question="Which better answers do users' criticisms lead to?",
    prompts=("rewrite",),
    select=select,
    collect=collect,
    summarise=summarise,
    predicts=True,
)
