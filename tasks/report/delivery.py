"""Getting the report page of a published release as a file that a browser can open."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import NotFoundError, UsageError, VerificationError
from tasks.publish import layout
from tasks.publish.releases import read_manifest, require_files, resolve_version
from tasks.storage.store import Store, local_path

PAGE = "report.html"


@dataclass(frozen=True, slots=True)
class DeliveredPage:
    """A report page on this machine."""

    version: str
    path: Path
    sha256: str


def fetch_report(store: Store, version: str, out: Path | None = None) -> DeliveredPage:
    """Return the page of a release as a local file, checked against the manifest.

    Args:
        store: where the release is.
        version: a version or `latest`.
        out: where to copy the page; without it a local store's page is used in place, another's is
            copied to the folder for temporary files under a name that holds its digest.

    Raises:
        NotFoundError: no such release, or it was made without a report.
        UsageError: `out` is a folder.
        VerificationError: the page is not the one that was published.
    """
    version = resolve_version(store, version)
    manifest, _ = read_manifest(store, version)
    require_files(store, version)
    key = layout.side_file(version, PAGE)
    listed = next((f for f in manifest.side_files if f.path == key), None)
    if listed is None:
        raise NotFoundError(f"release {version} was published without a report page")
    content = store.get(key)
    if hashlib.sha256(content).hexdigest() != listed.sha256:
        raise VerificationError(
            f"{key} was altered: its digest is not the manifest's; run `thoughttrace verify`"
        )
    root = local_path(store.uri)
    if out is None and root is not None:
        return DeliveredPage(version, root / key, listed.sha256)
    target = out or Path(tempfile.gettempdir()) / f"thoughttrace-{version}-{listed.sha256[:12]}.html"
    if target.is_dir():
        raise UsageError(f"{target} is a folder; name a file")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    return DeliveredPage(version, target, listed.sha256)
