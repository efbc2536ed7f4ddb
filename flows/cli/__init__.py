"""The `thoughttrace` command: one module a group of commands, thin over flows and tasks.

Conventions: progress and messages go to stderr, results to stdout; `--json` prints one JSON document
to stdout; expected errors print one line and exit with the code of `schemas.errors`; `--debug` shows
the traceback. Command modules import heavy libraries inside the functions, so that `--help` is quick.
"""

from __future__ import annotations

from types import ModuleType

from flows.cli import (
    candidates,
    config,
    evaluate,
    published,
    quarantine,
    redact,
    registry,
    release,
    report,
    retag,
    review,
    scrub,
    status,
    synth,
    tag,
    up,
    upkeep,
    verify,
    withdraw,
)

COMMAND_MODULES: tuple[ModuleType, ...] = (
    release,
    candidates,
    status,
    quarantine,
    published,
    verify,
    upkeep,
    retag,
    withdraw,
    redact,
    review,
    report,
    evaluate,
    registry,
    synth,
    scrub,
    config,
    tag,
    up,
)
"""Every module offers `register(app)`; the order is the order of `--help`."""
