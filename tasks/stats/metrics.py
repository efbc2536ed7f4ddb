"""The numbers of a release as one flat mapping: what the gate compares, and the next release's baseline.

Names are stable: `n.<what>`, `share.<set>.<label>`, `labelled.<set>` (labels counted), `deff.<set>`
(design effect), `n_hidden.<set>` (labels held back), `null_share.<table>.<column>`, and the numbers of
`quality` (confusions left out), `privacy` and `cost` by their path. A number that is not known is left out,
never zero.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import median
from typing import Any, TypeAlias

from schemas.stats import FunnelRow, LabelShare, StatsDocument

Metrics: TypeAlias = dict[str, float]
LABEL_SETS = ("domain", "subtopic", "reason", "reaction", "relationship", "language", "model")
_QUANTILES = ("mean", "median", "p90", "p95")


def metrics(document: Mapping[str, Any] | StatsDocument) -> Metrics:
    """Flatten `stats.json` to numbers, sorted by name.

    Args:
        document: the document of this release, in this version's shape.
    """
    model = document if isinstance(document, StatsDocument) else StatsDocument.model_validate(document)
    pairs: list[tuple[str, float | int | None]] = [
        ("policy.is_strict", float(model.method.is_suppressing)),
        *((f"n.{name}", value) for name, value in model.counts.model_dump().items()),
    ]
    spread = model.conversation_length.spread.model_dump()
    pairs += [(f"messages_per_conversation.{q}", spread[q]) for q in _QUANTILES]
    for length in model.text_lengths:
        spread = length.spread.model_dump()
        pairs += [(f"length.{length.text}.{length.unit}.{q}", spread[q]) for q in _QUANTILES]
    pairs += _label_sets(model)
    pairs += [(f"null_share.{row.table}.{row.column}", row.share) for row in model.completeness]
    pairs += [("quarantine_share", _lost_share(model.funnel, "n_quarantined"))]
    pairs += [("removed_share", _lost_share(model.funnel, "n_removed"))]
    pairs += [("share.redacted_messages", model.redactions.share_of_messages_with)]
    for group, tree in (
        ("quality", model.labelling.quality),
        ("privacy", model.privacy),
        ("cost", model.cost),
    ):
        pairs += _leaves(group, tree)
    pairs += _margins(model)
    return {
        name: round(float(value), 6)
        for name, value in sorted(pairs, key=lambda pair: pair[0])
        if value is not None and math.isfinite(value)
    }


def _label_sets(model: StatsDocument) -> Iterator[tuple[str, float | int | None]]:
    topics, relations = model.topics, model.relationships
    sets: tuple[tuple[str, Sequence[LabelShare]], ...] = (
        ("domain", topics.domains),
        ("subtopic", topics.subtopics),
        ("reason", model.reasons.labels),
        ("reaction", model.reactions.labels),
        ("relationship", relations.with_first),
    )
    for name, labels in sets:
        total = sum(label.n or 0 for label in labels)
        yield f"labelled.{name}", total
        yield f"n_hidden.{name}", sum(label.n is None for label in labels)
        yield f"deff.{name}", _design_effect(labels, total)
        yield f"taxonomy.{name}", _fingerprint(label.value for label in labels)
        yield from ((f"share.{name}.{label.value}", label.share) for label in labels)
    covered = (
        ("topic", topics.n_labelled, topics.n_conversations),
        ("reason", model.reasons.n_labelled, model.reasons.n_thoughts),
        ("reaction", model.reactions.n_labelled, model.reactions.n_thoughts),
        ("relationship", relations.n_labelled, relations.n_user_messages),
    )
    for facet, n, base in covered:
        yield f"labelled_share.{facet}", n / base if base else None
    conversations = model.counts.conversations
    for name, rows in (
        ("language", [(r.language, r.n_conversations) for r in model.languages]),
        ("model", [(r.model_name, r.n_conversations) for r in model.models]),
    ):
        yield f"labelled.{name}", sum(n or 0 for _, n in rows)
        yield f"n_hidden.{name}", sum(n is None for _, n in rows)
        counts: dict[str, int] = {}
        for value, n in rows:
            if n is not None:
                counts[value] = counts.get(value, 0) + n
        yield from ((f"share.{name}.{v}", n / conversations) for v, n in counts.items() if conversations)


def _design_effect(labels: Sequence[LabelShare], total: int) -> float | None:
    """How much wider the intervals are than those of independent labels, as variance; the median one."""
    found: list[float] = []
    for label in labels:
        if label.share and label.share < 1 and label.low is not None and label.high is not None:
            deviation = (label.high - label.low) / (2 * 1.959963984540054)
            found.append(deviation**2 * total / (label.share * (1 - label.share)))
    return max(1.0, median(found)) if found else None


def _fingerprint(values: Iterable[str]) -> float:
    """A number that differs where the label set differs; 48 bits, exact as a float."""
    digest = hashlib.sha256("\n".join(sorted(values)).encode()).hexdigest()
    return float(int(digest[:12], 16))


def _lost_share(funnel: Sequence[FunnelRow], column: str) -> float | None:
    rows = [row for row in funnel if row.table_name == "conversations"]
    entered = max((row.n_in for row in rows), default=0)
    return sum(int(getattr(row, column)) for row in rows) / entered if entered else None


def _margins(model: StatsDocument) -> Iterator[tuple[str, float | int | None]]:
    """How far the release is from the limits of k-anonymity.

    With fewer participants than k the best that can be had is one class of all of them; that they are too
    few is a number of its own.
    """
    k, required = model.privacy.get("k"), model.privacy.get("k_required")
    if isinstance(k, int) and isinstance(required, int):
        yield "privacy.k_margin", k - min(required, model.counts.participants)
        yield "privacy.participants_margin", model.counts.participants - required


def _leaves(path: str, tree: Any) -> Iterator[tuple[str, float]]:
    if isinstance(tree, Mapping):
        for key, branch in tree.items():
            if key != "confusion":
                yield from _leaves(f"{path}.{key}", branch)
    elif isinstance(tree, bool | int | float):
        yield path, float(tree)
