"""The embedded tagger: a head over sentence vectors and cues, refitted in under a second.

It knows the seed examples that ship and, where there is any, gold. Without gold it is zero-shot with
regard to the data; with a new taxonomy it learns from the definitions and examples of the nodes.
"""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.taxonomies import Node, Taxonomy
from tasks.scrub.blas import use_one_blas_thread
from tasks.tag.embedding import Embedder
from tasks.tag.features import (
    build_features,
    describe_taxonomy,
    list_descriptions,
    list_texts,
)
from tasks.tag.head import Head, Matrix, fit_head, fit_temperature
from tasks.tag.heads import Fitted, HeadMemo
from tasks.tag.items import Gold, Item
from tasks.tag.ranking import choose_topics, rank_nodes
from tasks.tag.seeds import load_seeds

HEAD_VERSION = 3
"""Raised when features, seeds or fitting change what the same item is labelled."""

_C = 3.0
_SEED_WEIGHT = 2.0
"""A seed counts as two gold items: gold is a noisy judgement of one case, a seed a clear case."""
_PRIOR_POWER = {"relationship": 0.7}
_USUAL_PRIOR_POWER = 0.3
"""How far class weights lean from balanced (0) to the expected shares (1). Relationships lean further: they
have no gold, and their published shares are the best that is known."""
_FOLDS = 4
_MIN_GOLD = 40
_CHUNK = 2048
_KEPT = 16
"""Heads a process keeps: the facets of a run, and those of a re-tag's two taxonomies."""
_fitting = threading.Lock()


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a labeller says about one item.

    Attributes:
        item_id: public id of the item.
        values: node ids; topics hold domains and subtopics, the first domain first. Empty: abstained.
        confidence: probability of the first value.
        ranking: node ids with their probability, the likeliest first.
        abstained: why no label is given (`no_text`, `unsure`), else empty.
    """

    item_id: str
    values: tuple[str, ...]
    confidence: float
    ranking: tuple[tuple[str, float], ...]
    abstained: str = ""

    @property
    def runner_up(self) -> str | None:
        """The likeliest node that was not chosen, on the level of the first value."""
        return next((v for v, _ in self.ranking if v not in self.values), None)


@dataclass(frozen=True, slots=True)
class LocalTagger:
    """A tagger fitted to one taxonomy.

    Attributes:
        taxonomy: what may be answered.
        embedder: what turns texts into vectors.
        fitted: the head, and what prepares an item for it.
        n_gold: gold examples it was fitted on, beside the seeds.
        snapshot: weights, head version and digest of the training examples; names the labeller exactly.
    """

    taxonomy: Taxonomy
    embedder: Embedder
    fitted: Fitted
    n_gold: int
    snapshot: str

    def predict(self, items: Sequence[Item], abstain_below: float = 0.0) -> list[Prediction]:
        """Label items; one prediction an item, in order."""
        choices = self.taxonomy.choices
        predictions: list[Prediction] = []
        for start in range(0, len(items), _CHUNK):
            chunk = items[start : start + _CHUNK]
            features = _assemble(self, chunk)
            for item, row in zip(chunk, self.fitted.head.probabilities(features), strict=True):
                predictions.append(_decide(self.taxonomy, choices, item, row, abstain_below))
        return predictions


_Key = tuple[str, str, str]
_known: dict[_Key, Fitted] = {}


def fit_tagger(
    taxonomy: Taxonomy, embedder: Embedder, gold: Sequence[Gold] = (), memo: HeadMemo | None = None
) -> LocalTagger:
    """Fit the head on seeds and gold; once a process, or with a memo once a store, for the same examples and code.

    Gold of other facets, of nodes that the taxonomy does not offer, and without words is left out.

    Args:
        taxonomy: what may be answered.
        embedder: what turns texts into vectors.
        gold: labels taken as right, beside the seeds.
        memo: remembers heads from run to run; None fits.
    """
    # of a remembered head nothing is fitted, yet labels are computed
    use_one_blas_thread()
    choices = {n.id for n in taxonomy.choices}
    known = [g for g in gold if g.facet == taxonomy.facet and g.value in choices and not g.item.is_empty]
    known.sort(key=lambda g: (g.item.group, g.item.item_id, g.value))
    seeds = load_seeds(taxonomy)
    snapshot = f"{embedder.snapshot}+head{HEAD_VERSION}:{_digest_examples([*seeds, *known])}"
    groups = hashlib.blake2b("\0".join(g.item.group for g in known).encode()).hexdigest()
    # vectors of a memo are rounded, so that the same weights may give two heads
    key = (taxonomy.model_dump_json(), f"{type(embedder).__name__} {snapshot}", groups)
    # shards side by side want the same head; the second waits for the first one's
    with _fitting:
        kept = _known.pop(key, None) or (memo.read(key) if memo is not None else None)
        fitted = _known[key] = kept or _fit(taxonomy, embedder, seeds, known)
        while len(_known) > _KEPT:
            del _known[next(iter(_known))]
        if memo is not None and kept is None:
            memo.write(key, fitted)
    return LocalTagger(taxonomy, embedder, fitted, len(known), snapshot)


def _fit(taxonomy: Taxonomy, embedder: Embedder, seeds: Sequence[Gold], known: Sequence[Gold]) -> Fitted:
    choices = [n.id for n in taxonomy.choices]
    examples = [*seeds, *known]
    prototypes = describe_taxonomy(taxonomy, embedder)
    features, positions = build_features(taxonomy.facet, [g.item for g in examples], embedder, prototypes)
    fill = _mean_known(positions)
    matrix = np.hstack([features, np.where(np.isnan(positions), fill, positions)])
    center = matrix.mean(axis=0)
    labels = np.array([choices.index(g.value) for g in examples], dtype=np.int64)
    base = np.array([_SEED_WEIGHT] * len(seeds) + [1.0] * len(known))
    weights = _balance(taxonomy, labels, base, known)
    head = _fit_calibrated(matrix - center, labels, len(choices), weights, examples, len(seeds))
    return Fitted(prototypes, head, center, fill)


def list_training_texts(taxonomy: Taxonomy, gold: Sequence[Gold]) -> list[str]:
    """Return every text that fitting embeds."""
    examples = [g.item for g in (*load_seeds(taxonomy), *gold) if not g.item.is_empty]
    described = [text for text, _ in list_descriptions(taxonomy)]
    return [*described, *list_texts(taxonomy.facet, examples)]


def _fit_calibrated(
    matrix: Matrix,
    labels: NDArray[np.int64],
    n_labels: int,
    weights: Matrix,
    examples: Sequence[Gold],
    n_seeds: int,
) -> Head:
    head = fit_head(matrix, labels, n_labels, weights, _C)
    of_gold = np.arange(len(examples)) >= n_seeds
    if of_gold.sum() < _MIN_GOLD:
        return head
    # calibrated on gold that the folds' heads have not seen; seeds are too clear to calibrate on
    folds = np.array([_fold(g) for g in examples])
    logits = np.zeros((len(examples), n_labels))
    for fold in range(_FOLDS):
        held = (folds == fold) & of_gold
        if held.any():
            part = ~held
            fitted = fit_head(matrix[part], labels[part], n_labels, weights[part], _C)
            logits[held] = fitted.logits(matrix[held])
    temperature = fit_temperature(logits[of_gold], labels[of_gold], np.ones(int(of_gold.sum())))
    return Head(head.weights, temperature)


def _balance(taxonomy: Taxonomy, labels: NDArray[np.int64], base: Matrix, known: Sequence[Gold]) -> Matrix:
    """Weight classes towards their expected shares, tempered, so that rare labels are still learned."""
    choices = taxonomy.choices
    parents = Counter(n.parent for n in choices)
    shares = np.array(
        [n.prior or _parent_prior(taxonomy, n.parent) / max(parents[n.parent], 1) for n in choices]
    )
    if len(known) >= _MIN_GOLD * len(choices):
        counted = Counter(g.value for g in known)
        shares = np.array([counted[n.id] + 1.0 for n in choices])
    target = (shares / shares.sum()) ** _PRIOR_POWER.get(taxonomy.facet, _USUAL_PRIOR_POWER)
    target /= target.sum()
    totals = np.bincount(labels, weights=base, minlength=len(choices))
    return base * (target / np.maximum(totals, 1e-9))[labels] * base.sum()


def _parent_prior(taxonomy: Taxonomy, parent: str | None) -> float:
    prior = taxonomy.node(parent).prior if parent else None
    return prior if prior is not None else 1.0 / max(len(taxonomy.roots), 1)


def _assemble(tagger: LocalTagger, items: Sequence[Item]) -> Matrix:
    fitted = tagger.fitted
    features, positions = build_features(tagger.taxonomy.facet, items, tagger.embedder, fitted.prototypes)
    filled = np.where(np.isnan(positions), fitted.position_fill, positions)
    return np.hstack([features, filled]) - fitted.center


def _decide(
    taxonomy: Taxonomy, choices: Sequence[Node], item: Item, row: Matrix, abstain_below: float
) -> Prediction:
    if taxonomy.facet == "relationship" and (item.position == 0 or not (item.position or item.context)):
        first = next((n.id for n in taxonomy.nodes if n.by_position), None)
        if first is not None:
            return Prediction(item.item_id, (first,), 1.0, ((first, 1.0),))
    ranking = rank_nodes(choices, row)
    if item.is_empty:
        return Prediction(item.item_id, (), 0.0, ranking, "no_text")
    values = choose_topics(choices, ranking) if taxonomy.multi_label else (ranking[0][0],)
    confidence = dict(ranking)[values[0]]
    if confidence < abstain_below:
        return Prediction(item.item_id, (), confidence, ranking, "unsure")
    return Prediction(item.item_id, values, confidence, ranking)


def _mean_known(positions: Matrix) -> Matrix:
    if not positions.shape[1]:
        return np.zeros(0)
    known = positions[~np.isnan(positions).any(axis=1)]
    return known.mean(axis=0) if len(known) else np.zeros(positions.shape[1])


def _fold(gold: Gold) -> int:
    # a group stays together; seeds are their own groups
    return int(hashlib.blake2b(gold.item.group.encode(), digest_size=4).hexdigest(), 16) % _FOLDS


def _digest_examples(examples: Sequence[Gold]) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for g in examples:
        digest.update(f"{g.value}\x00{g.item.text}\x00{g.item.context}\x00{g.item.position}\x01".encode())
    return digest.hexdigest()
