"""Model-based thought inference: hypotheses, a prior, and the likelihood of what the user then did.

A model proposes hypotheses of the hidden thought with a prior each, without seeing the user's action; the
action is then the evidence: for a reason the message it stands on, for a reaction the next user message. The
posterior is prior × likelihood. A provider that gives log-probabilities is asked for one letter (likely or
unlikely) and the probability of the letter is the likelihood; another is asked for a rating from 0 to 100.
All hypotheses of an item are weighed in the same way. Source: AutoToM (Bayesian inverse planning with
hypotheses from a language model).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tasks.evaluate.asking import NOTHING_LEFT, Answer, Ask, Asker, make_ask
from tasks.evaluate.judging import find_guard
from tasks.evaluate.local_models import LOCAL_MODELS
from tasks.evaluate.shapes import HypothesesShape, LetterShape, ScoreShape
from tasks.evaluate.suite import Failure, Findings, Item, Options, Prediction, Score

METHOD = "autotom"
RATING = ScoreShape(0, 100)
_FLOOR = 0.01
_BY_LETTER = "log-probabilities"
_BY_RATING = "rated likelihoods"
_BY_PRIOR = "the prior alone, for nothing follows"


def infer_thoughts(
    findings: Findings, asker: Asker, items: Sequence[Item], options: Options
) -> list[Prediction]:
    """Add the likeliest hypothesis of every item, or a named failure; returns what is to be judged.

    With `autotom: average` every hypothesis is returned, to be judged each and averaged by weight.
    """
    proposals = _propose(findings, asker, items, options)
    likelihoods, evidence = _weigh(findings, asker, proposals)
    counts: dict[str, int] = {}
    judged: list[Prediction] = []
    for number, (item, model, answer, sha256) in enumerate(proposals):
        likelihood = likelihoods.get(number)
        if likelihood is None:
            continue
        counts[evidence[number]] = counts.get(evidence[number], 0) + 1
        weighed = posterior(answer.value, likelihood)
        detail = {
            "evidence": evidence[number],
            "hypotheses": [
                {"thought": text, "prior": round(p, 6), "likelihood": round(x, 6), "posterior": round(w, 6)}
                for (text, p), x, w in zip(normalise(answer.value), likelihood, weighed, strict=True)
            ],
        }
        best = max(range(len(weighed)), key=lambda i: (weighed[i], -i))
        picked = Prediction(
            item.item_id,
            METHOD,
            model,
            answer.model_snapshot,
            answer.value[best][0],
            sha256,
            json.dumps(detail, ensure_ascii=False),
        )
        findings.predictions.append(picked)
        if options.settings.autotom == "pick":
            judged.append(picked)
        else:
            judged += [
                replace(picked, condition=f"{METHOD}#{i}", prediction=text, detail=str(weight))
                for i, ((text, _), weight) in enumerate(zip(answer.value, weighed, strict=True))
            ]
    findings.extra["evidence"] = dict(sorted(counts.items()))
    findings.extra["weights"] = {
        (p.item_id, p.model, p.condition): float(p.detail) for p in judged if "#" in p.condition
    }
    return judged


def posterior(hypotheses: Sequence[tuple[str, float]], likelihood: Sequence[float]) -> list[float]:
    """Return prior × likelihood, normalised; no hypothesis is ruled out by a rating of 0."""
    weights = [
        max(p, _FLOOR) * max(x, _FLOOR) for (_, p), x in zip(normalise(hypotheses), likelihood, strict=True)
    ]
    return [w / sum(weights) for w in weights]


def normalise(hypotheses: Sequence[tuple[str, float]]) -> list[tuple[str, float]]:
    """Return priors that sum to 1; all alike where every one is 0."""
    total = sum(p for _, p in hypotheses)
    return [(text, p / total if total else 1 / len(hypotheses)) for text, p in hypotheses]


def average_scores(findings: Findings) -> list[Score]:
    """Return the scores with those of single hypotheses replaced by their weighted mean, one an item.

    An item is scored only if every hypothesis of it is.
    """
    weights: dict[tuple[str, str, str], float] = findings.extra["weights"]
    rest = [s for s in findings.scores if not s.condition.startswith(f"{METHOD}#")]
    of_item: dict[tuple[str, str, str, str], list[Score]] = {}
    for score in findings.scores:
        if score.condition.startswith(f"{METHOD}#"):
            of_item.setdefault((score.item_id, score.model, score.judge, score.metric), []).append(score)
    expected = Counter((item_id, model) for item_id, model, _ in weights)
    for (item_id, model, _, _), scores in of_item.items():
        if len(scores) == expected[item_id, model]:
            value = sum(s.value * weights[item_id, model, s.condition] for s in scores)
            rest.append(replace(scores[0], condition=METHOD, value=round(value, 6)))
    return rest


def _propose(
    findings: Findings, asker: Asker, items: Sequence[Item], options: Options
) -> list[tuple[Item, str, Answer, str]]:
    guard = find_guard(findings)
    asks: list[tuple[Ask, Item]] = []
    for model in options.models:
        for item in items:
            ask = make_ask(
                guard,
                item_id=item.item_id,
                step="propose",
                model=model,
                prompt=f"hypotheses_{item.group}",
                material={"conversation": item.data["history"], "number": str(options.settings.hypotheses)},
                shape=HypothesesShape(options.settings.hypotheses),
                condition=METHOD,
            )
            if ask is None:
                findings.failures.append(Failure(item.item_id, "propose", NOTHING_LEFT, METHOD, model))
            else:
                asks.append((ask, item))
    found: list[tuple[Item, str, Answer, str]] = []
    for (ask, item), answer in zip(asks, asker.ask([a for a, _ in asks]), strict=True):
        if answer.fault:
            findings.failures.append(
                Failure(ask.item_id, "propose", answer.fault, METHOD, ask.model, answer.n_attempts)
            )
        else:
            found.append((item, ask.model, answer, ask.prompt.sha256))
    return found


def _weigh(
    findings: Findings, asker: Asker, proposals: Sequence[tuple[Item, str, Answer, str]]
) -> tuple[dict[int, list[float]], dict[int, str]]:
    """Return the likelihoods of an item's hypotheses and how they were found, by place in the list."""
    likelihoods: dict[int, list[float]] = {}
    evidence: dict[int, str] = {}
    todo: list[int] = []
    for number, (item, _, answer, _) in enumerate(proposals):
        if not item.data["action"]:
            likelihoods[number], evidence[number] = [1.0] * len(answer.value), _BY_PRIOR
        else:
            todo.append(number)
    by_letter = [n for n in todo if proposals[n][1] not in LOCAL_MODELS]
    letters = _ask_likelihoods(findings, asker, proposals, by_letter, "weigh", "likelihood_letter")
    # one way for all hypotheses of an item: a letter and a rating do not compare
    lacking: list[int] = [n for n in todo if n not in by_letter]
    for number in by_letter:
        answers = letters.get(number)
        if answers and all(not a.fault for a in answers):
            likelihoods[number], evidence[number] = [float(a.value) for a in answers], _BY_LETTER
        else:
            lacking.append(number)
    ratings = _ask_likelihoods(findings, asker, proposals, sorted(lacking), "rate", "likelihood_rating")
    for number in lacking:
        answers = ratings.get(number)
        if answers and all(not a.fault for a in answers):
            likelihoods[number], evidence[number] = [a.value / 100 for a in answers], _BY_RATING
            continue
        item, model, _, _ = proposals[number]
        faults = [a for a in answers or () if a.fault]
        fault = faults[0].fault if faults else NOTHING_LEFT
        attempts = sum(a.n_attempts for a in faults)
        findings.failures.append(Failure(item.item_id, "weigh", fault, METHOD, model, attempts))
    return likelihoods, evidence


def _ask_likelihoods(
    findings: Findings,
    asker: Asker,
    proposals: Sequence[tuple[Item, str, Answer, str]],
    numbers: Sequence[int],
    step: str,
    prompt: str,
) -> dict[int, list[Answer]]:
    guard = find_guard(findings)
    asks: list[Ask] = []
    owner: list[int] = []
    for number in numbers:
        item, model, proposal, _ = proposals[number]
        made: list[Ask] = []
        for text, _ in proposal.value:
            ask = make_ask(
                guard,
                item_id=item.item_id,
                step=step,
                model=model,
                prompt=prompt,
                material=_link(item, text),
                shape=LetterShape() if prompt == "likelihood_letter" else RATING,
                condition=METHOD,
            )
            if ask is not None:
                made.append(ask)
        if len(made) == len(proposal.value):
            asks += made
            owner += [number] * len(made)
    found: dict[int, list[Answer]] = {}
    for number, answer in zip(owner, asker.ask(asks), strict=True):
        found.setdefault(number, []).append(answer)
    return found


def _link(item: Item, thought: str) -> dict[str, Any]:
    return {"conversation": item.data["history"], "thought": thought, "message": item.data["action"]}
