"""What is kept beside a candidate: parameters to stage it again, and its intermediate files to delete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from schemas.errors import NotFoundError, UsageError
from tasks.memo.steps import clear_steps
from tasks.publish.layout import CANDIDATES
from tasks.storage.store import Store
from tasks.storage.tables import read_json, write_json


def write_parameters(private: Store, candidate_id: str, parameters: Mapping[str, Any]) -> None:
    """Keep the flow parameters beside a candidate."""
    write_json(private, _key(candidate_id), dict(parameters))


def read_parameters(private: Store, candidate_id: str) -> dict[str, Any]:
    """Return the flow parameters of the run that staged a candidate.

    Raises:
        UsageError: they are not there.
    """
    try:
        loaded: dict[str, Any] = read_json(private, _key(candidate_id))
    except NotFoundError:
        raise UsageError(
            f"the run of candidate {candidate_id} is not known; run `thoughttrace release … --set-version`"
        ) from None
    return loaded


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
