"""Figures of labels by topic domain: does what people think differ with what they talk about?"""

from __future__ import annotations

from schemas.stats import GroupShare, ThoughtLabels
from tasks.report.bars import HELD_BACK, percent
from tasks.report.figures import Figure, empty_figure
from tasks.report.matrix import draw_matrix
from tasks.report.readings import Readings


def domain_figures(readings: Readings) -> list[Figure]:
    """Return reasons and reactions by the domain of their conversation."""
    stats = readings.stats
    return [_by_domain(stats.reasons, "blue"), _by_domain(stats.reactions, "orange")]


def _by_domain(part: ThoughtLabels, hue: str) -> Figure:
    plural = f"{part.facet}s"
    name, title = f"{plural}-by-domain", f"{plural.capitalize()} by topic domain"
    cells = {(row.group, row.value): row for row in part.by_domain}
    domains = {row.group: row.group_name for row in part.by_domain}
    shown = [
        row
        for row in sorted(part.labels, key=lambda r: (-(r.n or 0), r.name))
        if any(_share(cells.get((group, row.value))) for group in domains)
    ]
    rows = [group for group in domains if any(_share(cells.get((group, row.value))) for row in shown)]
    if not rows:
        words = f"No labelled {plural} with a topic, or too few in each domain to show."
        return empty_figure(name, "thoughts", title, words)
    held = [[_is_held(cells.get((g, label.value))) for label in shown] for g in rows]
    shares = [[_share(cells.get((g, label.value))) for label in shown] for g in rows]
    return Figure(
        name,
        "thoughts",
        title,
        _finding(part, rows, cells, domains),
        f"Share of the labelled {plural} of conversations in the domain; a conversation may have several. Each row "
        + (
            "adds up to 100 %, cells that are held back included."
            if any(map(any, held))
            else "adds up to 100 %."
        ),
        ("Domain", *(label.name for label in shown)),
        tuple(
            (domains[g], *(HELD_BACK if h else percent(v) for v, h in zip(line, hidden, strict=True)))
            for g, line, hidden in zip(rows, shares, held, strict=True)
        ),
        (),
        lambda width: draw_matrix(
            [domains[g] for g in rows],
            [label.name for label in shown],
            shares,
            held_back=held,
            hue=hue,
            width=width,
        ),
    )


def _finding(
    part: ThoughtLabels, rows: list[str], cells: dict[tuple[str, str], GroupShare], domains: dict[str, str]
) -> str:
    """The most frequent label in the domains where it is most and least frequent."""
    first = max(part.labels, key=lambda row: row.n or 0)
    found = [(share, g) for g in rows if (share := _share(cells.get((g, first.value)))) is not None]
    if len(found) < 2:
        return f"{len(rows)} {'domain has' if len(rows) == 1 else 'domains have'} enough labels to show."
    (low, least), (high, most) = min(found), max(found)
    return (
        f"{first.name} runs from {percent(low, digits=0)} in {domains[least]} to {percent(high, digits=0)} in "
        f"{domains[most]}."
    )


def _share(cell: GroupShare | None) -> float | None:
    return None if cell is None else cell.share


def _is_held(cell: GroupShare | None) -> bool:
    return cell is not None and cell.n is None
