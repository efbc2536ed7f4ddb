"""The typer application and what happens when a command fails."""

from __future__ import annotations

import os
import sys
import traceback
from typing import cast

import typer
from typer.core import TyperGroup

from flows.cli.interrupt import EXIT_INTERRUPTED, tell_interrupted
from flows.cli.output import print_error
from flows.cli.outside import explain_outage
from flows.prefect_env import prepare_prefect
from schemas.errors import ThoughttraceError

app = typer.Typer(
    name="thoughttrace",
    help="Trustworthy, versioned releases of conversation datasets.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)

EXIT_OUTSIDE = 3


def register_commands() -> None:
    """Attach the commands of every module; each module offers `register(app)`. Safe to call twice."""
    from flows.cli import COMMAND_MODULES

    if app.registered_commands or app.registered_groups:
        return
    for module in COMMAND_MODULES:
        module.register(app)


def build_command() -> TyperGroup:
    """The whole command line as one command, for the generated reference and its tests."""
    register_commands()
    return cast("TyperGroup", typer.main.get_command(app))


def main() -> None:
    """Run the command line; never returns."""
    debug = "--debug" in sys.argv
    if debug:
        sys.argv.remove("--debug")
        os.environ["THOUGHTTRACE_DEBUG"] = "1"
    register_commands()
    sys.exit(run(debug=debug))


def run(*, debug: bool) -> int:
    """Run the application on `sys.argv` and return the exit code.

    Args:
        debug: print the traceback of an error.
    """
    # before any command imports Prefect: settings are read once, at its import
    prepare_prefect(quiet=not debug)
    try:
        result = app(standalone_mode=False)
    except ThoughttraceError as error:
        if debug:
            traceback.print_exc()
        print_error(str(error))
        return error.exit_code
    except typer.Exit as stop:
        result = stop.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return tell_interrupted()
    except Exception as error:
        return _report_unexpected(error, debug=debug)
    # typer turns Ctrl-C into an exit code of its own
    if result == EXIT_INTERRUPTED:
        return tell_interrupted()
    return result if isinstance(result, int) else 0


def _report_unexpected(error: Exception, *, debug: bool) -> int:
    # click's usage errors carry their own text and exit code; anything else may quote data, so only
    # its class is shown
    show = getattr(error, "show", None)
    if show is not None:
        show(file=sys.stderr)
        return int(getattr(error, "exit_code", 2))
    if debug:
        traceback.print_exc()
    outage = explain_outage(error)
    if outage:
        print_error(outage)
        return EXIT_OUTSIDE
    if isinstance(error, OSError):
        place = f" ({error.filename})" if isinstance(error.filename, str) else ""
        print_error(f"{error.strerror or type(error).__name__}{place}")
        return 2
    print_error(f"unexpected {type(error).__name__}; run again with --debug for the traceback")
    return 1


if __name__ == "__main__":
    main()
