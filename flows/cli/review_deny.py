"""`thoughttrace review deny`: a list of values becomes keyed digests in the private store."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from schemas.errors import InputError, UsageError
from tasks.pseudonymise.keys import load_master_key
from tasks.pseudonymise.registry_file import load_registry
from tasks.scrub.deny import make_rules, read_values
from tasks.scrub.deny_file import add_rules, clear_rules, read_rules
from tasks.scrub.spans import SPAN_TYPES

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.storage.store import Store

SOURCE = "deny_list"


def change_deny_list(private: Store, file: Path | None, span_type: str, *, clear: bool) -> dict[str, int]:
    """Add the values of a file to the deny-list; returns counts.

    Args:
        private: the private store.
        file: values, one a line; None adds nothing.
        span_type: type of their spans.
        clear: drop what was given before; values of a redaction stay.

    Raises:
        InputError: the file cannot be read, or a value is too short.
        UsageError: an unknown type.
        KeyMissingError: the id key is missing or not the registry's.
    """
    if span_type not in SPAN_TYPES:
        raise UsageError(f"--type {span_type}: give one of {', '.join(SPAN_TYPES)}")
    rules = None
    if file is not None:
        try:
            text = file.read_text(encoding="utf-8-sig")
        except OSError as error:
            raise InputError(f"cannot read {file}: {error.strerror}") from None
        except UnicodeDecodeError:
            raise InputError(f"{file} is not UTF-8 text; give one value a line") from None
        key = load_registry(private, load_master_key(os.environ)).keys.audit
        values = [(value, span_type, "") for value in read_values(text, file.name)]
        rules = make_rules(key, values, source=SOURCE, now=datetime.now(UTC))
    n_cleared = clear_rules(private, SOURCE) if clear else 0
    n_new = add_rules(private, rules) if rules is not None else 0
    return {"n_new": n_new, "n_cleared": n_cleared, "n_rules": read_rules(private).height}
