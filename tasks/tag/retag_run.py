"""A re-tag carried out: planned with its exact number of calls, then asked, then counted as flows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from schemas.config import TagSettings
from schemas.errors import DataError
from schemas.fields import LABELS
from schemas.taxonomies import Taxonomy
from tasks.memo.labels import MemoRow
from tasks.memo.parts import PartStore, text_key
from tasks.memo.vectors import VectorMemo
from tasks.tag.budget import Budget
from tasks.tag.estimate import CallEstimate, estimate_calls
from tasks.tag.features import list_texts
from tasks.tag.items import Gold, Item, collect_items
from tasks.tag.local import LocalTagger, fit_tagger, list_training_texts
from tasks.tag.questions import Question, build_decisions
from tasks.tag.result import Outcome, TagResult, build_outcomes
from tasks.tag.retag import Ask, FacetRetag, Row, plan_facet
from tasks.tag.review import Doubt, build_review
from tasks.tag.sending import Chat
from tasks.tag.session import Session
from tasks.tag.stage import LOCAL, NAMES, open_embedder, open_session

_NEAR_RANK = 2


@dataclass(frozen=True, slots=True)
class ChangePlan:
    """What one change of a taxonomy touches: facet, kind, nodes, items, questions open, calls."""

    facet: str
    kind: str
    from_nodes: tuple[str, ...]
    to_nodes: tuple[str, ...]
    n_items: int
    n_questions: int


@dataclass(frozen=True, slots=True)
class RetagPlan:
    """A re-tag before anything is spent.

    Attributes:
        facets: facet to its plan.
        changes: what each change touches.
        estimate: calls, tokens, USD and time for each model and facet; the calls are exact unless a
            domain itself is asked again.
    """

    facets: Mapping[str, FacetRetag]
    changes: tuple[ChangePlan, ...]
    estimate: CallEstimate


@dataclass(frozen=True, slots=True)
class Retagger:
    """What planning and applying share: texts, models, memo.

    Attributes:
        settings: which model.
        embedder: for the local head; None where the model is `none`.
        session: way to the models; None where only local ones are named.
        gold: to fit the local head.
    """

    settings: TagSettings
    embedder: VectorMemo | None
    session: Session | None
    gold: Sequence[Gold]


def open_retagger(
    settings: TagSettings,
    memo: PartStore | None,
    now: datetime,
    gold: Sequence[Gold] = (),
    clients: Sequence[Chat] | None = None,
    budget: Budget | None = None,
    *,
    may_ask: bool = True,
) -> Retagger:
    """Return what a re-tag needs, opened once."""
    session = open_session(settings, memo, now, clients, budget, may_ask=may_ask)
    return Retagger(settings, open_embedder(settings, memo), session, gold)


def plan_retag(
    conversations: pl.DataFrame,
    messages: pl.DataFrame,
    thoughts: pl.DataFrame,
    labels: pl.DataFrame,
    *,
    old: Mapping[str, Taxonomy],
    new: Sequence[Taxonomy],
    retagger: Retagger,
) -> RetagPlan:
    """Plan a re-tag of a release.

    Args:
        conversations: base table of the release.
        messages: base table of the release.
        thoughts: base table of the release.
        labels: `labels` table of the release.
        old: facet to the taxonomy of those labels.
        new: taxonomies to come, one a facet.
        retagger: model, memo and gold.

    Raises:
        TaxonomyError: the changes of a taxonomy do not explain its difference from the old one.
    """
    items = collect_items(conversations, messages, thoughts)
    facets: dict[str, FacetRetag] = {}
    changes: list[ChangePlan] = []
    questions: list[Question] = []
    for taxonomy in new:
        facet = taxonomy.facet
        finder = _find_nearest(taxonomy, items[facet], retagger)
        plan = plan_facet(labels, items[facet], old[facet], taxonomy, finder)
        facets[facet] = plan
        asked = Counter(a.change for a in plan.asks)
        questions += [a.question for a in plan.asks]
        changes += [
            ChangePlan(facet, c.kind, c.from_, c.to, _touched(plan, labels, n), asked[n])
            for n, c in enumerate(taxonomy.changes)
        ]
    return RetagPlan(facets, tuple(changes), estimate_calls(questions, retagger.settings, retagger.session))


def apply_retag(
    plan: RetagPlan,
    conversations: pl.DataFrame,
    messages: pl.DataFrame,
    thoughts: pl.DataFrame,
    labels: pl.DataFrame,
    *,
    retagger: Retagger,
) -> tuple[TagResult, pl.DataFrame]:
    """Carry out a plan.

    Returns:
        The result, whose labels are the whole new table (facets without a change as they were), and the
        flows: facet, from_value, to_value, n_rows (int64), one row for each pair of old and new label.

    Raises:
        BudgetError: the budget is spent; what was answered is remembered.
        ProviderError: no model is left; what was answered is remembered.
    """
    items = collect_items(conversations, messages, thoughts)
    kept = labels.filter(~pl.col("facet").is_in(list(plan.facets)))
    rows: list[Row] = []
    outcomes: list[Outcome] = []
    doubts: list[Doubt] = []
    counts: dict[str, dict[str, int]] = {}
    for facet, facet_plan in plan.facets.items():
        answers, faults = _answer(facet_plan, retagger)
        settled, lost = _settle(facet_plan, answers, faults)
        rows += settled
        outcomes += lost
        doubts += [
            Doubt(i, facet, v if v in facet_plan.new else None, None, "taxonomy_change", None, 10.0)
            for i, v in sorted(facet_plan.human.items())
        ]
        outcomes += [Outcome(i, facet, "not_asked", "human_review") for i in facet_plan.orphaned]
        counts[facet] = {
            "items": labels.filter(pl.col("facet") == facet)["item_id"].n_unique(),
            "asked": len(facet_plan.asks),
            "queued_for_people": len(facet_plan.human),
            "without_label": len(lost) + len(facet_plan.orphaned),
        }
        _remember(facet_plan, settled, retagger)
    changed = pl.DataFrame(rows, schema=LABELS.polars_schema())
    result = pl.concat([kept, changed]).sort(LABELS.primary_key)
    for facet, count in counts.items():
        labelled = result.filter(pl.col("facet") == facet)["item_id"].n_unique()
        if labelled + count["without_label"] != count["items"]:
            raise DataError(f"the re-tag of {facet} lost items: {count['items']} in, {labelled} labelled")
    if retagger.embedder is not None:
        retagger.embedder.save()
    cost = retagger.session.ledger.as_dict() if retagger.session else {}
    tagged = TagResult(result, build_outcomes(outcomes), build_review(doubts, items), cost, counts)
    return tagged, count_flows(labels, result, list(plan.facets))


def count_flows(old: pl.DataFrame, new: pl.DataFrame, facets: Sequence[str]) -> pl.DataFrame:
    """Return facet, from_value, to_value, n_rows: where the labels of each item went.

    An item with several labels counts its unchanged ones as staying; a label that went is paired with one
    that came, or with an empty value. Row law: from_value counts sum to the old rows, to_value to the new.
    """
    flows: Counter[tuple[str, str, str]] = Counter()
    for facet in facets:
        before, after = _values(old, facet), _values(new, facet)
        for item_id in sorted(before.keys() | after.keys()):
            was, has = before.get(item_id, set()), after.get(item_id, set())
            for value in was & has:
                flows[facet, value, value] += 1
            gone, come = sorted(was - has), sorted(has - was)
            for n in range(max(len(gone), len(come))):
                flows[facet, gone[n] if n < len(gone) else "", come[n] if n < len(come) else ""] += 1
    schema = {"facet": pl.String, "from_value": pl.String, "to_value": pl.String, "n_rows": pl.Int64}
    return pl.DataFrame([(*k, n) for k, n in sorted(flows.items())], schema=schema, orient="row")


def _values(labels: pl.DataFrame, facet: str) -> dict[str, set[str]]:
    values: dict[str, set[str]] = {}
    for item_id, value in labels.filter(pl.col("facet") == facet).select("item_id", "value").iter_rows():
        values.setdefault(item_id, set()).add(value)
    return values


def _touched(plan: FacetRetag, labels: pl.DataFrame, n: int) -> int:
    change = plan.new.changes[n]
    if n in plan.touched or change.kind == "add":
        return plan.touched.get(n, 0)
    nodes = [*change.from_, *change.to]
    of_facet = labels.filter((pl.col("facet") == plan.old.facet) & pl.col("value").is_in(nodes))
    return of_facet["item_id"].n_unique()


def _find_nearest(
    taxonomy: Taxonomy, items: Sequence[Item], retagger: Retagger
) -> Callable[[str], frozenset[str]]:
    tagger = _fit(taxonomy, items, retagger) if any(c.kind == "add" for c in taxonomy.changes) else None
    predictions = tagger.predict(items) if tagger else []

    def find(node: str) -> frozenset[str]:
        level = taxonomy.parent_of(node)
        near: set[str] = set()
        for p in predictions:
            ranked = [v for v, _ in p.ranking if taxonomy.parent_of(v) == level]
            if node in ranked[:_NEAR_RANK]:
                near.add(p.item_id)
        return frozenset(near)

    return find


def _fit(taxonomy: Taxonomy, items: Sequence[Item], retagger: Retagger) -> LocalTagger | None:
    if retagger.embedder is None:
        return None
    gold = [g for g in retagger.gold if g.facet == taxonomy.facet]
    retagger.embedder.recall([*list_training_texts(taxonomy, gold), *list_texts(taxonomy.facet, items)])
    return fit_tagger(taxonomy, retagger.embedder, gold)


def _answer(plan: FacetRetag, retagger: Retagger) -> tuple[dict[int, Row], dict[int, str]]:
    """Return for each ask its answer as the columns of a label row, or a named fault."""
    questions = [a.question for a in plan.asks]
    if not questions:
        return {}, {}
    if retagger.session is not None:
        found, faults = retagger.session.ask(questions)
        answers = {i: _row_of_memo(r) for i, r in found.items() if r.values}
        missing = {i: r.abstained for i, r in found.items() if not r.values}
        return answers, {i: name for i, (name, _) in faults.items()} | missing
    tagger = _fit(plan.new, [q.item for q in questions], retagger)
    if tagger is None:
        return {}, dict.fromkeys(range(len(questions)), "no_model")
    answers: dict[int, Row] = {}
    for i, (question, prediction) in enumerate(
        zip(questions, tagger.predict([q.item for q in questions]), strict=True)
    ):
        ranked = [(v, p) for v, p in prediction.ranking if v in question.decisions.ids]
        total = sum(p for _, p in ranked) or 1.0
        answers[i] = {
            "values": (ranked[0][0],),
            "runner_up": ranked[1][0] if len(ranked) > 1 else None,
            "confidence": round(ranked[0][1] / total, 4),
            "labeller": NAMES.get(retagger.settings.model, NAMES[LOCAL]),
            "model_snapshot": tagger.snapshot,
            "prompt_sha256": None,
            "labelled_at": None,
        }
    return answers, {}


def _row_of_memo(row: MemoRow) -> Row:
    return {
        "values": row.values,
        "runner_up": row.runner_up,
        "confidence": row.confidence,
        "labeller": row.model,
        "model_snapshot": row.model_snapshot,
        "prompt_sha256": row.prompt_sha256,
        "labelled_at": row.labelled_at,
    }


def _settle(
    plan: FacetRetag, answers: Mapping[int, Row], faults: Mapping[int, str]
) -> tuple[list[Row], list[Outcome]]:
    """Put answers in the place of the rows they replace; where none came, the old label stands if it can."""
    pending = {item_id: {r["value"]: r for r in rows} for item_id, rows in plan.pending.items()}
    failed: dict[str, str] = {}
    for i, ask in enumerate(plan.asks):
        rows = pending[ask.question.item.item_id]
        answer = answers.get(i)
        if answer is None:
            failed.setdefault(ask.question.item.item_id, faults.get(i, "no_answer"))
            continue
        for value in ask.replaces:
            rows.pop(value, None)
        for value in answer["values"]:
            for node in (plan.new.parent_of(value), value):
                if node is not None and not (node != value and node in rows):
                    rows[node] = _new_row(plan, ask, answer, node)
    settled = list(plan.rows)
    outcomes: list[Outcome] = []
    for item_id, rows in pending.items():
        settled += [rows[v] for v in sorted(rows)]
        if not rows:
            outcomes.append(Outcome(item_id, plan.new.facet, "failed", failed.get(item_id, "no_answer")))
    return settled, outcomes


def _new_row(plan: FacetRetag, ask: Ask, answer: Row, value: str) -> Row:
    return {
        "item_id": ask.question.item.item_id,
        "facet": plan.new.facet,
        "value": value,
        "runner_up": answer["runner_up"],
        "source": "model",
        "via": "direct",
        "taxonomy_version": plan.new.version,
        **{
            k: answer[k] for k in ("labeller", "model_snapshot", "prompt_sha256", "confidence", "labelled_at")
        },
    }


def _remember(plan: FacetRetag, rows: Sequence[Row], retagger: Retagger) -> None:
    """Note what a model's labels are under the new decision sets, so that the next release asks nothing."""
    session = retagger.session
    if session is None or plan.new.multi_label:
        return
    decisions = build_decisions(plan.new)
    remembered: list[MemoRow] = []
    for row in rows:
        item = plan.items.get(row["item_id"])
        if item is None or row["labeller"] not in session.models:
            continue
        remembered.append(
            MemoRow(
                key=Question(item, decisions).key(row["labeller"]),
                text_key=text_key(item.text),
                facet=row["facet"],
                values=(row["value"],),
                runner_up=row["runner_up"],
                confidence=row["confidence"],
                abstained="",
                model=row["labeller"],
                model_snapshot=row["model_snapshot"],
                prompt_sha256=row["prompt_sha256"],
                input_tokens=0,
                output_tokens=0,
                cost_usd=0.0,
                labelled_at=row["labelled_at"],
            )
        )
    session.memo.add(remembered)
