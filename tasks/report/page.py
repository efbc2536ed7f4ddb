"""The report page: one file, no outside request, conversation text as data and never as markup."""

from __future__ import annotations

import base64
import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from markupsafe import Markup

from tasks.report.agreement import (
    COLUMNS,
    SET_COLUMNS,
    read_agreement,
    read_confusions,
    read_set_agreement,
)
from tasks.report.bars import count, percent
from tasks.report.drawing import for_page
from tasks.report.explorer import build_explorer
from tasks.report.figures import NARROW, SMALL, WIDE, Figure, list_figures
from tasks.report.gate_rows import read_gate
from tasks.report.inputs import ReportInputs
from tasks.report.licences import spdx_id
from tasks.report.palette import DARK, LIGHT, css_variables
from tasks.report.proof import read_proof
from tasks.report.readings import Readings, read_stats
from tasks.report.sections import (
    flatten,
    number_text,
    read_changes,
    read_cost,
    read_funnel,
    read_label_flows,
    read_moves,
    read_reasons,
    read_tiles,
)
from tasks.report.templates import html_template
from tasks.report.verdicts import read_verdicts

MAX_BYTES = 3_000_000
_TEXT_COLUMNS: Mapping[str, int] = {"topic-subtopics": 2, "relationship-flow": 3, "text-length": 2}
_CONTENTS = (
    ("glance", "At a glance"),
    ("changes", "What changed"),
    ("funnel", "From export to release"),
    ("conversations", "Conversations"),
    ("topics", "Topics"),
    ("thoughts", "Reasons and reactions"),
    ("turns", "Turn by turn"),
    ("participants", "Participants"),
    ("models", "Chatbot models"),
    ("privacy", "Privacy"),
    ("gate", "Release gate"),
    ("labels", "Label quality and cost"),
    ("provenance", "Provenance"),
    ("explorer", "Explorer"),
)


def render_report(inputs: ReportInputs, figures: Sequence[Figure] | None = None) -> bytes:
    """Return `report.html`.

    The same inputs give the same bytes. Markup comes from our own template, drawings, style and script
    only; every other value is escaped, and conversation text travels as base64 of gzipped JSON that the
    script turns into text nodes.

    Args:
        inputs: numbers, counts and scrubbed tables of the release.
        figures: its figures, where they are at hand; what was drawn of them is not drawn again.
    """
    readings = read_stats(inputs)
    explorer = build_explorer(inputs)
    gate, proof = read_gate(inputs.gate), read_proof(inputs.privacy)
    style, script = _style(), _asset("report.js")
    html = html_template("report.html.j2").render(
        title=inputs.settings.title,
        version=inputs.version,
        parent_version=inputs.parent_version,
        has_parent_stats=readings.parent is not None,
        created=f"{inputs.created_at:%-d %B %Y}" if inputs.created_at else "",
        policy=inputs.policy,
        license=spdx_id(inputs.settings.license),
        contents=_CONTENTS,
        verdicts=read_verdicts(inputs, readings, gate, proof),
        gate=gate,
        proof=proof,
        tiles=read_tiles(readings),
        figures=_figures(list_figures(inputs) if figures is None else figures),
        explorer=explorer,
        explorer_data=Markup(explorer.packed),  # noqa: S704 - base64 of our own making
        definitions=[(name.replace("_", " "), text) for name, text in readings.stats.definitions.items()],
        is_suppressing=readings.stats.method.is_suppressing,
        min_cell=readings.stats.method.min_cell,
        style=Markup(style),  # noqa: S704 - a file of this package
        script=Markup(script),  # noqa: S704 - a file of this package
        style_hash=Markup(_source_hash(style)),  # noqa: S704
        script_hash=Markup(_source_hash(script)),  # noqa: S704
        **_changes(inputs, readings),
        **_accounting(inputs, readings),
    )
    return html.encode()


def _changes(inputs: ReportInputs, readings: Readings) -> dict[str, Any]:
    def share(value: float) -> str:
        return percent(value)

    return {
        "changes": [
            (r.table, *(f"{n:,}" for n in (r.before, r.added, r.removed, r.changed, r.unchanged, r.now)))
            for r in read_changes(inputs.changes)
        ],
        "reasons": [(change, reason, f"{n:,}") for change, reason, n in read_reasons(inputs.changes)],
        "moves": [
            (m.label, m.facet, share(m.before), share(m.now), f"{m.points:+.1f}".replace("-", "−"))
            for m in read_moves(readings)
        ],
        "flows": [(f, a, b, f"{n:,}") for f, a, b, n in read_label_flows(inputs)],
        "funnel": read_funnel(inputs.funnel),
        "quarantine": [
            (r["rule"], r["stage"], f"{r['n_conversations']:,}", f"{r['n_faults']:,}")
            for r in inputs.quarantine_summary.sort(
                ["n_conversations", "rule"], descending=[True, False]
            ).iter_rows(named=True)
        ],
    }


def _accounting(inputs: ReportInputs, readings: Readings) -> dict[str, Any]:
    stats, origin = readings.stats, inputs.provenance
    return {
        "models": _models(readings),
        "agreement_columns": COLUMNS,
        "agreement": read_agreement(inputs.quality),
        "set_columns": SET_COLUMNS,
        "set_agreement": read_set_agreement(inputs.quality),
        "confusions": read_confusions(inputs),
        "cost": read_cost(inputs.cost),
        "provenance_rows": [
            (
                p.facet,
                p.source,
                p.via,
                p.labeller
                if p.model_snapshot in (None, "", p.labeller)
                else f"{p.labeller} ({p.model_snapshot})",
                p.taxonomy_version,
                count(p.n),
                percent(p.share),
                f"{p.mean_confidence:.2f}" if p.mean_confidence is not None else "–",
            )
            for p in stats.labelling.provenance
        ],
        "origin": [
            *flatten(
                origin, skip=("inputs", "models", "title", "license", "policy", "cost_usd", "taxonomies")
            ),
            (
                "statistics",
                f"{stats.method.resamples:,} bootstrap resamples of participants, seed {stats.method.seed}",
            ),
        ],
        "input_files": [
            (
                i.get("name", ""),
                i.get("dialect", ""),
                i.get("sha256", "")[:16] + "…",
                f"{i.get('n_bytes', 0):,}",
                f"{i.get('n_conversations', 0):,}",
            )
            for i in origin.get("inputs", ())
        ],
        "taxonomies": [
            (facet, t.get("version", ""), t.get("sha256", "")[:16] + "…")
            for facet, t in origin.get("taxonomies", {}).items()
        ],
        "has_withheld": any("(withheld)" in m.model_name for m in stats.models),
        "label_models": [
            (
                m.get("facet", ""),
                m.get("name", ""),
                m.get("snapshot", ""),
                (m.get("prompt_sha256") or "–")[:16],
                *(number_text(m.get(k, 0)) for k in ("n_calls", "n_from_memo", "cost_usd")),
            )
            for m in origin.get("models", ())
        ],
    }


def _models(readings: Readings) -> list[dict[str, Any]]:
    rows = sorted(readings.stats.models, key=lambda m: (-(m.n_conversations or 0), m.model_name))
    most = max((m.n_conversations or 0 for m in rows), default=0) or 1
    return [
        {
            "name": m.model_name,
            "provider": m.model_provider or "–",
            "width": 100 * (m.n_conversations or 0) / most,
            "numbers": [
                *map(count, (m.n_participants, m.n_conversations, m.n_messages, m.n_reasons, m.n_reactions)),
                "–" if m.median_messages is None else f"{m.median_messages:g}",
            ],
        }
        for m in rows
    ]


def _figures(figures: Sequence[Figure]) -> Mapping[str, list[dict[str, Any]]]:
    sections: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for figure in figures:
        if not figure.is_on_page:
            continue
        sections[figure.section].append(
            {
                "name": figure.name,
                "title": figure.title,
                "finding": figure.finding,
                "base": figure.base,
                "legend": [(_swatch(colour), text) for colour, text in figure.legend],
                "columns": figure.columns,
                "rows": figure.rows,
                "n_texts": _TEXT_COLUMNS.get(figure.name, 1),
                "drawings": _drawings(figure),
                "is_small": figure.is_small,
            }
        )
    return sections


def _drawings(figure: Figure) -> list[Markup]:
    if figure.draw is None:
        return []
    sizes = {"both": SMALL} if figure.is_small else {"wide": WIDE, "narrow": NARROW}
    return [
        Markup(for_page(figure.draw_at(width), name=figure.name, css_class=name))  # noqa: S704 - own drawing, data escaped there
        for name, width in sizes.items()
    ]


def _swatch(colour: str) -> Markup:
    return Markup(
        '<svg viewBox="0 0 8 8" aria-hidden="true"><rect width="8" height="8" fill="var(--{})"/></svg>'
    ).format(colour)


def _style() -> str:
    light, dark = css_variables(LIGHT), css_variables(DARK)
    return (
        f":root{{{light}}}@media (prefers-color-scheme:dark){{:root{{{dark}}}}}{_asset('report.css')}"
        f"@media print{{:root{{{light}--page:#fff;--raised:#fff;--line:#ccc;--good:#00714f;--bad:#b3261e;--warn:#8a5a00}}}}"
    )


def _asset(name: str) -> str:
    return (files("tasks.report") / name).read_text(encoding="utf-8")


def _source_hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
