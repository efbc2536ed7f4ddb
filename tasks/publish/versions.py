"""Versions of the data: order, legality and the next one.

Major: a column or id breaks. Minor: new conversations, a taxonomy, new columns. Patch: corrections and
withdrawals. A version is never reused and never goes backwards.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

import polars as pl

from schemas.errors import UsageError
from schemas.params import Bump

FIRST_VERSION = "v1.0.0"
_PATTERN = re.compile(r"v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")


def parse_version(text: str) -> tuple[int, int, int]:
    """Return the numbers of a version such as `v1.4.0`.

    Raises:
        UsageError: it is not one.
    """
    match = _PATTERN.fullmatch(text)
    if match is None:
        raise UsageError(f"not a version: {text!r}; use the form v1.4.0")
    return int(match[1]), int(match[2]), int(match[3])


def is_version(text: str) -> bool:
    """Whether this is a version such as `v1.4.0`."""
    return _PATTERN.fullmatch(text) is not None


def bump_version(version: str, step: Literal["major", "minor", "patch"]) -> str:
    """Return the next version by one step."""
    major, minor, patch = parse_version(version)
    if step == "major":
        return f"v{major + 1}.0.0"
    return f"v{major}.{minor + 1}.0" if step == "minor" else f"v{major}.{minor}.{patch + 1}"


def propose_version(
    published: Iterable[str],
    changes: pl.DataFrame,
    *,
    bump: Bump = "auto",
    is_breaking: bool = False,
    is_schema_extended: bool = False,
    is_taxonomy_changed: bool = False,
) -> str | None:
    """Return the version that the difference calls for, or None when nothing changed.

    Args:
        published: every version ever published, yanked ones too.
        changes: `changes` table against the parent.
        bump: a step that a person has chosen.
        is_breaking: a column or an id of the parent is gone or means something else.
        is_schema_extended: columns were added.
        is_taxonomy_changed: a facet has another taxonomy version.
    """
    versions = sorted(published, key=parse_version)
    if not versions:
        return FIRST_VERSION
    if bump != "auto":
        return bump_version(versions[-1], bump)
    if is_breaking:
        return bump_version(versions[-1], "major")
    different = changes.filter(pl.col("change") != "unchanged", pl.col("n_rows") > 0)
    added = different.filter(pl.col("change") == "added", pl.col("scope") == "conversations")
    if is_taxonomy_changed or is_schema_extended or added.height:
        return bump_version(versions[-1], "minor")
    return bump_version(versions[-1], "patch") if different.height else None


def check_next_version(version: str, published: Iterable[str]) -> None:
    """Refuse a version that is not above every published one.

    Raises:
        UsageError: it goes backwards. A version that exists is not checked here: only the publisher
            can tell its own earlier attempt from another's.
    """
    newest = max(published, key=parse_version, default=None)
    if newest is not None and parse_version(version) <= parse_version(newest):
        raise UsageError(
            f"{version} is not above {newest}, the newest version in the store; "
            f"use {bump_version(newest, 'patch')} or higher"
        )
