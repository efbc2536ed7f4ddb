"""Files on their way into a release: shards before the commit, views and side files after it.

What counts is looked at once more than seems needed: a collector or a withdrawal may be at work beside us.
What does not count is not asked for: a file that this run makes for the first time is sent without a look.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from schemas.errors import NotFoundError, StaleCandidateError
from schemas.manifest import DataFile, Manifest, SideFile, TableFiles
from tasks.publish import layout
from tasks.publish.releases import read_manifest
from tasks.storage.store import Store
from tasks.storage.transfer import is_in_place, transfer

_WORKERS = 4


def list_shards(tables: Iterable[TableFiles]) -> list[DataFile]:
    """Return the files of these tables, each once."""
    return list({f.sha256: f for t in tables for f in t.files}.values())


def list_carried(private: Store, candidate_id: str) -> set[str]:
    """Return the digests of the files that a candidate carries: those that its parent does not hold."""
    folder = layout.candidate_file(candidate_id, "")
    return {info.key.removeprefix(folder) for info in private.list(folder)}


def upload_shards(
    store: Store,
    private: Store,
    candidate_id: str,
    shards: Iterable[DataFile],
    *,
    unseen: Collection[str] = (),
    then: Callable[[], None] = lambda: None,
) -> None:
    """Bring every shard that is missing from the candidate to the store.

    Args:
        store: where releases live.
        private: where the candidate lies.
        candidate_id: which one.
        shards: files of the base tables.
        unseen: digests that are sent without a look whether the store holds them.
        then: called after each upload.

    Raises:
        StaleCandidateError: a shard is in neither place.
    """

    def upload(file: DataFile) -> None:
        if file.sha256 not in unseen and is_in_place(store, file.path, file.n_bytes, file.sha256):
            return
        try:
            transfer(private, layout.candidate_file(candidate_id, file.sha256), store, file.path, file.sha256)
        except NotFoundError:
            raise StaleCandidateError(
                f"{file.path} was reused from an earlier release and is gone; run the release again"
            ) from None
        then()

    _in_parallel(upload, shards)


def check_shards(store: Store, shards: Iterable[DataFile]) -> None:
    """Look at every shard again.

    Raises:
        StaleCandidateError: one is gone or another.
    """

    def check(file: DataFile) -> None:
        if not is_in_place(store, file.path, file.n_bytes, file.sha256):
            raise StaleCandidateError(f"{file.path} vanished while it was being published; run again")

    _in_parallel(check, shards)


def place_release(store: Store, private: Store, manifest: Manifest) -> None:
    """Put views and side files of a committed release in place, and their check sums last.

    What the store holds already under another name is copied by the server.
    """
    views = [f for t in manifest.views.values() for f in t.files]
    held = _held_files(store, manifest)
    there = {o.key for o in store.list(layout.release(manifest.version, ""))}

    def place(file: DataFile | SideFile) -> None:
        if file.path in there and is_in_place(store, file.path, file.n_bytes, file.sha256):
            return
        if file.sha256 in held:
            with suppress(NotFoundError):
                transfer(store, held[file.sha256], store, file.path, file.sha256)
                return
        source = layout.candidate_file(manifest.candidate_id, file.sha256)
        transfer(private, source, store, file.path, file.sha256)

    _in_parallel(place, [*views, *manifest.side_files])
    store.put(layout.release(manifest.version, layout.CHECKSUMS), checksums(manifest))


def checksums(manifest: Manifest) -> bytes:
    """Return the `SHA256SUMS` of a release: what `sha256sum -c` in its folder checks."""
    prefix = layout.release(manifest.version, "")
    files = [*(f for t in manifest.views.values() for f in t.files), *manifest.side_files]
    lines = sorted(f"{f.sha256}  {f.path.removeprefix(prefix)}\n" for f in files)
    return "".join(lines).encode()


def _held_files(store: Store, manifest: Manifest) -> Mapping[str, str]:
    """Return digest to key of what the store holds: our shards, the parent's views and side files."""
    held = {f.sha256: f.path for f in list_shards(manifest.tables.values())}
    if manifest.parent is not None:
        parent, _ = read_manifest(store, manifest.parent.version)
        shown = [f for t in parent.views.values() for f in t.files]
        held = {f.sha256: f.path for f in [*shown, *parent.side_files]} | held
    return held


def _in_parallel(work: Callable[[Any], None], items: Iterable[Any]) -> None:
    with ThreadPoolExecutor(_WORKERS) as pool:
        for done in [pool.submit(work, item) for item in items]:
            done.result()
