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
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import Any

import polars as pl

from schemas.errors import InternalError, NotFoundError, StorageError, ThoughttraceError
from schemas.fields import SCHEMA_VERSION, Table
from schemas.refs import ArtifactRef
from schemas.run import TableSet
from tasks.storage.store import Store
from tasks.storage.tables import write_json, write_table

WORK = "steps"
"""Folder of intermediate files in the private store; holds raw text, deleted after publication."""
_QUICK_LEVEL = 1
"""Compression of tables that are read once or twice and deleted: on messages the usual level 6 takes three times as
long, for a sixth less."""
_DIGEST = re.compile(r"[0-9a-f]{32}|[0-9a-f]{64}")


class StepFolder:
    """Where a step writes: each file once, by name; remembers what was written."""

    def __init__(self, store: Store, folder: str) -> None:
        self._store = store
        self._folder = folder
        self.files: dict[str, ArtifactRef] = {}

    def table(self, name: str, frame: pl.DataFrame, table: Table, *, sort_by: Sequence[str] = ()) -> None:
        """Write a frame under its table's definition."""
        key = f"{self._folder}/{name}.parquet"
        self.files[name] = write_table(
            self._store, key, frame, table, sort_by=sort_by, zstd_level=_QUICK_LEVEL
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
        with telling_no_data(f"step {step}"):
            build(target)
        done = target.files
        files = {name: asdict(ref) for name, ref in done.items()}
        record = {"step": step, "files": files, "uses": sorted(set(_list_digests(parts)))}
        write_json(private, f"{folder}/done.json", record)
    return TableSet(fingerprint, tuple(done.items()))


@contextmanager
def telling_no_data(what: str) -> Generator[None]:
    """Let expected errors through; one that nobody foresaw may quote data, so only its kind gets out.

    Args:
        what: what is being done, for the message: `step scrub`.

    Raises:
        StorageError: the operating system refused something.
        InternalError: an error of any other kind; `--debug` shows it as it is.
    """
    try:
        yield
    except (ThoughttraceError, KeyboardInterrupt):
        raise
    except OSError as error:
        raise StorageError(f"{what}: {error.strerror or type(error).__name__}") from None
    except Exception as error:
        if os.environ.get("THOUGHTTRACE_DEBUG"):
            raise
        raise InternalError(
            f"unexpected {type(error).__name__} in {what}; run again with --debug for the traceback"
        ) from None


def list_folders(steps: Iterable[TableSet]) -> list[str]:
    """Return the folders that hold the files of these steps."""
    return sorted({ref.uri.rpartition("/")[0] for step in steps for _, ref in step.files})


def clear_steps(private: Store, folders: Iterable[str]) -> int:
    """Delete the steps in these folders and all that they were made from; returns the number of files.

    Steps of other runs on the same store stay, unless they share an input with these: then that run
    does the shared step again. Safe to repeat after a kill: what names others goes after them.
    """
    folders = [_step_folder(f) for f in folders]
    records: dict[str, dict[str, Any]] = {}
    objects: dict[str, list[str]] = {}
    for info in private.list(f"{WORK}/"):
        folder = _step_folder(info.key)
        objects.setdefault(folder, []).append(info.key)
        if info.key.endswith("/done.json"):
            with suppress(NotFoundError, ValueError):
                records[folder] = json.loads(private.get(info.key))
    # a step names another by its fingerprint, or a file of it; a copy of a file may lie in several
    holders: dict[str, set[str]] = {}
    for folder, record in records.items():
        for digest in (folder.rpartition("/")[2], *(ref["sha256"] for ref in record["files"].values())):
            holders.setdefault(digest, set()).add(folder)
    found: dict[str, None] = {}
    while folders:
        folder = folders.pop()
        if folder not in found:
            found[folder] = None
            used = records.get(folder, {}).get("uses", ())
            folders += [holder for digest in used for holder in holders.get(digest, ())]
    # a step was found after one that names it; its record goes last, and does not count without its files
    keys = [
        key
        for folder in reversed(found)
        for key in sorted(objects.get(folder, ()), key=lambda key: key.endswith("/done.json"))
    ]
    for key in keys:
        private.delete(key)
    return len(keys)


def _step_folder(key: str) -> str:
    """`work/<step>/<fingerprint>` of a file or folder below it."""
    return "/".join(key.split("/")[:3])


def _list_digests(value: Any) -> Iterator[str]:
    """Yield every digest in the parts of a fingerprint: those of other steps are among them."""
    if isinstance(value, str):
        if _DIGEST.fullmatch(value):
            yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _list_digests(inner)
    elif isinstance(value, Sequence):
        for inner in value:
            yield from _list_digests(inner)


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
