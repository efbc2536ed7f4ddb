"""Finished steps by fingerprint: what lets a killed run go on where it stopped.

A step is done when its record exists and every file it names is there with the right size. The record
is written last, so a step that was killed half-way is simply done again. The fingerprint covers
everything that decides the outcome: inputs, settings, schema, taxonomy, prompt and step versions.
Prefect's own cache is not used for this: a run on a fresh Prefect database resumes as well.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from schemas.fields import SCHEMA_VERSION
from schemas.refs import ArtifactRef

if TYPE_CHECKING:
    from tasks.storage.store import Store

WORK = "work"
"""Folder of intermediate files in the private store; holds raw text, deleted after publication."""


def fingerprint_step(step: str, version: int | str, parts: Mapping[str, Any]) -> str:
    """Digest everything that decides a step's outcome.

    Args:
        step: name of the step.
        version: raised whenever the step's code changes what it writes.
        parts: JSON-able inputs: digests of files, settings, versions of engines.

    Returns:
        32 hex characters.
    """
    document = {"step": step, "version": version, "schema": SCHEMA_VERSION, "parts": parts}
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()[:32]


class Checkpoints:
    """Records of finished steps on the private store."""

    def __init__(self, private: Store) -> None:
        self._store = private

    def folder(self, step: str, fingerprint: str) -> str:
        """Key prefix for the files of a step."""
        return f"{WORK}/{step}/{fingerprint}"

    def find(self, step: str, fingerprint: str) -> dict[str, ArtifactRef] | None:
        """Return the files of a finished step, or None when it is not done or a file is gone."""
        key = f"{self.folder(step, fingerprint)}/done.json"
        if self._store.head(key) is None:
            return None
        try:
            record = json.loads(self._store.get(key))
            files = {name: ArtifactRef(**ref) for name, ref in record["files"].items()}
        except (ValueError, KeyError, TypeError):
            return None
        for ref in files.values():
            info = self._store.head(ref.uri)
            if info is None or info.size != ref.n_bytes:
                return None
        return files

    def record(self, step: str, fingerprint: str, files: Mapping[str, ArtifactRef]) -> None:
        """Mark a step as done; called after all its files are written."""
        document = {
            "step": step,
            "files": {
                name: {"uri": r.uri, "sha256": r.sha256, "n_rows": r.n_rows, "n_bytes": r.n_bytes}
                for name, r in files.items()
            },
        }
        key = f"{self.folder(step, fingerprint)}/done.json"
        self._store.put(key, json.dumps(document, sort_keys=True).encode())

    def clear(self) -> int:
        """Delete all intermediate files; returns how many."""
        objects = list(self._store.list(f"{WORK}/"))
        for info in objects:
            self._store.delete(info.key)
        return len(objects)
