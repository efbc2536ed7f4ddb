"""`thoughttrace synth`: a generated export with known content."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.output import JsonOption, console, print_json


class SynthDialect(StrEnum):
    """Raw formats that can be generated."""

    PUBLISHED = "published"
    FLAT_STUDY = "flat-study"
    SESSION = "session"


def register(app: typer.Typer) -> None:
    """Attach the command."""
    app.command("synth")(synth)


def synth(
    out: Annotated[
        Path, typer.Option("--out", help="File to write; .gz and .zst compress.", show_default=False)
    ],
    conversations: Annotated[
        int, typer.Option("--conversations", "-n", min=0, help="Conversations to generate.")
    ] = 200,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Same seed and options, same bytes.")] = 1,
    dialect: Annotated[
        SynthDialect, typer.Option("--dialect", help="Raw format to write.")
    ] = SynthDialect.PUBLISHED,
    truth: Annotated[
        Path | None,
        typer.Option("--truth", help="JSONL file that says what was planted where.", show_default=False),
    ] = None,
    short: Annotated[
        bool, typer.Option("--short", help="Short answers (about 200 characters), for quick trials.")
    ] = False,
    labels: Annotated[
        bool, typer.Option("--labels/--no-labels", help="Whether thoughts carry their label.")
    ] = True,
    bad_share: Annotated[
        float, typer.Option("--bad-share", min=0, max=1, help="Share of lines that break a rule.")
    ] = 0.0,
    pii_share: Annotated[
        float, typer.Option("--pii-share", min=0, max=1, help="Share of user messages with personal data.")
    ] = 0.06,
    oddity_share: Annotated[
        float,
        typer.Option(
            "--oddity-share",
            min=0,
            max=1,
            help="Share of messages with hostile or unusual text: HTML, bidi marks, prompt injections.",
        ),
    ] = 0.001,
    non_english: Annotated[
        float,
        typer.Option("--non-english", min=0, max=1, help="Share of participants who write another language."),
    ] = 0.08,
    as_json: JsonOption = False,
) -> None:
    """Write an invented export of any size, and the truth about what is in it."""
    from tasks.synth.export import generate, write_export

    export = generate(
        conversations,
        seed,
        dialect.value,
        short=short,
        labels=labels,
        bad_share=bad_share,
        pii_share=pii_share,
        oddity_share=oddity_share,
        non_english=non_english,
    )
    written = write_export(export, out, truth)
    if as_json:
        print_json(
            {
                "out": str(out),
                "truth": str(truth) if truth else None,
                "n_conversations": written.n_conversations,
                "n_messages": written.n_messages,
                "n_lines": written.n_lines,
                "n_bytes": written.n_bytes,
            }
        )
        return
    console.print(
        f"{written.n_conversations:,} conversations, {written.n_messages:,} messages, "
        f"{written.n_bytes / 1e6:,.1f} MB before compression: {out}",
        markup=False,
        soft_wrap=True,
    )
