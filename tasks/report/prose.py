"""Sentences about a release, made from its numbers; card and datasheet share them."""

from __future__ import annotations

from typing import Any

import polars as pl

from tasks.report.agreement import COLUMNS, read_agreement
from tasks.report.bars import percent
from tasks.report.citation import authors_of, bibtex
from tasks.report.figures_conversations import language_name
from tasks.report.figures_labels import interval
from tasks.report.inputs import ReportInputs
from tasks.report.licences import spdx_id
from tasks.report.proof import read_proof
from tasks.report.readings import Readings, read_stats
from tasks.report.sections import read_changes

COUNTS = (
    ("participants", "Participants"),
    ("conversations", "Conversations"),
    ("messages", "Messages"),
    ("user_messages", "User messages"),
    ("thoughts", "Thoughts"),
    ("reasons", "Reasons"),
    ("reactions", "Reactions"),
    ("models", "Chatbot models"),
)


def describe(inputs: ReportInputs) -> str:
    """Return one paragraph: what the dataset is and how much of it there is."""
    counts = read_stats(inputs).stats.counts
    return (
        f"Human–AI conversations with the users' own thoughts: {counts.conversations:,} conversations of "
        f"{counts.participants:,} participants with {counts.messages:,} messages, beside which they wrote "
        f"{counts.reasons:,} reasons (why they sent a message) and {counts.reactions:,} reactions (how they took "
        "an answer). Scrubbed of personal data, labelled, versioned."
    )


def tell(inputs: ReportInputs) -> dict[str, Any]:
    """Return the values of the Markdown templates."""
    readings = read_stats(inputs)
    stats = readings.stats
    return {
        "title": inputs.settings.title,
        "version": inputs.version,
        "parent_version": inputs.parent_version,
        "parent": readings.parent is not None,
        "description": describe(inputs),
        "numbers": _numbers(readings),
        "policy": inputs.policy,
        "policy_sentence": _policy(inputs),
        "proof": read_proof(inputs.privacy),
        "provenance": stats.labelling.provenance,
        "agreement_columns": COLUMNS,
        "agreement": read_agreement(inputs.quality),
        "shares": _shares(readings),
        "models_sentence": _models(readings),
        "one_model": _met_one_model(inputs),
        "redactions_sentence": _redactions(readings),
        "languages_sentence": _languages(readings),
        "labels_sentence": _labels(readings),
        "contact_sentence": _contact(inputs),
        "changes": read_changes(inputs.changes) if inputs.parent_version else [],
        "changes_sentence": (
            f"Compared with {inputs.parent_version}, row by row."
            if inputs.parent_version
            else "This is the first release."
        ),
        "counts_sentence": _counts(readings),
        "funnel_sentence": _funnel(inputs),
        "time_sentence": _time(inputs),
        "authors": ", ".join(authors_of(inputs)),
        "license": spdx_id(inputs.settings.license),
        "bibtex": bibtex(inputs),
    }


def _numbers(readings: Readings) -> list[tuple[str, str, str]]:
    now = readings.stats.counts.model_dump()
    before = readings.parent.counts.model_dump() if readings.parent else {}
    rows = [(label, f"{now[key]:,}", f"{before.get(key, 0):,}") for key, label in COUNTS]
    lengths = readings.stats.conversation_length.spread.median
    if lengths is not None:
        old = readings.parent.conversation_length.spread.median if readings.parent else None
        rows.append(("Median messages per conversation", f"{lengths:g}", "–" if old is None else f"{old:g}"))
    return rows


def _counts(readings: Readings) -> str:
    now = readings.stats.counts.model_dump()
    return ", ".join(f"{now[key]:,} {label.lower()}" for key, label in COUNTS) + "."


def _policy(inputs: ReportInputs) -> str:
    if inputs.policy == "strict":
        return (
            "Personal data in texts was replaced by placeholders, survey answers were generalised until every "
            "combination is shared by several participants, ids are pseudonyms, times are coarse."
        )
    return (
        "The data were public before: ids, times and survey answers are as first published; personal data in "
        "texts was replaced by placeholders."
    )


def _shares(readings: Readings) -> list[tuple[str, list[tuple[str, str, str]], int]]:
    stats = readings.stats
    parts = (
        ("Reasons", stats.reasons.labels, stats.reasons.n_labelled),
        ("Reactions", stats.reactions.labels, stats.reactions.n_labelled),
        ("Relationships of user messages", stats.relationships.with_first, stats.relationships.n_labelled),
        ("Topic domains (assignments)", stats.topics.domains, stats.topics.n_domain_assignments),
    )
    return [
        (
            heading,
            [
                (r.name, percent(r.share), interval(r.low, r.high))
                for r in sorted(rows, key=lambda r: (-(r.n or 0), r.name))
            ],
            base,
        )
        for heading, rows, base in parts
        if base
    ]


def _models(readings: Readings) -> str:
    rows = readings.stats.models
    providers = sorted({r.model_provider for r in rows if r.model_provider})
    by = f" by {len(providers)} providers" if providers else ""
    return f"{len(rows)} chatbot models{by} took part." if len(rows) != 1 else "One chatbot model took part."


def _met_one_model(inputs: ReportInputs) -> bool:
    conversations = inputs.tables.get("conversations")
    if conversations is None:
        return True
    pairs = conversations.lazy().select("participant_id", "model_name").unique().collect()
    return pairs.height == pairs["participant_id"].n_unique()


def _redactions(readings: Readings) -> str:
    part = readings.stats.redactions
    n = (part.n_in_messages or 0) + (part.n_in_thoughts or 0)
    return f"{n:,} spans were replaced, in {percent(part.share_of_messages_with)} of the messages."


def _languages(readings: Readings) -> str:
    known = [r for r in readings.stats.languages if r.language != "und"]
    rows = [r for r in known if r.share]
    if not rows:
        return "The language of the conversations was not determined."
    first = max(rows, key=lambda r: r.share or 0.0)
    return (
        f"{percent(first.share)} of the conversations are in {language_name(first.language)} "
        f"({len(known)} {'language' if len(known) == 1 else 'languages'} detected)."
    )


def _labels(readings: Readings) -> str:
    rows = readings.stats.labelling.provenance
    total = sum(r.n or 0 for r in rows)
    if not total:
        return "This release carries no labels."
    human = sum(r.n or 0 for r in rows if r.source == "human")
    return (
        f"{total:,} labels; {percent(human / total)} were decided by people, the rest by models or came with the "
        "export (machine labels too). The labels table names source, labeller and taxonomy version of each."
    )


def _contact(inputs: ReportInputs) -> str:
    if inputs.settings.contact:
        return f"Write to {inputs.settings.contact}."
    return "Write to the maintainers at the place where you got these files."


def _funnel(inputs: ReportInputs) -> str:
    import polars as pl

    rows = inputs.funnel.filter(pl.col("table_name") == "conversations")
    if rows.is_empty():
        return "No row accounting came with this release."
    held, removed = int(rows["n_quarantined"].sum()), int(rows["n_removed"].sum())
    return f"{held:,} conversations were held back for breaking a rule and {removed:,} removed on purpose."


def _time(inputs: ReportInputs) -> str:
    conversations = inputs.tables.get("conversations")
    if conversations is None:
        return "Not stated."
    started = pl.col("started_at")
    first, last = conversations.lazy().select(started.min(), started.max().alias("last")).collect().row(0)
    if first is None or last is None:
        return "Not stated."
    return f"From {first:%B %Y} to {last:%B %Y}, as far as the coarsened times say."
