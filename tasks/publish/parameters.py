"""What is kept beside a candidate: the call that stages it again, and its intermediate files to delete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from schemas.errors import NotFoundError, UsageError
from tasks.memo.steps import clear_steps
from tasks.publish.layout import CANDIDATES
from tasks.storage.store import Store
from tasks.storage.tables import read_json, write_json


def write_call(private: Store, candidate_id: str, call: Mapping[str, Any]) -> None:
    """Keep beside a candidate which flow staged it and with which parameters; empty: no flow can do it again."""
    write_json(private, _key(candidate_id), dict(call))


def read_call(private: Store, candidate_id: str) -> tuple[str, dict[str, Any]]:
    """Return the name and the parameters of the flow that staged a candidate.

    Raises:
        UsageError: they were not kept: a patch of a withdrawal or redaction, or another version of this tool.
    """
    try:
        kept: dict[str, Any] = read_json(private, _key(candidate_id))
    except NotFoundError:
        kept = {}
    if not {"flow", "parameters"} <= kept.keys():
        raise UsageError(
            f"candidate {candidate_id} keeps its version: how it was staged is not known. Approve it without "
            "--set-version, or reject it and repeat its command with another version"
        )
    return str(kept["flow"]), dict(kept["parameters"])


def write_steps(private: Store, candidate_id: str, folders: Sequence[str]) -> None:
    """Note beside a candidate which folders of intermediate files it was made from."""
    write_json(private, _steps_key(candidate_id), list(folders))


def clear_steps_of(private: Store, candidate_id: str) -> int:
    """Delete the intermediate files that a candidate was made from; returns how many there were."""
    try:
        folders: list[str] = read_json(private, _steps_key(candidate_id))
    except NotFoundError:
        return 0
    return clear_steps(private, folders)


def _key(candidate_id: str) -> str:
    return f"{CANDIDATES}{candidate_id}/parameters.json"


def _steps_key(candidate_id: str) -> str:
    return f"{CANDIDATES}{candidate_id}/steps.json"
