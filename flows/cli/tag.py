"""`thoughttrace tag`: label a file of texts, and measure the labels against gold."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.config import ConfigOption
from flows.cli.output import JsonOption, StoreOption, console, print_json

FacetOption = Annotated[
    str, typer.Option("--facet", help="Which question: topic, relationship, reason or reaction.")
]
ModelOption = Annotated[
    str,
    typer.Option(
        "--model", help="`local`, `lexical`, or any litellm model; a comma list is a fallback order."
    ),
]


def tag(
    file: Annotated[
        Path,
        typer.Argument(
            help="JSONL of id, text and, where known, context, position, n_messages; `-` reads stdin."
        ),
    ],
    facet: FacetOption,
    model: ModelOption = "local",
    gold: Annotated[
        Path | None,
        typer.Option(
            "--gold",
            help="Labels to learn from: an export whose thoughts carry labels, or JSONL of id, text, facet, value.",
        ),
    ] = None,
    taxonomy: Annotated[
        Path | None, typer.Option("--taxonomy", help="Taxonomy file to use instead of the newest that ships.")
    ] = None,
    budget: Annotated[
        float, typer.Option("--budget", help="Hard limit for provider calls in USD; 0 means no paid call.")
    ] = 0.0,
    allow_unpriced: Annotated[
        bool, typer.Option("--allow-unpriced", help="Use a model whose price is unknown, counted as 0.")
    ] = False,
    out: Annotated[Path | None, typer.Option("--out", help="Where to write; default stdout.")] = None,
) -> None:
    """Label every line of FILE in one facet: one line out for each line in.

    A line out holds id, value (values for topics), confidence, abstained and the ranking of all nodes.
    """
    import sys
    from datetime import UTC, datetime

    from schemas.config import TagSettings
    from schemas.taxonomies import load_taxonomies
    from tasks.tag.lines import format_prediction, read_gold, read_items
    from tasks.tag.lookup import tag_items

    taxonomies = load_taxonomies(files=(taxonomy,) if taxonomy else ())
    if facet not in taxonomies:
        from schemas.errors import UsageError

        raise UsageError(f"unknown facet {facet!r}; known: {', '.join(taxonomies)}")
    examples = read_gold(gold, taxonomies) if gold else []
    items = read_items(file, facet)
    predictions = tag_items(
        taxonomies[facet],
        items,
        TagSettings(model=model, budget_usd=budget, allow_unpriced=allow_unpriced),
        examples,
        now=datetime.now(UTC),
    )
    lines = [format_prediction(p, taxonomies[facet]) for p in predictions]
    text = "".join(f"{line}\n" for line in lines)
    if out is None:
        sys.stdout.write(text)
    else:
        out.write_text(text, encoding="utf-8")
    n_abstained = sum(bool(p.abstained) for p in predictions)
    console.print(f"{len(lines)} lines, {len(lines) - n_abstained} labelled, {n_abstained} abstained")


gold_app = typer.Typer(
    help="Labels taken as right, to fit and measure the local tagger.", no_args_is_help=True
)


@gold_app.command("import")
def import_gold(
    file: Annotated[
        Path,
        typer.Argument(help="An export whose thoughts carry labels, or JSONL of id, text, facet, value."),
    ],
    store: StoreOption = "",
    config: ConfigOption = None,
    reviewed: Annotated[
        bool, typer.Option("--reviewed", help="People gave these labels; they win over an export's.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Add labels to the private store. Texts are scrubbed first; the next release learns from them."""
    from flows.settings import resolve_settings
    from schemas.taxonomies import load_taxonomies
    from tasks.scrub.jsonl import load_detector
    from tasks.storage.store import open_private, open_store
    from tasks.tag.gold import save_gold
    from tasks.tag.gold_scrub import scrub_gold
    from tasks.tag.lines import read_gold

    settings = resolve_settings(config, {"store": store or None}).settings
    private = open_private(open_store(settings.store), settings.private_store)
    gold = scrub_gold(read_gold(file, load_taxonomies()), load_detector())
    n = save_gold(private, gold, "reviewer" if reviewed else "export")
    if as_json:
        print_json({"labels": n})
    else:
        console.print(f"{n} labels added")


def register(app: typer.Typer) -> None:
    """Attach `tag` and `gold`."""
    app.command("tag")(tag)
    app.add_typer(gold_app, name="gold")
