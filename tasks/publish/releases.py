"""Reading what is published: the manifests decide."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl
from pydantic import ValidationError

from schemas.errors import NotFoundError, UsageError, VerificationError
from schemas.fields import TABLES, VIEWS
from schemas.manifest import MANIFEST_FORMAT, Manifest, TableFiles
from tasks.publish import layout
from tasks.publish.partitions import sort_table
from tasks.publish.versions import is_version, parse_version
from tasks.storage.store import Store


@dataclass(frozen=True, slots=True)
class Release:
    """A published release.

    Attributes:
        manifest: what it consists of.
        sha256: digest of the manifest's bytes.
        is_yanked: whether its use is discouraged; the files stay.
        note: what a command may add, such as that nothing was left to do.
    """

    manifest: Manifest
    sha256: str
    is_yanked: bool = False
    note: str = ""

    @property
    def version(self) -> str:
        """Version of the data."""
        return self.manifest.version


def list_versions(store: Store) -> list[str]:
    """Return every published version, yanked ones too, oldest first."""
    return sorted(_read_states(store)["manifest.json"], key=parse_version)


def list_releases(store: Store) -> list[Release]:
    """Return every release, oldest first."""
    states = _read_states(store)
    found: list[Release] = []
    for version in sorted(states["manifest.json"], key=parse_version):
        manifest, digest = read_manifest(store, version)
        found.append(Release(manifest, digest, version in states["yanked.json"]))
    return found


def read_manifest(store: Store, version: str) -> tuple[Manifest, str]:
    """Return the manifest of a version and the digest of its bytes.

    Raises:
        NotFoundError: no such release.
        UsageError: it was made by a newer version of this tool.
        VerificationError: it cannot be read.
    """
    try:
        data = store.get(layout.manifest(version))
    except NotFoundError:
        raise NotFoundError(f"no release {version} in {store.uri}") from None
    return parse_manifest(data, version), hashlib.sha256(data).hexdigest()


def parse_manifest(data: bytes, version: str) -> Manifest:
    """Return the manifest that these bytes hold; see `read_manifest`."""
    try:
        document = json.loads(data)
        declared = str(document.get("format", ""))
    except (ValueError, AttributeError):
        raise VerificationError(f"the manifest of {version} is not JSON; it was damaged") from None
    if declared != MANIFEST_FORMAT:
        raise UsageError(
            f"the manifest of {version} has the format {declared!r}, this version reads "
            f"{MANIFEST_FORMAT!r}; upgrade thoughttrace"
        )
    try:
        return Manifest.model_validate(document)
    except ValidationError as error:
        where = ".".join(str(p) for p in error.errors()[0]["loc"])
        raise VerificationError(
            f"the manifest of {version} is not valid at {where}; it was damaged"
        ) from None


def resolve_version(store: Store, version: str) -> str:
    """Return the version that a person means: itself, or the newest one for `latest`.

    Raises:
        NotFoundError: nothing is published, or not this version.
    """
    if version != "latest":
        parse_version(version)
        if store.head(layout.manifest(version)) is None:
            raise NotFoundError(f"no release {version} in {store.uri}")
        return version
    newest = latest_version(store)
    if newest is None:
        raise NotFoundError(f"no release in {store.uri}")
    return newest


def latest_version(store: Store) -> str | None:
    """Return the newest version that is not yanked, from the releases themselves."""
    states = _read_states(store)
    usable = states["manifest.json"] - states["yanked.json"] - states["purged.json"]
    return max(usable, key=parse_version, default=None)


def read_tables(
    store: Store, manifest: Manifest, names: Iterable[str] | None = None, *, views: bool = False
) -> dict[str, pl.DataFrame]:
    """Return tables of a release, each in its canonical order.

    Args:
        store: where the release is.
        manifest: its manifest.
        names: which tables; None means all.
        views: the reader views instead of the base tables.

    Raises:
        VerificationError: a file's digest differs.
        NotFoundError: a file is gone.
    """
    group = manifest.views if views else manifest.tables
    definitions = VIEWS if views else TABLES
    wanted = list(group) if names is None else list(names)
    return {
        name: sort_table(name, _read_files(store, group[name], definitions[name].empty())) for name in wanted
    }


def load_release(
    store: Store, version: str = "latest", names: Iterable[str] | None = None
) -> tuple[Release, dict[str, pl.DataFrame]]:
    """Return a release and its base tables.

    Args:
        store: where the release is.
        version: which one.
        names: tables to read; None means all.

    Raises:
        NotFoundError: no such release, or its files were deleted.
        VerificationError: a file's digest differs.
    """
    version = resolve_version(store, version)
    require_files(store, version)
    manifest, digest = read_manifest(store, version)
    is_yanked = store.head(layout.yanked(version)) is not None
    return Release(manifest, digest, is_yanked), read_tables(store, manifest, names)


def is_purged(store: Store, version: str) -> bool:
    """Whether the files of a release were deleted after a withdrawal; its manifest stays."""
    return store.head(layout.purged(version)) is not None


def require_files(store: Store, version: str) -> None:
    """Refuse a release whose files were deleted.

    Raises:
        NotFoundError: they were; says what to use instead.
    """
    if is_purged(store, version):
        newest = latest_version(store)
        instead = f"; use {newest}" if newest else ""
        note = json.loads(store.get(layout.purged(version)))
        why = "personal data was found in it" if note.get("why") == "redaction" else "participants withdrew"
        raise NotFoundError(f"the files of {version} were deleted because {why}{instead}")


def read_partitions(store: Store, manifest: Manifest) -> pl.DataFrame:
    """Return conversation_id and partition (string) of a release."""
    frames = [
        pl.read_parquet(io.BytesIO(store.get(f.path)), columns=["conversation_id"]).with_columns(
            partition=pl.lit(f.partition)
        )
        for f in manifest.tables["conversations"].files
    ]
    empty = pl.DataFrame(schema={"conversation_id": pl.String(), "partition": pl.String()})
    return pl.concat([empty, *frames])


def _read_files(store: Store, table: TableFiles, empty: pl.DataFrame) -> pl.DataFrame:
    frames = [empty]
    for file in table.files:
        data = store.get(file.path)
        if hashlib.sha256(data).hexdigest() != file.sha256:
            raise VerificationError(f"{file.path} was altered: its digest is not the manifest's")
        frames.append(pl.read_parquet(io.BytesIO(data)))
    # an older release may lack columns that were added since
    return pl.concat(frames, how="diagonal") if len(frames) > 1 else empty


def _read_states(store: Store) -> dict[str, set[str]]:
    """Return the versions that have a manifest, a yank note, a purge note: one look at the store."""
    found: dict[str, set[str]] = {name: set() for name in ("manifest.json", "yanked.json", "purged.json")}
    for info in store.list(layout.RELEASES):
        parts = info.key.split("/")
        if len(parts) == 3 and parts[2] in found and is_version(parts[1]):
            found[parts[2]].add(parts[1])
    return found
