"""Label quality as tables: each labeller against gold, export or models, and what is confused with what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from tasks.report.bars import count
from tasks.report.inputs import ReportInputs

COLUMNS = (
    "Facet",
    "Compared",
    "Items",
    "Conversations",
    "κ (95 % interval)",
    "Macro-F1 (95 % interval)",
    "Same label",
    "Calibration error",
)
SET_COLUMNS = ("Compared", "Items", "Multi-label F1 (95 % interval)", "Krippendorff's α (95 % interval)")
_NAMES: Mapping[str, str] = {
    "release_on_gold": "this release with gold",
    "head_on_gold.fitted": "local head with gold it has not seen",
    "head_on_gold.zero_shot": "local head without gold, with gold",
    "head_against_export": "local head with the export's labels",
    "head_against_models": "local head with the models' labels",
}


@dataclass(frozen=True, slots=True)
class ConfusionTable:
    """One comparison as a matrix: label of the first side in rows, of the labeller in columns."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def read_agreement(quality: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return one row a facet and comparison, under `COLUMNS`."""
    return [
        (
            facet,
            name,
            f"{score['n_items']:,}",
            f"{score['n_groups']:,}",
            _with_interval(score.get("kappa")),
            _with_interval(score.get("macro_f1")),
            _number(score.get("accuracy")),
            _number(score.get("ece")),
        )
        for facet, name, score in list_scores(quality)
    ]


def read_set_agreement(quality: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return one row a comparison of sets of topics, under `SET_COLUMNS`."""
    return [
        (
            name,
            f"{score['n_items']:,}",
            _with_interval(score["multi_label_f1"]),
            _with_interval(score.get("krippendorff_alpha")),
        )
        for _, name, score in list_scores(quality)
        if "multi_label_f1" in score
    ]


def read_confusions(inputs: ReportInputs) -> list[ConfusionTable]:
    """Return the first comparison of each facet as a confusion matrix."""
    tables: list[ConfusionTable] = []
    seen: set[str] = set()
    for facet, name, score in list_scores(inputs.quality):
        confusion: Mapping[str, Mapping[str, int | None]] = score.get("confusion") or {}
        if facet in seen or not confusion:
            continue
        seen.add(facet)
        names = {node.id: node.name for node in inputs.taxonomies.get(facet, ())}
        said = {value for row in confusion.values() for value in row}
        order = [v for v in names if v in said or v in confusion]
        order += sorted((said | confusion.keys()) - set(order))
        rows = tuple(
            (names.get(gold, gold), *(count(confusion[gold].get(v, 0)) for v in order))
            for gold in order
            if gold in confusion
        )
        columns = ("Given label (rows), labeller (columns)", *(names.get(v, v) for v in order))
        tables.append(ConfusionTable(f"{facet}: {name}", columns, rows))
    return tables


def list_scores(quality: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield facet, name and score of every comparison, gold first."""
    for facet, of_facet in quality.items():
        if not isinstance(of_facet, dict):
            continue
        comparisons = cast("dict[str, Any]", of_facet)
        for path, name in _NAMES.items():
            found: Any = comparisons
            for key in path.split("."):
                found = cast("dict[str, Any]", found).get(key) if isinstance(found, dict) else None
            if isinstance(found, dict) and "n_items" in found:
                yield facet, name, cast("dict[str, Any]", found)


def _with_interval(measure: Mapping[str, Any] | None) -> str:
    if not measure or measure.get("value") is None:
        return "–"
    if measure.get("low") is None:
        return f"{measure['value']:.2f}"
    return f"{measure['value']:.2f} ({measure['low']:.2f} to {measure['high']:.2f})".replace("-", "−")


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
