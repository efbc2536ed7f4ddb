"""Thought dynamics: do the labels of thoughts depend on the stage and on the turn's relationship?

Association is Cramér's V with an interval over participants. Thoughts of one conversation hang together, so
the test is a permutation of labels within conversations; the usual χ² test stands beside it.
Source: Cramér 1946; Bergsma 2013 for the correction of its upward bias.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.config import EvaluateSettings
from schemas.fields import STAGES
from tasks.evaluate.asking import Asker
from tasks.evaluate.conversations import Conversation, next_user_turn
from tasks.evaluate.figures import draw_shares
from tasks.evaluate.published import read_published
from tasks.evaluate.resampling import Floats, ParticipantBootstrap
from tasks.evaluate.rows import make_row
from tasks.evaluate.selecting import draw_items
from tasks.evaluate.suite import Failure, Findings, Item, Options, Results, Row, Selection, Suite
from tasks.evaluate.vectors import TextVectors

PERMUTATIONS = 2_000
ASPECTS = ("stage", "relationship")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a thought stands: its label, the stage of its message, the relationship of the user turn."""

    label: str
    stage: str
    relationship: str


def select(conversations: Sequence[Conversation], options: Options) -> Selection:
    """Take every labelled thought; one without a label is left out by name.

    The relationship of a reason is that of its own message, that of a reaction is the next user message's.
    """
    items: list[Item] = []
    left_out: list[Failure] = []
    for conversation in conversations:
        n_of_role = {r: sum(t.role == r for t in conversation.turns) for r in ("user", "assistant")}
        for index, turn in enumerate(conversation.turns):
            after = turn if turn.role == "user" else next_user_turn(conversation.turns, index)
            # a message that is alone in its role has no stage worth the name
            stage = turn.stage if n_of_role[turn.role] >= 2 else ""
            for thought in turn.thoughts:
                if not thought.label:
                    left_out.append(Failure(thought.thought_id, "select", "no_label"))
                    continue
                place = Place(thought.label, stage, after.relationship if after else "")
                items.append(
                    Item(thought.thought_id, conversation, thought.kind, thought.text, thought.label, place)
                )
    return draw_items(items, left_out, options.settings.limit)


def collect(selection: Selection, options: Options, asker: Asker, vectors: TextVectors) -> Findings:
    """Note thoughts that have a label but no stage or relationship; no model is asked."""
    del options, asker, vectors
    findings = Findings()
    for item in selection.items:
        for aspect in ASPECTS:
            if not getattr(item.data, aspect):
                findings.failures.append(Failure(item.item_id, aspect, f"no_{aspect}"))
    return findings


def summarise(selection: Selection, options: Options, findings: Findings) -> Results:
    """Return shares by stage and relationship, and the association of each."""
    rows: list[Row] = []
    shares: list[dict[str, Any]] = []
    tests: list[dict[str, Any]] = []
    for kind in ("reason", "reaction"):
        of_kind = [i for i in selection.items if i.group == kind]
        if not of_kind:
            findings.notes.append(f"no labelled {kind}s in this release")
            continue
        for aspect in ASPECTS:
            known = [i for i in of_kind if getattr(i.data, aspect)]
            given = sorted({getattr(i.data, aspect) for i in known})
            order = [s for s in STAGES if s in given] if aspect == "stage" else given
            labels = sorted({i.data.label for i in known})
            if not known:
                findings.notes.append(f"{kind}: no {aspect} known, so nothing to test")
                continue
            table = Contingency(known, aspect, order, labels, options.settings)
            rows += table.rows(kind, len(of_kind))
            tests.append({"group": kind, "aspect": aspect, **table.test()})
            shares += table.shares(kind)
            if len(table.boot.names) < 2:
                findings.notes.append(f"{kind} by {aspect}: one participant only, so no interval")
    by_stage = [s for s in shares if s["aspect"] == "stage"]
    figures: dict[str, str] = {}
    if by_stage:
        names = {label: label.replace("_", " ") for label in dict.fromkeys(s["label"] for s in by_stage)}
        figures["figure"] = draw_shares(
            [{**s, "panel": f"{s['kind']}s"} for s in by_stage],
            names,
            STAGES,
            title="Labels of thoughts by stage of the conversation",
            subtitle=["Share of the labelled thoughts of a stage."],
            source=f"{len(selection.items):,} labelled thoughts, {len(selection.left_out):,} left out.",
        )
    return Results(rows, checks={"association": tests}, figures=figures, tables={"shares": shares})


class Contingency:
    """Labels against stage or relationship, one count a participant.

    Args:
        items: thoughts with both.
        aspect: what stands in the rows.
        order: its values in order.
        labels: values of the columns.
        settings: resamples and seed.
    """

    def __init__(
        self,
        items: Sequence[Item],
        aspect: str,
        order: Sequence[str],
        labels: Sequence[str],
        settings: EvaluateSettings,
    ) -> None:
        self._order, self._labels, self._aspect = list(order), list(labels), aspect
        self._n = len(items)
        self._seed = settings.seed
        self.boot = ParticipantBootstrap(
            [i.conversation.participant_id for i in items], settings.resamples, settings.seed
        )
        self._row = np.array([self._order.index(getattr(i.data, aspect)) for i in items])
        self._column = np.array([self._labels.index(i.data.label) for i in items])
        conversations = {
            c: n for n, c in enumerate(dict.fromkeys(i.conversation.conversation_id for i in items))
        }
        self._group = np.array([conversations[i.conversation.conversation_id] for i in items])
        cells = np.zeros((self._n, len(self._order) * len(self._labels)))
        cells[np.arange(self._n), self._row * len(self._labels) + self._column] = 1.0
        self._totals = self.boot.totals(cells)

    @property
    def counts(self) -> Floats:
        """Counts of the whole."""
        return self._totals.sum(axis=0).reshape(len(self._order), len(self._labels))

    def rows(self, kind: str, n_of: int) -> list[Row]:
        """Return Cramér's V, plain and corrected, with the interval of the corrected one."""

        def corrected(w: Floats) -> Floats:
            tables = (w @ self._totals).reshape(-1, len(self._order), len(self._labels))
            return np.array([cramers_v(t)[1] for t in tables])

        found = self.boot.statistic(corrected)
        plain = cramers_v(self.counts)[0]
        group = f"{kind} by {self._aspect}"
        people = len(self.boot.names)
        still = type(found)(plain, float("nan"), float("nan"))
        return [
            make_row("cramers_v", group, still, self._n, n_of, people),
            make_row("cramers_v_corrected", group, found, self._n, n_of, people),
        ]

    def test(self) -> dict[str, Any]:
        """Return χ², its degrees of freedom and p, and p by permutation within conversations."""
        from scipy.stats import chi2

        statistic, free = chi_squared(self.counts)
        shape = (len(self._order), len(self._labels))
        flat = self._row * shape[1]
        rng = np.random.default_rng(self._seed)
        beyond = 0
        for _ in range(PERMUTATIONS):
            # labels change places within their conversation only
            shuffled = self._column[np.lexsort((rng.random(self._n), self._group))]
            column = np.empty_like(shuffled)
            column[np.argsort(self._group, kind="stable")] = shuffled
            table = np.bincount(flat + column, minlength=shape[0] * shape[1]).reshape(shape)
            beyond += chi_squared(table)[0] >= statistic - 1e-9
        return {
            "n": self._n,
            "chi2": round(float(statistic), 4),
            "df": free,
            "p_chi2": float(f"{chi2.sf(statistic, free):.3g}") if free else None,
            "p_permutation": round((beyond + 1) / (PERMUTATIONS + 1), 5) if free else None,
            "permutations": PERMUTATIONS,
        }

    def shares(self, kind: str) -> list[dict[str, Any]]:
        """Return the share of each label within each row, with interval and the paper's figure."""
        published: Mapping[str, list[float]] = read_published()["thought-dynamics"]["by_stage"]
        out: list[dict[str, Any]] = []
        counts = self.counts
        for r, row in enumerate(self._order):
            block = slice(r * len(self._labels), (r + 1) * len(self._labels))
            base = self._totals[:, block].sum(axis=1)
            for c, label in enumerate(self._labels):
                top = self._totals[:, block.start + c]
                found = self.boot.statistic(
                    lambda w, t=top, b=base: (w @ t) / np.where(w @ b > 0, w @ b, np.nan)
                )
                value = make_row("share", row, found, int(counts[r, c]), int(counts[r].sum()), 0)
                paper = published.get(label) if self._aspect == "stage" else None
                out.append(
                    {
                        "kind": kind,
                        "aspect": self._aspect,
                        "group": row,
                        "label": label,
                        "n": value.n,
                        "n_of": value.n_of,
                        "share": value.value,
                        "low": value.low,
                        "high": value.high,
                        "published": paper[STAGES.index(row)] if paper else None,
                    }
                )
        return out


def chi_squared(table: Floats | NDArray[np.int64]) -> tuple[float, int]:
    """Return χ² and its degrees of freedom, empty rows and columns left out."""
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    if min(table.shape) < 2:
        return 0.0, 0
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    return float(((table - expected) ** 2 / expected).sum()), (table.shape[0] - 1) * (table.shape[1] - 1)


def cramers_v(table: Floats) -> tuple[float, float]:
    """Return Cramér's V and its bias-corrected form; NaN where one side has a single value."""
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    n = float(table.sum())
    if min(table.shape) < 2 or n < 2:
        return float("nan"), float("nan")
    phi2 = chi_squared(table)[0] / n
    r, k = table.shape
    plain = float(np.sqrt(phi2 / (min(r, k) - 1)))
    phi2_corrected = max(0.0, phi2 - (r - 1) * (k - 1) / (n - 1))
    r_corrected, k_corrected = r - (r - 1) ** 2 / (n - 1), k - (k - 1) ** 2 / (n - 1)
    base = min(r_corrected, k_corrected) - 1
    return plain, float(np.sqrt(phi2_corrected / base)) if base > 0 else float("nan")


SUITE = Suite(
    name="thought-dynamics",
    question="Do the labels of thoughts depend on the stage and on how a turn relates to the one before?",
    prompts=(),
    select=select,
    collect=collect,
    summarise=summarise,
)
