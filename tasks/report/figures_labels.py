"""Figures of labels: topics, reasons, reactions and how a conversation turns."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.stats import GroupShare, LabelShare, ThoughtLabels, TopicShare
from tasks.report.bars import Bar, count, draw_bars, draw_grouped_dots, percent
from tasks.report.columns import Panel, draw_panels
from tasks.report.figures import Figure, empty_figure
from tasks.report.figures_flow import flow_figure, transition_figure
from tasks.report.published import LABEL_SHARES, SOURCE, STAGE_SHARES
from tasks.report.readings import Readings

STAGE_NAMES = ("Early", "Mid-early", "Mid-late", "Late")
_STAGES = ("early", "mid_early", "mid_late", "late")
_FEWEST_STAGES = 2
_INTERVAL = "Lines: 95 % interval, participants resampled."


def label_figures(readings: Readings) -> list[Figure]:
    """Return the figures of topics, thoughts and relationships."""
    stats = readings.stats
    return [
        _domains(readings),
        _subtopics(readings),
        _thought_labels(readings, stats.reasons, "blue"),
        _thought_labels(readings, stats.reactions, "orange"),
        _by_stage(readings, stats.reasons, "blue"),
        _by_stage(readings, stats.reactions, "orange"),
        _relationships(readings),
        flow_figure(readings),
        transition_figure(readings),
    ]


def share_figure(
    readings: Readings,
    *,
    name: str,
    section: str,
    title: str,
    finding: str,
    base: str,
    facet: str,
    path: str,
    labels: Sequence[LabelShare],
    hue: str,
    is_small: bool = False,
) -> Figure:
    """Return sorted bars of one facet with interval, published value and last release."""
    published = LABEL_SHARES.get(facet, {}) if readings.with_published else {}
    before = readings.parent_shares(path)
    bars = [
        Bar(
            row.name,
            row.share,
            row.n,
            row.low,
            row.high,
            published.get(row.value),
            before.get(row.value),
        )
        for row in sorted(labels, key=lambda r: (-(r.share or 0.0), r.name))
    ]
    legend = [(hue, "this release")]
    columns = ["Label", "Count", "Share", "95 % interval"]
    if any(b.published is not None for b in bars):
        legend.append((f"{hue}-tint", SOURCE))
        columns.append("Published")
    if any(b.parent is not None for b in bars):
        legend.append(("amber", f"last release, {readings.parent_version}"))
        columns.append(f"{readings.parent_version}")
    rows = [
        (
            b.label,
            count(b.n),
            percent(b.share),
            interval(b.low, b.high),
            *((percent(b.published),) if "Published" in columns else ()),
            *((percent(b.parent),) if columns[-1] == readings.parent_version else ()),
        )
        for b in bars
    ]
    return Figure(
        name,
        section,
        title,
        finding,
        base,
        tuple(columns),
        tuple(rows),
        tuple(legend),
        lambda width: draw_bars(bars, hue=hue, width=width),
        is_small=is_small,
    )


def interval(low: float | None, high: float | None) -> str:
    """Format the ends of an interval of a share: `36.1–38.7 %`."""
    if low is None or high is None:
        return "–"
    return f"{low * 100:.1f}–{high * 100:.1f} %"


def _domains(readings: Readings) -> Figure:
    topics = readings.stats.topics
    title = "What people talk about"
    if not topics.n_domain_assignments:
        return empty_figure("topic-domains", "topics", title, "No conversation carries a topic label.")
    first = max(topics.domains, key=lambda row: row.n or 0)
    return share_figure(
        readings,
        name="topic-domains",
        section="topics",
        title=title,
        finding=(
            f"{first.name} leads with {percent(first.share)} of {topics.n_domain_assignments:,} topic "
            f"assignments; it occurs in {percent(first.share_of_conversations)} of the conversations."
        ),
        base=(
            "Share of assignments: a conversation may have several topics. "
            f"{topics.n_unlabelled:,} of {topics.n_conversations:,} conversations carry none. {_INTERVAL}"
        ),
        facet="topic",
        path="topics.domains",
        labels=topics.domains,
        hue="green",
    )


def _subtopics(readings: Readings) -> Figure:
    topics = readings.stats.topics
    found = [row for row in topics.subtopics if row.n]
    title = "The subtopics behind them"
    if not found:
        words = (
            "Every subtopic is too small to show; they are held back to protect participants."
            if any(row.n is None for row in topics.subtopics)
            else "No conversation carries a subtopic label."
        )
        return empty_figure("topic-subtopics", "topics", title, words)
    domain_names = {row.value: row.name for row in topics.domains}
    size = {row.value: row.n or 0 for row in topics.domains}

    def order(row: TopicShare) -> tuple[int, str, int, str]:
        return (-size.get(row.parent or "", 0), row.parent or "", -(row.n or 0), row.name)

    bars = [
        Bar(
            row.name,
            row.share_of_conversations,
            row.n_conversations,
            row.low_of_conversations,
            row.high_of_conversations,
            group=domain_names.get(row.parent or "", "Without a domain"),
        )
        for row in sorted(found, key=order)
    ]
    most = max(bars, key=lambda b: b.share or 0.0)
    n_held = sum(row.n is None for row in topics.subtopics)
    occur = (
        f"{len(found)} subtopics can be shown, {n_held} are held back to protect participants"
        if n_held
        else f"{len(found)} of {len(topics.subtopics)} subtopics occur"
    )
    return Figure(
        "topic-subtopics",
        "topics",
        title,
        f"{occur}; the widest is {most.label} with {percent(most.share)} of conversations.",
        "Share of the labelled conversations that have the subtopic; these shares add up to more than "
        "100 %. Bands: 95 % interval, participants resampled.",
        ("Domain", "Subtopic", "Conversations", "Share", "95 % interval"),
        tuple((b.group, b.label, count(b.n), percent(b.share), interval(b.low, b.high)) for b in bars),
        (),
        lambda width: draw_grouped_dots(bars, hue="green", width=width),
    )


def _thought_labels(readings: Readings, part: ThoughtLabels, hue: str) -> Figure:
    plural = f"{part.facet}s"
    title = "Why users wrote a message" if part.facet == "reason" else "How users took an answer"
    if not part.n_labelled:
        words = f"No {part.facet} carries a label." if part.n_thoughts else f"No {plural} in this release."
        return empty_figure(plural, "thoughts", title, words)
    first = max(part.labels, key=lambda row: row.n or 0)
    return share_figure(
        readings,
        name=plural,
        section="thoughts",
        title=title,
        finding=f"{first.name} leads with {percent(first.share)} of {part.n_labelled:,} labelled {plural}.",
        base=f"Share of the labelled {plural}; {part.n_unlabelled:,} carry no label. {_INTERVAL}",
        facet=part.facet,
        path=f"{plural}.labels",
        labels=part.labels,
        hue=hue,
        is_small=True,
    )


def _by_stage(readings: Readings, part: ThoughtLabels, hue: str) -> Figure:
    plural = f"{part.facet}s"
    name = f"{plural}-by-stage"
    title = f"{plural.capitalize()} over the course of a conversation"
    cells = {(row.group, row.value): row for row in part.by_stage}
    shown = [row for row in sorted(part.labels, key=lambda r: (-(r.n or 0), r.name)) if row.n]
    if not cells or not shown:
        return empty_figure(name, "thoughts", title, f"No labelled {plural} to follow through the stages.")
    published = STAGE_SHARES.get(part.facet, {}) if readings.with_published else {}
    panels: list[Panel] = []
    rows: list[tuple[str, ...]] = []
    hidden: list[str] = []
    for label in shown:
        line = [cells.get((stage, label.value)) for stage in _STAGES]
        if sum(_share(c) is not None for c in line) < _FEWEST_STAGES:
            hidden.append(label.name)
            continue
        panels.append(
            Panel(
                label.name,
                tuple(_share(c) for c in line),
                tuple(c.low if c else None for c in line),
                tuple(c.high if c else None for c in line),
                published.get(label.value, (None,) * 4),
            )
        )
        rows.append((label.name, *(percent(_share(c)) for c in line)))
    if not panels:
        words = f"Too few labelled {plural} in each stage to show a course; they are held back."
        return empty_figure(name, "thoughts", title, words)
    has_gaps = any(share is None for panel in panels for share in panel.shares)
    first = panels[0]
    start, end = first.shares[0], first.shares[-1]
    finding = (
        f"{first.label} goes from {percent(start, digits=0)} of the {plural} early on to "
        f"{percent(end, digits=0)} late."
        if start is not None and end is not None
        else f"{len(panels)} labels over four stages."
    )
    legend = [(hue, "this release"), (f"{hue}-tint", "95 % interval")]
    if any(p is not None for panel in panels for p in panel.published):
        legend.append(("muted", SOURCE))
    return Figure(
        name,
        "thoughts",
        title,
        finding,
        f"Share of the labelled {plural} within a stage. Stages are quarters by relative position among the "
        "messages of the role, from the first to the last."
        + (" A gap is a value held back to protect participants." if has_gaps else "")
        + (f" Not shown for the same reason: {', '.join(hidden)}." if hidden else ""),
        ("Label", *STAGE_NAMES),
        tuple(rows),
        tuple(legend),
        lambda width: draw_panels(panels, stages=STAGE_NAMES, hue=hue, width=width),
    )


def _share(cell: GroupShare | None) -> float | None:
    return None if cell is None else cell.share


def _relationships(readings: Readings) -> Figure:
    part = readings.stats.relationships
    title = "How a user message relates to the one before"
    if not part.n_labelled:
        return empty_figure("relationships", "turns", title, "No user message carries a relationship label.")
    rest = {row.value: row.share for row in part.without_first}
    deepen = max(part.without_first, key=lambda row: row.n or 0, default=None)
    figure = share_figure(
        readings,
        name="relationships",
        section="turns",
        title=title,
        finding=(
            f"Leaving first requests out, {percent(deepen.share)} of the user messages are: {deepen.name}."
            if deepen is not None and deepen.n
            else "Every labelled user message is a first request."
        ),
        base=(
            f"Share of the labelled user messages, first requests included; {part.n_unlabelled:,} of "
            f"{part.n_user_messages:,} carry no label. {_INTERVAL}"
        ),
        facet="relationship",
        path="relationships.with_first",
        labels=part.with_first,
        hue="purple",
    )
    names = {row.name: rest.get(row.value) for row in part.with_first}
    return Figure(
        figure.name,
        figure.section,
        figure.title,
        figure.finding,
        figure.base,
        (*figure.columns, "Share without first requests"),
        tuple((*row, percent(names.get(row[0]))) for row in figure.rows),
        figure.legend,
        figure.draw,
    )
