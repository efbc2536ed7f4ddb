"""Semantic shift: how far a thought lies from the messages around it.

Three kinds of pairs of texts: a user message and the next one, a message and its reason, a reaction and the
next message. Each pair is measured by cosine and L2 distance, each kind by centroid gap, RBF-MMD and the AUC
of a linear probe; a judge rates how much of the second text the first one covers.
Source: ThoughtTrace, arXiv 2605.20087.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import numpy as np

from tasks.evaluate.asking import Asker
from tasks.evaluate.conversations import Conversation, Turn, next_user_turn
from tasks.evaluate.figures import draw_points
from tasks.evaluate.judging import score_items
from tasks.evaluate.published import read_published
from tasks.evaluate.resampling import Floats, Interval, ParticipantBootstrap
from tasks.evaluate.rows import make_row, mean_rows
from tasks.evaluate.selecting import draw_items
from tasks.evaluate.shapes import ScoreShape
from tasks.evaluate.shift_measures import centroid_gap, median_distance, probe_auc, project_pca, rbf_mmd
from tasks.evaluate.suite import Failure, Findings, Item, Options, Results, Row, Score, Selection, Suite
from tasks.evaluate.vectors import TextVectors
from tasks.tag.canonical import canonicalise, has_words

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "message_next": "message and next message",
        "message_reason": "message and its reason",
        "reaction_next": "reaction and next message",
    }
)
COVERAGE = ScoreShape(1, 5)
PAPERS_MEASURES = ("centroid_gap", "mmd2", "probe_auc")
"""What the paper measured; distances within pairs are ours, and say how near the two texts of a pair are."""
_MAX_MEASURED = 4_000
"""Pairs of a kind that MMD and probe look at, at most; more change nothing but the time."""
_UNITS = {"cosine": "distance", "l2": "distance", "centroid_gap": "distance", "mmd2": "", "probe_auc": ""}


def select(conversations: Sequence[Conversation], options: Options) -> Selection:
    """Pair texts; what has no partner or no words is left out by name."""
    items: list[Item] = []
    left_out: list[Failure] = []
    for conversation in conversations:
        users = [t for t in conversation.turns if t.role == "user"]
        for turn, after in zip(users, [*users[1:], None], strict=True):
            _pair(f"{turn.message_id}+next", "message_next", turn.text, after, conversation, items, left_out)
        for index, turn in enumerate(conversation.turns):
            for thought in turn.thoughts:
                if thought.kind == "reason":
                    _add(
                        thought.thought_id,
                        "message_reason",
                        turn.text,
                        thought.text,
                        conversation,
                        items,
                        left_out,
                    )
                else:
                    after = next_user_turn(conversation.turns, index)
                    item_id = f"{thought.thought_id}+next"
                    _pair(item_id, "reaction_next", thought.text, after, conversation, items, left_out)
    return draw_items(items, left_out, options.settings.limit)


def _pair(
    item_id: str,
    group: str,
    first: str,
    after: Turn | None,
    conversation: Conversation,
    items: list[Item],
    left_out: list[Failure],
) -> None:
    if after is None:
        left_out.append(Failure(item_id, "select", "no_next_message"))
    else:
        _add(item_id, group, first, after.text, conversation, items, left_out)


def _add(
    item_id: str,
    group: str,
    first: str,
    second: str,
    conversation: Conversation,
    items: list[Item],
    left_out: list[Failure],
) -> None:
    first, second = canonicalise(first), canonicalise(second)
    if not (has_words(first) and has_words(second)):
        left_out.append(Failure(item_id, "select", "no_text"))
    else:
        items.append(Item(item_id, conversation, group, first, second))


def collect(selection: Selection, options: Options, asker: Asker, vectors: TextVectors) -> Findings:
    """Embed both texts of every pair, and ask the judges for coverage."""
    findings = Findings()
    items = selection.items
    texts = list(dict.fromkeys(t for i in items for t in (i.context, i.target)))
    place = {text: n for n, text in enumerate(texts)}
    found = vectors.embed(texts).astype(np.float64)
    score_items(
        findings,
        asker,
        items,
        options.judges,
        step="coverage",
        prompt="coverage",
        metric="coverage",
        shape=COVERAGE,
        material=lambda item: {"first": item.context, "second": item.target},
    )
    if asker.is_planning:
        return findings
    for item in items:
        first, second = found[place[item.context]], found[place[item.target]]
        distance = float(np.linalg.norm(first - second))
        for metric, value in (("cosine", 1 - float(first @ second)), ("l2", distance)):
            findings.scores.append(Score(item.item_id, "", "", vectors.snapshot, metric, value))
    findings.extra["vectors"] = {text: found[n] for text, n in place.items()}
    findings.extra["snapshot"] = vectors.snapshot
    return findings


def summarise(selection: Selection, options: Options, findings: Findings) -> Results:
    """Measure each kind of pair and check the published order."""
    settings = options.settings
    vectors: Mapping[str, Floats] = findings.extra["vectors"]
    snapshot: str = findings.extra["snapshot"]
    units = {"cosine": "distance", "l2": "distance", "coverage": "1-5"}
    rows = mean_rows(selection.items, findings.scores, settings, units)
    everything = np.array(list(vectors.values())) if vectors else np.zeros((0, 2))
    width = median_distance(everything, settings.seed) if len(everything) > 1 else 1.0
    for group in KINDS:
        of_group = [i for i in selection.items if i.group == group]
        if not of_group:
            continue
        measured = of_group
        if len(of_group) > _MAX_MEASURED:
            measured = draw_items(of_group, [], _MAX_MEASURED).items
            findings.notes.append(f"{group}: MMD and probe on {_MAX_MEASURED:,} of {len(of_group):,} pairs")
        first = np.array([vectors[i.context] for i in measured])
        second = np.array([vectors[i.target] for i in measured])
        boot = ParticipantBootstrap(
            [i.conversation.participant_id for i in measured], settings.resamples, settings.seed
        )
        measures: dict[str, Interval] = {
            "centroid_gap": centroid_gap(first, second, boot),
            "mmd2": rbf_mmd(first, second, width, boot),
            "probe_auc": probe_auc(first, second, boot),
        }
        rows += [
            make_row(
                metric,
                group,
                found,
                len(measured),
                len(of_group),
                len(boot.names),
                judge=snapshot,
                unit=_UNITS[metric],
            )
            for metric, found in measures.items()
        ]
        if len(boot.names) < 2:
            findings.notes.append(f"{group}: one participant only, so no interval, no MMD and no probe")
    figure, how = _draw(selection.items, vectors, snapshot, settings.seed)
    if how:
        findings.notes.append(how)
    return Results(rows, checks=check_order(rows), figures={"figure": figure} if figure else {})


def check_order(rows: Sequence[Row]) -> dict[str, Any]:
    """Say for each measure whether the kinds come in the order that the paper found."""
    order: list[str] = read_published()["semantic-shift"]["order"]
    holds: dict[str, bool | None] = {}
    for metric in (*PAPERS_MEASURES, "cosine", "l2"):
        values = [next((r.value for r in rows if r.metric == metric and r.group == g), None) for g in order]
        known = [v for v in values if v is not None and math.isfinite(v)]
        rises = all(a < b for a, b in pairwise(known))
        holds[metric] = rises if len(known) == len(order) else None
    overall = [holds[m] for m in PAPERS_MEASURES]
    return {
        "published_order": order,
        "order_holds": None if None in overall else all(overall),
        "order_holds_by_measure": holds,
    }


def _draw(items: Sequence[Item], vectors: Mapping[str, Floats], snapshot: str, seed: int) -> tuple[str, str]:
    if len(items) < 3:
        return "", "too few pairs for a figure"
    differences = np.array([vectors[i.target] - vectors[i.context] for i in items])
    places, method = project(differences, seed)
    names = {g: f"{text} ({sum(i.group == g for i in items):,})" for g, text in KINDS.items()}
    svg = draw_points(
        [(float(x), float(y), i.group) for (x, y), i in zip(places, items, strict=True)],
        names,
        title="From the first text to the second: difference vectors",
        subtitle=[f"One point a pair; {method} of the difference of the two vectors, {snapshot}."],
        source=f"{len(items):,} pairs"
        + (". Distances between far points mean little in such a picture." if method == "UMAP" else ""),
    )
    note = (
        "" if method == "UMAP" else f"the figure shows {method}: umap-learn (extra `umap`) is not installed"
    )
    return svg, note


def project(vectors: Floats, seed: int) -> tuple[Floats, str]:
    """Return two coordinates a vector, by UMAP where it is installed, and the name of the method."""
    try:
        umap: Any = importlib.import_module("umap")
    except ImportError:
        return project_pca(vectors), "PCA, two principal components"
    neighbours = min(15, len(vectors) - 1)
    return umap.UMAP(n_neighbors=neighbours, random_state=seed, n_jobs=1).fit_transform(vectors), "UMAP"


SUITE = Suite(
    name="semantic-shift",
    question="How far do thoughts lie from the messages around them?",
    prompts=("coverage",),
    select=select,
    collect=collect,
    summarise=summarise,
    judges=True,
    embeds=True,
)
