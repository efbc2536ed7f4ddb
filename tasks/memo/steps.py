"""Finished steps by fingerprint: what lets a killed run go on where it stopped.

A step is done when its record exists and every file it names is there with the right size. The record
is written last, so a step that was killed half-way is simply done again. The fingerprint covers
everything that decides the outcome: inputs, settings, schema, taxonomy, prompt and step versions.
Prefect's own cache is not used for this: a run on a fresh Prefect database resumes as well.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import polars as pl

from schemas.errors import InternalError, StorageError, ThoughttraceError
from schemas.fields import SCHEMA_VERSION, Table
from schemas.refs import ArtifactRef
from schemas.run import TableSet
from tasks.storage.store import Store
from tasks.storage.tables import write_json, write_table

WORK = "steps"
"""Folder of intermediate files in the private store; holds raw text, deleted after publication."""


class StepFolder:
    """Where a step writes: each file once, by name; remembers what was written."""

    def __init__(self, store: Store, folder: str) -> None:
        self._store = store
        self._folder = folder
        self.files: dict[str, ArtifactRef] = {}

    def table(self, name: str, frame: pl.DataFrame, table: Table, *, sort_by: Sequence[str] = ()) -> None:
        """Write a frame under its table's definition."""
        self.files[name] = write_table(
            self._store, f"{self._folder}/{name}.parquet", frame, table, sort_by=sort_by
        )

    def json(self, name: str, value: Any) -> None:
        """Write a document."""
        self.files[name] = write_json(self._store, f"{self._folder}/{name}.json", value)

    def bytes(self, name: str, data: bytes) -> None:
        """Write a file; `name` carries the suffix."""
        digest = hashlib.sha256(data).hexdigest()
        key = f"{self._folder}/{name}"
        self._store.put(key, data, sha256=digest)
        self.files[name] = ArtifactRef(key, digest, 0, len(data))


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


def run_step(
    private: Store,
    step: str,
    version: int | str,
    parts: Mapping[str, Any],
    build: Callable[[StepFolder], None],
) -> TableSet:
    """Return the files of a step, doing the work only if it is not done already.

    Args:
        private: the private store.
        step: name of the step; also its folder.
        version: see `fingerprint_step`.
        parts: see `fingerprint_step`.
        build: does the work and writes the files; may be called again after a kill.
    """
    fingerprint = fingerprint_step(step, version, parts)
    folder = f"{WORK}/{step}/{fingerprint}"
    done = _find(private, f"{folder}/done.json")
    if done is None:
        target = StepFolder(private, folder)
        _build_safely(step, target, build)
        done = target.files
        record = {"step": step, "files": {name: asdict(ref) for name, ref in done.items()}}
        write_json(private, f"{folder}/done.json", record)
    return TableSet(fingerprint, tuple(done.items()))


def _build_safely(step: str, target: StepFolder, build: Callable[[StepFolder], None]) -> None:
    """Run a step; an error that nobody foresaw may quote data, so only its kind gets out."""
    try:
        build(target)
    except (ThoughttraceError, KeyboardInterrupt):
        raise
    except OSError as error:
        raise StorageError(f"step {step}: {error.strerror or type(error).__name__}") from None
    except Exception as error:
        if os.environ.get("THOUGHTTRACE_DEBUG"):
            raise
        raise InternalError(
            f"unexpected {type(error).__name__} in step {step}; run again with --debug for the traceback"
        ) from None


def clear_work(private: Store) -> int:
    """Delete all intermediate files; returns how many there were."""
    objects = private.list(f"{WORK}/")
    for info in objects:
        private.delete(info.key)
    return len(objects)


def _find(private: Store, key: str) -> dict[str, ArtifactRef] | None:
    if private.head(key) is None:
        return None
    try:
        record = json.loads(private.get(key))
        files = {name: ArtifactRef(**ref) for name, ref in record["files"].items()}
    except (ValueError, KeyError, TypeError):
        return None
    for ref in files.values():
        info = private.head(ref.uri)
        if info is None or info.size != ref.n_bytes:
            return None
    return files
