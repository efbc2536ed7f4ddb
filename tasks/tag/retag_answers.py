"""The questions of a re-tag: asked, and their answers put in the place of the labels that they replace."""

from __future__ import annotations

from collections.abc import Mapping

from tasks.memo.labels import MemoRow
from tasks.tag.result import Outcome
from tasks.tag.retag import FacetRetag
from tasks.tag.retag_asks import Ask, Row
from tasks.tag.retagger import Retagger, fit_to
from tasks.tag.stage import LOCAL, NAMES


def answer_asks(plan: FacetRetag, retagger: Retagger) -> tuple[dict[int, Row], dict[int, str]]:
    """Return for each ask its answer as the columns of a label row, or a named fault."""
    questions = [a.question for a in plan.asks]
    if not questions:
        return {}, {}
    if retagger.session is not None:
        retagger.session.offer(plan.new)
        found, faults = retagger.session.ask(questions)
        answers = {i: _row_of_memo(r) for i, r in found.items() if r.values}
        missing = {i: r.abstained for i, r in found.items() if not r.values}
        return answers, {i: name for i, (name, _) in faults.items()} | missing
    tagger = fit_to(plan.new, [q.item for q in questions], retagger)
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


def settle_facet(
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
