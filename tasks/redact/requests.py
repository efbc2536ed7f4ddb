"""Redaction requests: filed once, binding for every later publication; which releases hold what leaked."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import polars as pl

from schemas.errors import ConflictError, NotFoundError
from tasks.publish import layout
from tasks.publish.releases import is_purged, list_releases
from tasks.publish.versions import parse_version
from tasks.redact.texts import count_hits, read_texts
from tasks.scrub.deny import DenyList
from tasks.scrub.deny_file import read_rules
from tasks.storage.store import Store
from tasks.storage.tables import canonical_json, read_json


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked; holds no text.

    Attributes:
        request_id: keyed digest of the list, so that asking twice is asking once.
        rules: digests of the values, see `scrub_deny`.
        types: types of the spans, ordered.
        at: time of the first request.
    """

    request_id: str
    rules: tuple[str, ...]
    types: tuple[str, ...]
    at: str


@dataclass(frozen=True, slots=True)
class Affected:
    """A release that holds leaked values: how often, in how many conversations."""

    version: str
    is_yanked: bool
    n_spans: int
    n_conversations: int


def name_request(key: bytes, data: bytes) -> str:
    """Return the id of the request that a list makes."""
    return hmac.digest(key, b"redaction\0" + data, "sha256").hex()[:16]


def file_request(private: Store, request_id: str, rules: pl.DataFrame, now: datetime) -> None:
    """Write the request, once; from now on no candidate staged before it can be published.

    Args:
        private: the private store.
        request_id: see `name_request`.
        rules: schema `scrub_deny`.
        now: time of the request.
    """
    document = {
        "request_id": request_id,
        "rules": rules["value_hmac"].to_list(),
        "types": rules["type"].unique().sort().to_list(),
        "at": now.isoformat(),
    }
    with suppress(ConflictError):
        private.create(_key(request_id, "request"), canonical_json(document))


def read_request(private: Store, request_id: str) -> Request | None:
    """Return a request; None where it was never made."""
    try:
        document = read_json(private, _key(request_id, "request"))
    except NotFoundError:
        return None
    return Request(document["request_id"], tuple(document["rules"]), tuple(document["types"]), document["at"])


def deny_of(private: Store, key: bytes, request: Request) -> DenyList:
    """Return what finds the values of a request."""
    rules = read_rules(private).filter(pl.col("value_hmac").is_in(list(request.rules)))
    return DenyList(key, rules)


def honoured_redactions(private: Store, started_at: datetime) -> list[str]:
    """Return the ids of the requests that a run started at this time knew of, so masks."""
    found: list[str] = []
    for info in private.list(layout.REDACTIONS):
        if info.key.endswith("/request.json"):
            document = read_json(private, info.key)
            if datetime.fromisoformat(document["at"]) <= started_at:
                found.append(document["request_id"])
    return sorted(found)


def find_affected(store: Store, private: Store, request_id: str, deny: DenyList) -> list[Affected]:
    """Return the releases that hold the values, oldest first; remembered, because a purge forgets.

    Without a request nothing is written.
    """
    known: dict[str, Affected | None] = {}
    key = _key(request_id, "plan")
    if request_id and private.head(key) is not None:
        plan = read_json(private, key)
        known = {row["version"]: Affected(**row) for row in plan["affected"]} | dict.fromkeys(plan["clean"])
    for release in list_releases(store):
        if release.version not in known and not is_purged(store, release.version):
            n_spans, n_conversations = count_hits(read_texts(store, release.manifest), deny)
            hit = Affected(release.version, release.is_yanked, n_spans, n_conversations)
            known[release.version] = hit if n_spans else None
    affected = [known[v] for v in sorted(known, key=parse_version)]
    found = [a for a in affected if a is not None]
    if request_id:
        clean = sorted(v for v, a in known.items() if a is None)
        private.put(key, canonical_json({"affected": [asdict(a) for a in found], "clean": clean}))
    return found


def write_receipt(private: Store, request_id: str, receipt: Mapping[str, Any]) -> None:
    """Write what was done, as counts; the last one wins."""
    private.put(_key(request_id, "receipt"), canonical_json(receipt))


def _key(request_id: str, name: str) -> str:
    return f"{layout.REDACTIONS}{request_id}/{name}.json"
