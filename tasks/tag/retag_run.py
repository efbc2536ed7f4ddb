"""A re-tag carried out: planned with its exact number of calls, then asked, then counted as flows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from schemas.errors import DataError
from schemas.fields import LABELS
from schemas.taxonomies import Taxonomy
from tasks.tag.estimate import CallEstimate, estimate_calls
from tasks.tag.items import Item, collect_items
from tasks.tag.label_flows import count_flows
from tasks.tag.result import Outcome, TagResult, build_outcomes
from tasks.tag.retag import FacetRetag, plan_facet
from tasks.tag.retag_answers import answer_asks, settle_facet
from tasks.tag.retag_asks import Ask, Row
from tasks.tag.retag_memo import remember_labels
from tasks.tag.retagger import Retagger, fit_to
from tasks.tag.review import Doubt, build_review

_NEAR_RANK = 2


@dataclass(frozen=True, slots=True)
class ChangePlan:
    """What one change of a taxonomy touches and costs.

    Attributes:
        facet: facet of the taxonomy.
        kind: kind of the change.
        from_nodes: nodes of the version before.
        to_nodes: nodes of the new version.
        n_items: items that it touches.
        n_questions: questions that it leads to.
        n_calls: calls for those that the memo cannot answer; a call that serves two changes counts for the
            first.
        usd: their price at the first model; None when it is not known.
    """

    facet: str
    kind: str
    from_nodes: tuple[str, ...]
    to_nodes: tuple[str, ...]
    n_items: int
    n_questions: int
    n_calls: int
    usd: float | None


@dataclass(frozen=True, slots=True)
class RetagPlan:
    """A re-tag before anything is spent.

    Attributes:
        facets: facet to its plan.
        changes: what each change touches.
        estimate: calls, tokens, USD and time for each model and facet; the calls are exact.
    """

    facets: Mapping[str, FacetRetag]
    changes: tuple[ChangePlan, ...]
    estimate: CallEstimate


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
    asks: list[Ask] = []
    for taxonomy in new:
        facet = taxonomy.facet
        finder = _find_nearest(taxonomy, items[facet], retagger)
        plan = plan_facet(labels, items[facet], old[facet], taxonomy, finder)
        facets[facet] = plan
        asks += plan.asks
        asked = Counter(a.change for a in plan.asks)
        costs = _price_changes(plan.asks, retagger)
        changes += [
            ChangePlan(
                facet, c.kind, c.from_, c.to, _touched(plan, labels, n), asked[n], *costs.get(n, (0, 0.0))
            )
            for n, c in enumerate(taxonomy.changes)
        ]
    questions = [a.question for a in asks]
    return RetagPlan(facets, tuple(changes), estimate_calls(questions, retagger.settings, retagger.session))


def _price_changes(asks: Sequence[Ask], retagger: Retagger) -> dict[int, tuple[int, float | None]]:
    """Return calls and USD of each change; the calls add up to those of the whole plan."""
    if retagger.session is None:
        return {}
    costs: dict[int, tuple[int, float | None]] = {}
    before = 0
    for n in sorted({a.change for a in asks}):
        so_far = [a.question for a in asks if a.change <= n]
        total = estimate_calls(so_far, retagger.settings, retagger.session)
        spent = 0.0 if not costs else sum(usd or 0.0 for _, usd in costs.values())
        costs[n] = (total.calls - before, None if total.usd is None else total.usd - spent)
        before = total.calls
    return costs


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
        answers, faults = answer_asks(facet_plan, retagger)
        settled, lost = settle_facet(facet_plan, answers, faults)
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
        if retagger.session is not None:
            remember_labels(facet_plan, settled, labels, retagger.session)
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
    tagger = fit_to(taxonomy, items, retagger) if any(c.kind == "add" for c in taxonomy.changes) else None
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
