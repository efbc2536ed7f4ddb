"""`thoughttrace review`: what a person should decide, one kind of question a module.

A kind is a module with the functions of `ReviewKind`; it is imported when it is asked for. `pii` are
uncertain spans of personal data, `labels` are labels to look at; a further kind needs an entry in `KINDS` and nothing else here.
"""

from __future__ import annotations

import importlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol, cast

import typer

from flows.cli.config import ConfigOption
from flows.cli.output import JsonOption, StoreOption, name_user, print_json, print_line
from schemas.errors import ConflictError, InputError, UsageError

if TYPE_CHECKING:
    from tasks.storage.store import Store

KINDS: dict[str, str] = {"pii": "flows.cli.review_pii", "labels": "flows.cli.review_labels"}
"""Name of a kind to the module that answers for it."""
SheetFormat = Literal["csv", "jsonl"]
Verdict = Literal["accept", "reject"]

review_app = typer.Typer(help="What a person should decide before a release.", no_args_is_help=True)


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a reviewer works.

    Attributes:
        store: where releases live.
        private: where queue and decisions lie.
        reviewer: who decides.
    """

    store: Store
    private: Store
    reviewer: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which questions of the queue are meant.

    Attributes:
        ids: ids, or unambiguous beginnings of them.
        types: every question of these types (span types, facets).
        everything: every open question.
    """

    ids: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    everything: bool = False


class ReviewKind(Protocol):
    """What a module offers that answers for a kind of question."""

    def list_open(self, desk: Desk, choice: Choice, *, with_text: bool, limit: int) -> dict[str, Any]:
        """Return the open questions; text only if asked for."""
        ...

    def show_open(self, found: dict[str, Any]) -> None:
        """Print what `list_open` returned, for a person."""
        ...

    def decide(self, desk: Desk, choice: Choice, verdict: Verdict) -> dict[str, Any]:
        """Record a decision on the chosen questions; returns counts."""
        ...

    def undo(self, desk: Desk, choice: Choice) -> dict[str, Any]:
        """Take decisions back; returns counts."""
        ...

    def export_sheet(self, desk: Desk, form: SheetFormat, *, with_text: bool) -> tuple[str, int]:
        """Return a sheet to fill in, and how many questions it holds."""
        ...

    def import_sheet(self, desk: Desk, text: str, form: SheetFormat) -> dict[str, Any]:
        """Record the decisions of a filled-in sheet; returns counts."""
        ...


KindOption = Annotated[str, typer.Option("--kind", help=f"Kind of question: {', '.join(KINDS)}.")]
IdsArgument = Annotated[
    list[str] | None,
    typer.Argument(help="Ids as `list` shows them; a beginning will do.", show_default=False),
]
TypeOption = Annotated[
    list[str] | None,
    typer.Option("--type", help="Every question of this type; may be repeated.", show_default=False),
]
AllOption = Annotated[bool, typer.Option("--all", help="Every open question.")]
ByOption = Annotated[
    str, typer.Option("--by", help="Who decides; the name of the user otherwise.", show_default=False)
]
FormatOption = Annotated[
    str, typer.Option("--format", help="csv or jsonl; by the file's ending otherwise.", show_default=False)
]


@review_app.command("list")
def list_command(
    ids: IdsArgument = None,
    kind: KindOption = "pii",
    types: TypeOption = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Questions shown at most.")] = 50,
    with_text: Annotated[
        bool, typer.Option("--with-text", help="With --json: raw text too. Keep it out of logs.")
    ] = False,
    store: StoreOption = "",
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Show what is undecided, each candidate in its place. This is the one command that shows raw text."""
    module = _open_kind(kind)
    choice = Choice(tuple(ids or ()), tuple(types or ()))
    found = module.list_open(_open_desk(store, config), choice, with_text=with_text or not json, limit=limit)
    if json:
        print_json(found)
    else:
        module.show_open(found)


def _add_command(name: Verdict | Literal["undo"], does: str, done: str) -> None:
    """Attach a command that settles the chosen questions, or opens them again."""

    @review_app.command(name, help=does)
    def settle(
        ids: IdsArgument = None,
        kind: KindOption = "pii",
        types: TypeOption = None,
        everything: AllOption = False,
        by: ByOption = "",
        store: StoreOption = "",
        config: ConfigOption = None,
        json: JsonOption = False,
    ) -> None:
        choice = Choice(tuple(ids or ()), tuple(types or ()), everything)
        # an empty variable of a script must not stand for any question
        if "" in choice.ids or not (choice.ids or choice.types or choice.everything):
            raise UsageError(
                "nothing chosen: give ids from `thoughttrace review list`, --type TYPE, or --all"
            )
        module, desk = _open_kind(kind), _open_desk(store, config, by)
        found = module.undo(desk, choice) if name == "undo" else module.decide(desk, choice, name)
        _tell(found, done, json)


_add_command(
    "accept",
    "Accept findings: personal data is masked, a label is right; here and in every later release.",
    "accepted",
)
_add_command(
    "reject",
    "Reject findings: text stays readable, the second label is right; here and in every later release.",
    "rejected",
)
_add_command("undo", "Take decisions back: what they settled is asked again.", "taken back")


@review_app.command("export")
def export(
    file: Annotated[Path, typer.Argument(help="New file to write: .csv or .jsonl.")],
    kind: KindOption = "pii",
    form: FormatOption = "",
    with_text: Annotated[
        bool,
        typer.Option("--with-text", help="Put the raw text in it; the file is readable by you alone."),
    ] = False,
    store: StoreOption = "",
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Write the queue to a file to fill in: `decision` takes accept or reject, or a label."""
    module = _open_kind(kind)
    text, n_questions = module.export_sheet(
        _open_desk(store, config), _format_of(file, form), with_text=with_text
    )
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ConflictError(f"{file} exists; give a new file") from None
    except OSError as error:
        raise InputError(f"cannot write {file}: {error.strerror}") from None
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as sink:
        sink.write(text)
    if json:
        print_json({"file": str(file), "n_questions": n_questions, "with_text": with_text})
        return
    print_line(f"{n_questions:,} questions written to {file}")


@review_app.command("import")
def import_command(
    file: Annotated[Path, typer.Argument(help="File that `review export` wrote, filled in.")],
    kind: KindOption = "pii",
    form: FormatOption = "",
    by: ByOption = "",
    store: StoreOption = "",
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Record the decisions of a filled-in file; rows without one stay open."""
    module = _open_kind(kind)
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{file} is not UTF-8 text") from None
    found = module.import_sheet(_open_desk(store, config, by), text, _format_of(file, form))
    _tell(found, "recorded", json)


@review_app.command("deny")
def deny(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="Values that are always masked, one a line; read, never stored.", show_default=False
        ),
    ] = None,
    span_type: Annotated[str, typer.Option("--type", help="Type of their spans.")] = "PERSON",
    clear: Annotated[bool, typer.Option("--clear", help="Forget all values given before, first.")] = False,
    store: StoreOption = "",
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Mask these values in every later release, as keyed digests; without a file says how many there are."""
    from flows.cli.review_deny import change_deny_list

    found = change_deny_list(_open_desk(store, config).private, file, span_type.upper(), clear=clear)
    if json:
        print_json(found)
        return
    print_line(
        f"{found['n_new']:,} values added, {found['n_cleared']:,} forgotten; {found['n_rules']:,} values are denied"
    )


def _tell(found: dict[str, Any], what: str, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    print_line(
        f"{found['n_decided']:,} {what}, {found['n_open']:,} still open, {found['n_blocking']:,} of them "
        "block a strict release"
    )


def _open_kind(kind: str) -> ReviewKind:
    if kind not in KINDS:
        raise UsageError(f"--kind {kind}: give one of {', '.join(KINDS)}")
    return cast("ReviewKind", importlib.import_module(KINDS[kind]))


def _open_desk(store: str, config: str | None, by: str = "") -> Desk:
    from flows.settings import resolve_settings
    from tasks.storage.store import open_private, open_store

    settings = resolve_settings(config, {"store": store or None}).settings
    if not settings.store:
        raise UsageError("no store given: use --store, THOUGHTTRACE_STORE or `store` in the settings file")
    opened = open_store(settings.store)
    return Desk(opened, open_private(opened, settings.private_store), by or name_user())


def _format_of(file: Path, form: str) -> SheetFormat:
    chosen = form or file.suffix.lstrip(".").lower()
    if chosen not in {"csv", "jsonl"}:
        raise UsageError(f"{file}: say --format csv or jsonl, or end the name so")
    return cast("SheetFormat", chosen)


def register(app: typer.Typer) -> None:
    """Attach `review`."""
    app.add_typer(review_app, name="review")
