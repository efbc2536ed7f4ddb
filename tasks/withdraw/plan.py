"""Withdrawal of participants: request, plan, a release without them, and the proof that they are gone.

The request comes first and stays: from then on no candidate that holds them can be published. What
follows is decided by the state of the store, so a run that was cut short is completed by repeating it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from schemas.errors import ConflictError, NotFoundError
from schemas.fields import FUNNEL
from tasks.publish import layout
from tasks.publish.releases import is_purged, latest_version, list_releases, read_tables
from tasks.publish.versions import bump_version, parse_version
from tasks.storage.store import Store
from tasks.storage.tables import canonical_json, read_json
from tasks.withdraw.mentions import compile_mentions, count_mentions

STAGE = "withdraw"
_COUNTED = ("participants", "conversations", "messages", "thoughts")


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked.

    Attributes:
        request_id: digest of the ids, so that asking twice is asking once.
        participant_ids: public ids; kept in the private store only.
        at: time of the first request.
    """

    request_id: str
    participant_ids: tuple[str, ...]
    at: str


@dataclass(frozen=True, slots=True)
class Affected:
    """A release that holds some of them."""

    version: str
    is_yanked: bool
    n_rows: dict[str, int]


@dataclass(frozen=True, slots=True)
class WithdrawalPlan:
    """What a withdrawal will do.

    Attributes:
        request_id: whose plan it is.
        releases: releases that hold them, oldest first.
        line: latest release, from which the patch is made; None if it does not hold them.
        patch: version of the patch; None where none is needed.
    """

    request_id: str
    releases: tuple[Affected, ...]
    line: str | None
    patch: str | None


def make_request(participant_ids: Iterable[str], now: datetime) -> Request:
    """Return the request for these participants."""
    ids = tuple(sorted(set(participant_ids)))
    digest = hashlib.sha256(canonical_json(ids)).hexdigest()[:16]
    return Request(digest, ids, now.isoformat(timespec="seconds"))


def file_request(private: Store, request: Request) -> None:
    """Write the request, once; from now on it binds every publication."""
    with suppress(ConflictError):
        document = {"request_id": request.request_id, "participant_ids": request.participant_ids}
        private.create(_key(request.request_id, "request"), canonical_json({**document, "at": request.at}))


def read_requests(private: Store) -> list[Request]:
    """Return every request ever made."""
    found: list[Request] = []
    for info in private.list(layout.WITHDRAWALS):
        if info.key.endswith("/request.json"):
            document = read_json(private, info.key)
            found.append(Request(document["request_id"], tuple(document["participant_ids"]), document["at"]))
    return found


def honoured_requests(private: Store, participant_ids: Collection[str]) -> list[str]:
    """Return the ids of the requests that a release with these participants honours."""
    present = set(participant_ids)
    return sorted(r.request_id for r in read_requests(private) if not present.intersection(r.participant_ids))


def plan_withdrawal(store: Store, private: Store, request: Request) -> WithdrawalPlan:
    """Return what has to be done; made once for a request and kept, so that a repeat does the same.

    A new plan is made when releases have appeared since that hold them (a race with a publisher).
    """
    known: WithdrawalPlan | None = None
    with suppress(NotFoundError):
        known = _plan_from(read_json(private, _key(request.request_id, "plan")))
    releases = {a.version: a for a in (known.releases if known else ())}
    for release in list_releases(store):
        if release.version not in releases and not is_purged(store, release.version):
            tables = read_tables(store, release.manifest, (*_COUNTED, "labels"))
            counts = count_rows_of(tables, request.participant_ids)
            if any(counts.values()):
                releases[release.version] = Affected(release.version, release.is_yanked, counts)
    if known is not None and len(releases) == len(known.releases):
        return known
    line = latest_version(store)
    if line not in releases:
        line = None
    newest = max((r.version for r in list_releases(store)), key=parse_version, default=None)
    plan = WithdrawalPlan(
        request.request_id,
        tuple(releases[v] for v in sorted(releases, key=parse_version)),
        line,
        bump_version(newest, "patch") if line and newest else None,
    )
    private.put(_key(request.request_id, "plan"), canonical_json(_plan_to(plan)))
    return plan


def count_rows_of(tables: Mapping[str, pl.DataFrame], participant_ids: Collection[str]) -> dict[str, int]:
    """Return how many rows of each table belong to these participants."""
    rest = remove_participants(tables, participant_ids)
    return {name: frame.height - rest[name].height for name, frame in tables.items()}


def remove_participants(
    tables: Mapping[str, pl.DataFrame], participant_ids: Collection[str]
) -> dict[str, pl.DataFrame]:
    """Return base tables without these participants and everything that is theirs; nothing else changes."""
    is_theirs = pl.col("participant_id").is_in(list(participant_ids))
    gone = tables["conversations"].filter(is_theirs).select("conversation_id")
    kept = dict(tables)
    for name in ("participants", "conversations"):
        kept[name] = tables[name].filter(~is_theirs)
    for name in ("messages", "thoughts"):
        kept[name] = tables[name].join(gone, on="conversation_id", how="anti", maintain_order="left")
    items = pl.concat(
        [
            gone.select(item_id="conversation_id"),
            tables["messages"].join(gone, on="conversation_id", how="semi").select(item_id="message_id"),
            tables["thoughts"].join(gone, on="conversation_id", how="semi").select(item_id="thought_id"),
        ]
    )
    kept["labels"] = tables["labels"].join(items, on="item_id", how="anti", maintain_order="left")
    return kept


def extend_funnel(
    before: Mapping[str, pl.DataFrame], after: Mapping[str, pl.DataFrame], funnel: pl.DataFrame
) -> pl.DataFrame:
    """Return the funnel with the withdrawal as a further stage; an earlier one is added to."""
    earlier = {
        row["table_name"]: row for row in funnel.filter(pl.col("stage") == STAGE).iter_rows(named=True)
    }
    rows: list[dict[str, Any]] = []
    for name in _COUNTED:
        n_in = earlier[name]["n_in"] if name in earlier else before[name].height
        n_out = after[name].height
        counts = {"n_in": n_in, "n_out": n_out, "n_quarantined": 0, "n_removed": n_in - n_out}
        rows.append({"stage": STAGE, "table_name": name, **counts})
    added = pl.DataFrame(rows, schema=FUNNEL.polars_schema())
    return pl.concat([funnel.filter(pl.col("stage") != STAGE), added])


def find_mentions(store: Store, names: Collection[str], *, yanked_too: bool = False) -> dict[str, int]:
    """Return the files of the visible releases that still speak of these ids, with how often.

    Args:
        store: where the releases are.
        names: public ids and raw ids.
        yanked_too: search the yanked releases as well.
    """
    pattern = compile_mentions(names)
    keys = {layout.CHANGELOG, layout.LATEST, *(o.key for o in store.list(layout.SIGNATURES))}
    for release in list_releases(store):
        if is_purged(store, release.version) or (release.is_yanked and not yanked_too):
            continue
        keys.update(o.key for o in store.list(layout.release(release.version, "")))
        keys.update(f.path for t in release.manifest.tables.values() for f in t.files)
    found: dict[str, int] = {}
    for key in sorted(keys):
        with suppress(NotFoundError):
            n_mentions = count_mentions(store.get(key), key, pattern)
            if n_mentions:
                found[key] = n_mentions
    return found


def _key(request_id: str, name: str) -> str:
    return f"{layout.WITHDRAWALS}{request_id}/{name}.json"


def _plan_to(plan: WithdrawalPlan) -> dict[str, Any]:
    releases = [{"version": a.version, "is_yanked": a.is_yanked, "n_rows": a.n_rows} for a in plan.releases]
    return {"request_id": plan.request_id, "releases": releases, "line": plan.line, "patch": plan.patch}


def _plan_from(document: Mapping[str, Any]) -> WithdrawalPlan:
    releases = tuple(Affected(**entry) for entry in document["releases"])
    return WithdrawalPlan(document["request_id"], releases, document["line"], document["patch"])
