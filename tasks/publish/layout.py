"""Where things lie in a store: the only place that spells keys."""

from __future__ import annotations

from schemas.errors import UsageError
from tasks.publish.versions import parse_version
from tasks.storage.store import check_key

LATEST = "latest.json"
CHANGELOG = "CHANGELOG.md"
RELEASES = "releases/"
SHARDS = "shards/"
SIGNATURES = "signatures/"
CANDIDATES = "candidates/"
INTENTS = "intents/"
WITHDRAWALS = "withdrawals/"
REDACTIONS = "redactions/"
ADVISORY = "advisory.json"
LOCK = "locks/publish.json"
CHECKSUMS = "SHA256SUMS"
RESERVED = frozenset({"manifest.json", "yanked.json", "purged.json", CHECKSUMS})


def shard(sha256: str) -> str:
    """Key of a base table's file."""
    return f"{SHARDS}{sha256[:2]}/{sha256}.parquet"


def release(version: str, name: str) -> str:
    """Key of a file of a release."""
    parse_version(version)
    return f"{RELEASES}{version}/{name}"


def manifest(version: str) -> str:
    """Key whose creation is the publication."""
    return release(version, "manifest.json")


def yanked(version: str) -> str:
    """Key of the note that a release should not be used any more."""
    return release(version, "yanked.json")


def part(version: str, table: str, number: int) -> str:
    """Key of one file of a reader view."""
    return release(version, f"{table}/part-{number:05d}.parquet")


def side_file(version: str, name: str) -> str:
    """Key of a side file, whose name may hold folders.

    Raises:
        UsageError: the name is the publisher's own, or leaves the release.
    """
    if check_key(name) in RESERVED:
        raise UsageError(f"a side file may not be called {name}")
    return release(version, name)


def purged(version: str) -> str:
    """Key of the note that a release's files were deleted; its manifest stays."""
    return release(version, "purged.json")


def candidate(candidate_id: str) -> str:
    """Key of a candidate's description; it exists when the candidate is complete."""
    return f"{CANDIDATES}{candidate_id}/candidate.json"


def candidate_file(candidate_id: str, sha256: str) -> str:
    """Key of one file of a candidate."""
    return f"{CANDIDATES}{candidate_id}/files/{sha256}"


def intent(publish_id: str) -> str:
    """Key of the note that a publication is under way."""
    return f"{INTENTS}{check_key(publish_id)}.json"


def signature(manifest_sha256: str, key_id: str) -> str:
    """Key of a manifest's signature; named by digest, so that it can be written before the commit."""
    return f"{SIGNATURES}{manifest_sha256}.{key_id}.minisig"


def provenance(manifest_sha256: str) -> str:
    """Key of a manifest's provenance statement."""
    return f"{SIGNATURES}{manifest_sha256}.intoto.json"
