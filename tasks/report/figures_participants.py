"""Figures of participants: one small chart an attribute, missing answers shown."""

from __future__ import annotations

import re

from schemas.stats import DemographicCell
from tasks.report.bars import Bar, draw_bars, percent
from tasks.report.figures import Figure, empty_figure
from tasks.report.readings import Readings

_TITLES = {
    "age_band": "Age",
    "gender": "Gender",
    "education": "Education",
    "occupation_group": "Occupation",
    "ai_use_frequency": "Use of chatbots, 1 (never) to 5 (daily)",
    "purposes": "What they use chatbots for",
    "language": "Language",
}
_BY_VALUE = {"age_band", "ai_use_frequency"}
_ORDERED = {"education"}
_MOST = 9
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9]+")


def participant_figures(readings: Readings) -> list[Figure]:
    """Return one figure an attribute; attributes nobody answered are said in words."""
    part = readings.stats.demographics
    attributes = list(dict.fromkeys(cell.attribute for cell in part.cells))
    if not attributes or not part.n_participants:
        return [empty_figure("participants", "participants", "Who took part", "No survey answers to show.")]
    figures = [
        _attribute(name, [c for c in part.cells if c.attribute == name], part.n_participants)
        for name in attributes
    ]
    silent = [figure.title for figure in figures if figure.draw is None]
    shown = [figure for figure in figures if figure.draw is not None]
    if not silent:
        return shown
    words = f"{', '.join(silent)}: no participant answered, or too few to show."
    title = "Not shown" if shown else "Who took part"
    return [*shown, empty_figure("participants-not-shown", "participants", title, words)]


def _attribute(name: str, cells: list[DemographicCell], n_participants: int) -> Figure:
    title = _TITLES.get(name, name.replace("_", " ").capitalize())
    file_name = f"participants-{_NOT_IN_A_NAME.sub('-', name.lower()).strip('-')[:40]}"
    shown = [c for c in cells if c.share is not None and (c.n or 0) > 0]
    if all(c.is_missing for c in shown):
        return empty_figure(file_name, "participants", title, "No participant answered, or too few to show.")
    answered = [c for c in shown if not c.is_missing]
    if name in _BY_VALUE:
        answered.sort(key=lambda c: c.value)
    elif name not in _ORDERED:
        answered.sort(key=lambda c: (-(c.n or 0), c.value))
    rest = answered[_MOST:] if len(answered) > _MOST + 1 else []
    answered = answered[: len(answered) - len(rest)]
    bars = [Bar(c.value.replace("_", " "), c.share, c.n) for c in answered]
    if rest:
        bars.append(
            Bar(f"{len(rest)} others", sum(c.share or 0.0 for c in rest), sum(c.n or 0 for c in rest))
        )
    bars += [Bar(c.value.strip("()"), c.share or 0.0, c.n or 0) for c in shown if c.is_missing]
    held = sum(c.is_suppressed for c in cells)
    several = "Several answers are possible. " if name == "purposes" else ""
    return Figure(
        file_name,
        "participants",
        title,
        "",
        f"{several}Share of {n_participants:,} participants."
        + (f" Groups held back: {held}." if held else ""),
        ("Answer", "Participants", "Share"),
        tuple((b.label, f"{b.n:,}", percent(b.share)) for b in bars),
        (),
        lambda width: draw_bars(bars, hue="slate", width=width),
        is_small=True,
    )
