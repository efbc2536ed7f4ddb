"""The parameters of the run that staged a candidate, so that it can be staged again under another version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.errors import NotFoundError, UsageError
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


def _key(candidate_id: str) -> str:
    return f"{CANDIDATES}{candidate_id}/parameters.json"
