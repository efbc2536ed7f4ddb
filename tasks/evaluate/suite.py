"""What a suite is: items out of a release, answers by models, results with intervals and figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from schemas.config import EvaluateSettings
from schemas.errors import InternalError
from tasks.evaluate.asking import Asker
from tasks.evaluate.conversations import Conversation
from tasks.evaluate.vectors import TextVectors


@dataclass(frozen=True, slots=True)
class Item:
    """What a suite asks about.

    Attributes:
        item_id: unique in the suite; begins with the conversation's id.
        conversation: where it comes from.
        group: kind of item that results are given for.
        context: what is known, as it stands in `items.parquet`.
        target: what is to be found.
        data: what the suite needs beside, never written.
    """

    item_id: str
    conversation: Conversation
    group: str
    context: str
    target: str
    data: Any = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model wrote for an item."""

    item_id: str
    condition: str
    model: str
    model_snapshot: str
    prediction: str
    prompt_sha256: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Score:
    """A value for an item."""

    item_id: str
    condition: str
    model: str
    judge: str
    metric: str
    value: float
    judge_snapshot: str = ""
    prompt_sha256: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """An item, or a step of one, without a value."""

    item_id: str
    step: str
    error: str
    condition: str = ""
    model: str = ""
    n_attempts: int = 0


@dataclass(slots=True)
class Findings:
    """What the steps of a suite gave.

    Attributes:
        predictions: what models wrote.
        scores: values of items.
        failures: what gave nothing, and why.
        notes: what a reader must know to read the results.
        extra: what the suite's own summary needs.
    """

    predictions: list[Prediction] = field(default_factory=list[Prediction])
    scores: list[Score] = field(default_factory=list[Score])
    failures: list[Failure] = field(default_factory=list[Failure])
    notes: list[str] = field(default_factory=list[str])
    extra: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Selection:
    """The items of a suite and what was left out.

    Attributes:
        items: what is asked about.
        left_out: what is not, with the rule.
    """

    items: list[Item]
    left_out: list[Failure]


FindSpans = Callable[[Sequence[str]], list[list[tuple[str, str]]]]


def _cannot_find(texts: Sequence[str]) -> list[list[tuple[str, str]]]:
    raise InternalError(f"no scrubber to check {len(texts)} texts with")


@dataclass(frozen=True, slots=True)
class Options:
    """How a suite is run.

    Attributes:
        settings: the group `evaluate`.
        method: way of predicting, where the suite knows several.
        models: models that predict.
        judges: models that judge.
        find_spans: texts to the personal data that the scrubber finds in each, as type and surface.
    """

    settings: EvaluateSettings
    method: str
    models: tuple[str, ...]
    judges: tuple[str, ...]
    find_spans: FindSpans = _cannot_find

    def judges_of(self, model: str) -> tuple[str, ...]:
        """Return the judges of a model's predictions: never the model itself."""
        return tuple(j for j in self.judges if j != model)


@dataclass(frozen=True, slots=True)
class Row:
    """One figure.

    Attributes:
        metric: what is measured.
        group: which items.
        condition: method or condition; empty where there is none.
        model: model that predicted; empty where none did.
        judge: who judged or measured.
        n: items with a value.
        n_of: items that could have one.
        n_participants: participants that they come from.
        value: the figure; None where it cannot be given.
        low: lower end of the 95 % interval over participants; None where there is none.
        high: its upper end.
        unit: unit of the value.
        published: figure of the paper, where it gives one.
    """

    metric: str
    group: str
    n: int
    n_of: int
    n_participants: int
    value: float | None
    low: float | None = None
    high: float | None = None
    condition: str = ""
    model: str = ""
    judge: str = ""
    unit: str = ""
    published: float | None = None


@dataclass(frozen=True, slots=True)
class Results:
    """What a suite found.

    Attributes:
        rows: figures with intervals, the paper's beside them.
        checks: statements that hold or do not, e.g. the published order.
        figures: name to a finished SVG.
        files: further files of the result folder, path to bytes.
        tables: further tables of the summary, name to rows.
    """

    rows: list[Row]
    checks: dict[str, Any] = field(default_factory=dict[str, Any])
    figures: dict[str, str] = field(default_factory=dict[str, str])
    files: dict[str, bytes] = field(default_factory=dict[str, bytes])
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict[str, list[dict[str, Any]]])


@dataclass(frozen=True, slots=True)
class Suite:
    """One suite.

    Attributes:
        name: as on the command line.
        question: what it answers, one line.
        prompts: prompt files that it may use.
        methods: ways of predicting; the first is the usual one.
        predicts: whether models predict or rewrite.
        judges: whether judges score.
        embeds: whether texts are turned into vectors.
        select: conversations and options to items.
        collect: asks models about items; also run with an asker that only counts, to plan.
        summarise: items and findings to results.
    """

    name: str
    question: str
    prompts: tuple[str, ...]
    select: Callable[[Sequence[Conversation], Options], Selection]
    collect: Callable[[Selection, Options, Asker, TextVectors], Findings]
    summarise: Callable[[Selection, Options, Findings], Results]
    methods: tuple[str, ...] = ("",)
    predicts: bool = False
    judges: bool = False
    embeds: bool = False


Document = Mapping[str, Any]
