"""Figures of conversations: how long they are, how long their texts, in which language, with which model."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.stats import LengthBin
from tasks.report.bars import Bar, count, draw_bars, percent
from tasks.report.columns import Spread, draw_spreads
from tasks.report.figures import Figure, empty_figure
from tasks.report.figures_labels import interval
from tasks.report.lengths import Columns, Mark, draw_lengths
from tasks.report.readings import Readings

_TEXTS = {
    "user_message": ("User messages", "slate"),
    "assistant_message": ("Assistant messages", "slate"),
    "reason": ("Reasons", "blue"),
    "reaction": ("Reactions", "orange"),
}


def conversation_figures(readings: Readings) -> list[Figure]:
    """Return the figures of conversation length, text length, languages, models and redactions."""
    return [
        _conversation_length(readings),
        _text_length(readings),
        _languages(readings),
        _models(readings),
        _redactions(readings),
    ]


def _bin_name(row: LengthBin) -> str:
    return f"{row.n_messages}+" if row.is_or_more else f"{row.n_messages}"


def _axis(rows: Sequence[LengthBin]) -> list[str]:
    """Every length up to the longest, so that a gap is seen as one; even ones alone where no other occurs."""
    step = 1 if any(row.n_messages % 2 and not row.is_or_more for row in rows) else 2
    last = max((row.n_messages for row in rows if not row.is_or_more), default=0)
    over = [_bin_name(row) for row in rows if row.is_or_more]
    if over:
        last = next(row.n_messages for row in rows if row.is_or_more) - 1
    return [*(str(n) for n in range(step, last + 1, step)), *dict.fromkeys(over)]


def _conversation_length(readings: Readings) -> Figure:
    part = readings.stats.conversation_length
    title = "How long conversations are"
    if not part.spread.n:
        return empty_figure("conversation-length", "conversations", title, "No conversation in this release.")
    steps = part.histogram
    found = {_bin_name(r): r.share or 0.0 for r in steps}
    compared = {_bin_name(r): r.share or 0.0 for r in part.compared.histogram} if part.compared else {}
    axis = _axis([*steps, *(part.compared.histogram if part.compared else ())])
    held_back = frozenset(_bin_name(r) for r in steps if r.share is None)
    corpora = [Columns("this release", "blue", {b: found.get(b, 0.0) for b in axis}, held_back)]
    if part.compared is not None:
        corpora.append(Columns(part.compared.corpus, "slate-tint", {b: compared.get(b, 0.0) for b in axis}))
    marks = [
        Mark(f"{row.corpus} {percent(row.share_of_two_messages, digits=0)}", "2", row.share_of_two_messages)
        for row in part.published
        if row.share_of_two_messages is not None
        and readings.with_published
        and part.compared is None
        and not row.corpus.startswith("ThoughtTrace")
    ]
    median = part.spread.median or 0
    published = [row for row in part.published if row.median_messages is not None and readings.with_published]
    medians = ", ".join(f"{row.corpus} {row.median_messages:g}" for row in published)
    if part.compared is not None and part.compared.spread.median is not None:
        own = f"{part.compared.corpus} as counted here {part.compared.spread.median:g}"
        medians = f"{own}, {medians}" if medians else own
    columns = ("Messages", "Conversations", "Share")
    rows = [(_bin_name(r), count(r.n), percent(r.share)) for r in steps]
    if part.compared is not None:
        columns = (*columns, f"Share in {part.compared.corpus}")
        by_bin = {_bin_name(r): r for r in steps}
        rows = [
            (
                b,
                count(by_bin[b].n if b in by_bin else 0),
                percent(by_bin[b].share if b in by_bin else 0.0),
                percent(compared.get(b, 0.0)),
            )
            for b in axis
        ]
    legend = [("blue", "this release")]
    if part.compared is not None:
        legend.append(("slate-tint", part.compared.corpus))
    if marks:
        legend.append(("ended", "published share of conversations with two messages"))
    return Figure(
        "conversation-length",
        "conversations",
        title,
        f"The median conversation has {median:g} messages"
        + (f"; elsewhere: {medians}{' (published)' if published else ''}." if medians else "."),
        "Messages of both roles; one exchange is two messages. "
        + ("Bins of few conversations are held back to protect participants. " if held_back else "")
        + (
            f"95 % interval of the median: {part.median_low:g}–{part.median_high:g}."
            if part.median_low is not None
            and part.median_high is not None
            and part.median_low < part.median_high
            else ""
        ),
        columns,
        tuple(rows),
        tuple(legend),
        lambda width: draw_lengths(
            corpora, marks, median=median, axis_title="messages in the conversation", width=width
        ),
    )


def _text_length(readings: Readings) -> Figure:
    title = "How long texts are"
    spreads: list[Spread] = []
    rows: list[tuple[str, ...]] = []
    for row in readings.stats.text_lengths:
        name, colour = _TEXTS.get(row.text, (row.text, "slate"))
        s = row.spread
        if s.n and s.p5 is not None and s.q1 is not None and s.median is not None:
            rows.append(
                (
                    name,
                    row.unit,
                    f"{row.n_texts:,}",
                    *(f"{v:,.0f}" if v is not None else "–" for v in (s.p5, s.q1, s.median, s.q3, s.p95)),
                )
            )
            if row.unit == "characters":
                spreads.append(
                    Spread(name, colour, s.p5, s.q1, s.median, s.q3 or s.median, s.p95 or s.median)
                )
    if not spreads:
        return empty_figure("text-length", "conversations", title, "No text in this release.")
    longest, shortest = max(spreads, key=lambda s: s.p50), min(spreads, key=lambda s: s.p50)
    return Figure(
        "text-length",
        "conversations",
        title,
        f"The median runs from {shortest.p50:,.0f} characters ({shortest.label.lower()}) to "
        f"{longest.p50:,.0f} ({longest.label.lower()}).",
        "Thin line: 5th to 95th percentile. Bar: the middle half. Tick: the median. Logarithmic axis.",
        ("Text", "Unit", "Texts", "5 %", "25 %", "Median", "75 %", "95 %"),
        tuple(rows),
        (),
        lambda width: draw_spreads(spreads, axis_title="characters (code points)", width=width),
        is_small=True,
    )


def thoughts_per_message(readings: Readings) -> Figure:
    """Return the share of messages that carry a reason or a reaction."""
    title = "How many messages carry a thought"
    parts = [p for p in readings.stats.thoughts_per_message if p.n_messages]
    if not parts:
        return empty_figure("thoughts-per-message", "thoughts", title, "No message in this release.")
    names = {"reason": "User messages with a reason", "reaction": "Answers with a reaction"}
    bars = [Bar(names[p.kind], p.share_with, p.n_with, p.low, p.high) for p in parts]
    return Figure(
        "thoughts-per-message",
        "thoughts",
        title,
        "; ".join(f"{b.label.lower()}: {percent(b.share)}" for b in bars).capitalize() + ".",
        "Share of the messages of the role. Lines: 95 % interval, participants resampled.",
        ("Messages", "With a thought", "Share", "95 % interval", "0", "1", "2", "3 or more"),
        tuple(
            (
                b.label,
                count(b.n),
                percent(b.share),
                interval(b.low, b.high),
                *(count(n) for n in p.per_message),
            )
            for b, p in zip(bars, parts, strict=True)
        ),
        (),
        lambda width: draw_bars(bars, hue="slate", width=width),
    )


def _languages(readings: Readings) -> Figure:
    title = "Languages of conversations"
    rows = readings.stats.languages
    shown = [row for row in rows if row.share is not None]
    table = tuple(
        (
            language_name(r.language),
            count(r.n_conversations),
            percent(r.share),
        )
        for r in rows
    )
    columns = ("Language", "Conversations", "Share")
    if not shown:
        return empty_figure("languages", "conversations", title, "No language to show.")
    if len(shown) == 1:
        only = shown[0]
        words = f"{percent(only.share)} of the conversations are in {language_name(only.language)}."
        return Figure("languages", "conversations", title, words, "", columns, table)
    bars = [
        Bar(language_name(r.language), r.share or 0.0, r.n_conversations or 0)
        for r in sorted(shown, key=lambda r: -(r.share or 0))[:12]
        if r.share or r is shown[0]
    ]
    n_languages = sum(r.language != "und" for r in rows)
    return Figure(
        "languages",
        "conversations",
        title,
        _say_language(bars[0], n_languages),
        "Detected from the text of the conversation; share of all conversations.",
        columns,
        table,
        (),
        lambda width: draw_bars(bars, hue="slate", width=width),
        is_small=True,
    )


def _say_language(first: Bar, n_languages: int) -> str:
    words = "no language was" if n_languages == 0 else "one language was" if n_languages == 1 else ""
    words = words or f"{n_languages} languages were"
    if first.label == language_name("und"):
        return f"The language of {percent(first.share)} could not be told; {words} detected."
    who = "All conversations" if first.share == 1 else percent(first.share)
    return f"{who} are in {first.label}; {words} detected."


def _models(readings: Readings) -> Figure:
    title = "Conversations by chatbot model"
    rows = [r for r in readings.stats.models if r.n_conversations is not None]
    if not rows:
        return empty_figure("models", "models", title, "No model to show.")
    total = readings.stats.counts.conversations or 1
    rows.sort(key=lambda r: (-(r.n_conversations or 0), r.model_name))
    bars = [Bar(r.model_name, (r.n_conversations or 0) / total, r.n_conversations or 0) for r in rows]
    return Figure(
        "models",
        "models",
        title,
        f"{len(readings.stats.models)} models; {bars[0].label} has the most with {count(bars[0].n)} conversations.",
        "Share of all conversations. Where each participant met one model only, differences between models "
        "are also differences between people.",
        (),
        (),
        (),
        lambda width: draw_bars(bars, hue="slate", width=width),
        is_on_page=False,
    )


def _redactions(readings: Readings) -> Figure:
    part = readings.stats.redactions
    title = "What the scrubber replaced"
    found = [row for row in part.by_type if row.n]
    if not found:
        return empty_figure("redactions", "privacy", title, "The scrubber replaced nothing in this release.")
    total = sum(row.n or 0 for row in found)
    bars = [
        Bar(span_type_name(row.type), (row.n or 0) / total, row.n)
        for row in sorted(found, key=lambda r: (-(r.n or 0), r.type))
    ]
    return Figure(
        "redactions",
        "privacy",
        title,
        f"{(part.n_in_messages or 0) + (part.n_in_thoughts or 0):,} spans in messages and thoughts; {percent(part.share_of_messages_with)} of "
        "the messages carry at least one placeholder.",
        "Share of all replaced spans, by type.",
        ("Type", "Spans", "Share"),
        tuple((b.label, count(b.n), percent(b.share)) for b in bars),
        (),
        lambda width: draw_bars(bars, hue="slate", width=width),
    )


_LANGUAGES = {
    "en": "English", "es": "Spanish", "fr": "French", "de": "German", "it": "Italian", "pt": "Portuguese",
    "nl": "Dutch", "pl": "Polish", "ru": "Russian", "uk": "Ukrainian", "zh": "Chinese", "ja": "Japanese",
    "ko": "Korean", "ar": "Arabic", "he": "Hebrew", "hi": "Hindi", "tr": "Turkish", "sv": "Swedish",
    "da": "Danish", "no": "Norwegian", "fi": "Finnish", "el": "Greek", "cs": "Czech", "ro": "Romanian",
    "hu": "Hungarian", "vi": "Vietnamese", "id": "Indonesian", "th": "Thai", "fa": "Persian",
    "und": "not determined",
}  # fmt: skip


def span_type_name(kind: str) -> str:
    """Return the type of a redacted span as a reader writes it: `Date of birth`, `URL`."""
    return kind if len(kind) <= 4 else kind.replace("_", " ").capitalize()


def language_name(code: str) -> str:
    """Return the English name of a language code, or the code itself."""
    return _LANGUAGES.get(code, code)
