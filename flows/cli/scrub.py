"""`thoughttrace scrub`: mask personal data in a JSONL file of texts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, get_args

import typer

from schemas.config import Policy, ReviewMode
from schemas.errors import ReviewPendingError, UsageError

FileArgument = Annotated[
    Path,
    typer.Argument(
        help='JSONL of {"id","text","conversation_id"?,"role"?,"field"?}.', exists=True, dir_okay=False
    ),
]


def register(app: typer.Typer) -> None:
    """Attach the command."""
    app.command("scrub")(scrub)


def scrub(
    file: FileArgument,
    out: Annotated[Path | None, typer.Option("--out", help="Write here instead of to stdout.")] = None,
    policy: Annotated[
        str, typer.Option("--policy", help="strict (--review block), as-published (--review mask) or auto.")
    ] = "auto",
    review: Annotated[
        str,
        typer.Option(
            "--review", help="Uncertain spans: block (exit 1), mask, or auto (left as they are and counted)."
        ),
    ] = "auto",
    high_recall: Annotated[
        bool, typer.Option("--high-recall", help="Use two name models: higher recall, about half the speed.")
    ] = False,
) -> None:
    """Mask personal data: one line out for a line in, with the spans in code points of the input.

    Lines that share a conversation_id are read together: a name found in one is masked in all.
    """
    import gc

    if policy not in get_args(Policy):
        raise UsageError(f"--policy {policy}: give one of {', '.join(get_args(Policy))}")
    if review not in get_args(ReviewMode):
        raise UsageError(f"--review {review}: give one of {', '.join(get_args(ReviewMode))}")
    # as in a release: strict waits for a decision, as-published masks what is uncertain
    if review == "auto":
        review = {"strict": "block", "as-published": "mask"}.get(policy, "auto")

    # the models are thousands of long-lived objects: collecting while they load only costs time
    gc.disable()
    from tasks.scrub.jsonl import load_detector, scrub_file

    detector = load_detector(high_recall=high_recall)
    gc.freeze()
    gc.enable()
    with out.open("w", encoding="utf-8", newline="\n") if out else _stdout() as sink:
        report = scrub_file(file, sink, review=review, detector=detector)
    if report.n_undecided:
        message = (
            f"{report.n_undecided} uncertain spans in {report.n_undecided_texts} texts were left as they are"
        )
        if review == "block":
            raise ReviewPendingError(f"{message}; mask them too with --review mask")
        typer.echo(f"{message}; mask them too with --review mask", err=True)
    if report.n_unjudged:
        message = f"{report.n_unjudged} texts are in a language that the name models cannot read"
        if review == "block":
            raise ReviewPendingError(f"{message}; review them by hand, then run with --review mask")
        typer.echo(f"{message}; review them by hand", err=True)


class _stdout:  # noqa: N801 - a context manager used like a function
    """Standard output as UTF-8, left open."""

    def __enter__(self):  # noqa: ANN204
        """Return the stream."""
        import io

        sys.stdout.flush()
        self._stream = io.TextIOWrapper(
            sys.stdout.buffer, encoding="utf-8", newline="\n", write_through=False
        )
        return self._stream

    def __exit__(self, *_: object) -> None:
        """Flush and let go."""
        self._stream.flush()
        self._stream.detach()
