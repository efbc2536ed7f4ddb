"""`thoughttrace tag`: label a file of texts, and measure the labels against gold."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.output import console

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
    out: Annotated[Path | None, typer.Option("--out", help="Where to write; default stdout.")] = None,
) -> None:
    """Label every line of FILE in one facet: one line out for each line in.

    A line out holds id, value (values for topics), confidence, abstained and the ranking of all nodes.
    """
    import sys

    from schemas.config import TagSettings
    from schemas.taxonomies import load_taxonomies
    from tasks.tag.lines import format_prediction, read_gold, read_items
    from tasks.tag.lookup import tag_items

    taxonomies = load_taxonomies(files=(taxonomy,) if taxonomy else ())
    if facet not in taxonomies:
        from schemas.errors import UsageError

        raise UsageError(f"unknown facet {facet!r}; known: {', '.join(taxonomies)}")
    if taxonomy is not None and taxonomies[facet].facet != facet:
        raise typer.BadParameter(f"the taxonomy file is not of facet {facet}")
    examples = read_gold(gold, taxonomies) if gold else []
    items = read_items(file, facet)
    predictions = tag_items(taxonomies[facet], items, TagSettings(model=model), examples)
    lines = [format_prediction(p, taxonomies[facet]) for p in predictions]
    text = "".join(f"{line}\n" for line in lines)
    if out is None:
        sys.stdout.write(text)
    else:
        out.write_text(text, encoding="utf-8")
    n_abstained = sum(bool(p.abstained) for p in predictions)
    console.print(f"{len(lines)} lines, {len(lines) - n_abstained} labelled, {n_abstained} abstained")


def register(app: typer.Typer) -> None:
    """Attach `tag`."""
    app.command("tag")(tag)
