"""Purging the private store: files lose the rows of withdrawn participants, or go as a whole.

| what | how |
|---|---|
| `registry/`, `withdrawals/`, `redactions/` | stay: later exports are filtered by them |
| intermediate files | go whole: they hold raw text under raw ids, and any run makes them again |
| candidates | go whole where they speak of somebody, or were staged before the request |
| `evaluations/` | go whole where made from a purged release, or where they speak of somebody |
| memos of vectors and answers | keep the entries of texts that a remaining release holds |
| other memos | go whole: keyed digests of raw text, which nobody can tell apart; heads fitted on gold |
| gold | loses the rows of their conversations and of their texts |
| everything else (audit, review queue, decisions) | loses the rows that name them |
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress

import polars as pl

from schemas.errors import NotFoundError
from tasks.memo.parts import text_key
from tasks.memo.steps import WORK
from tasks.publish import layout
from tasks.publish.candidate import read_candidate
from tasks.storage.store import ObjectInfo, Store
from tasks.withdraw.mentions import Finder, compile_mentions, count_mentions, drop_mentions, encode_rows
from tasks.withdraw.purge import PurgeReport
from tasks.withdraw.traces import Traces

_STAY = ("registry/", layout.WITHDRAWALS, layout.REDACTIONS, "locks/", layout.INTENTS)
_MEMO, _GOLD, _EVALUATIONS = "memo/", "gold/", "evaluations/"
_MEMO_KEYS = {"memo/vectors/": "key", "memo/labels/": "text_key"}
"""Memos whose entries name a text, and the column that does."""
_DIGEST = re.compile(r"[0-9a-f]{64}")


def purge_private(
    private: Store,
    names: Collection[str],
    report: PurgeReport,
    *,
    traces: Traces | None = None,
    request_id: str = "",
    finder: Finder | None = None,
) -> PurgeReport:
    """Delete or rewrite every private file that speaks of these people; safe to repeat.

    Args:
        private: the private store.
        names: public ids and, where they are known, raw ones.
        report: is added to and returned; its versions are those whose evaluations go.
        traces: their texts and everybody else's; without them the whole memo goes.
        request_id: candidates that honour this request stay.
        finder: what tells whether a row speaks of them, where it is not their ids.
    """
    pattern: Finder = finder or compile_mentions(names)
    groups: dict[str, list[ObjectInfo]] = {layout.CANDIDATES: [], _EVALUATIONS: []}
    for info in private.list():
        if info.key.startswith(_STAY):
            continue
        folder = next((f for f in groups if info.key.startswith(f)), None)
        if folder is not None:
            groups[folder].append(info)
        elif info.key.startswith(f"{WORK}/"):
            report.n_deleted += private.purge(info.key)
        elif info.key.startswith(_MEMO):
            column = next((c for p, c in _MEMO_KEYS.items() if info.key.startswith(p)), None)
            _rewrite(private, info.key, report, _keep_entries(column, traces))
        else:
            if info.key.startswith(_GOLD) and traces is not None:
                key = _rewrite(private, info.key, report, _drop_texts(traces))
            else:
                key = info.key
            if key is not None:
                _rewrite(private, key, report, _drop_rows(key, pattern))
    _purge_folders(private, groups[layout.CANDIDATES], pattern, report, _is_outdated(private, request_id))
    _purge_folders(private, groups[_EVALUATIONS], pattern, report, _is_of(report.versions))
    report.n_deleted += private.purge_history(keep=_STAY[:1])
    return report


_Change = Callable[[bytes], bytes | None]
"""The bytes that stay: the same where nothing changes, None where nothing is left."""


def _rewrite(private: Store, key: str, report: PurgeReport, change: _Change) -> str | None:
    """Replace a file by what stays of it; returns where that is, None if nowhere."""
    try:
        data = private.get(key)
    except NotFoundError:
        return None
    rest = change(data)
    if rest == data:
        return key
    target = None if rest is None else _key_of(key, rest)
    if rest is not None and target is not None:
        # what is left is written before the old file goes: a kill in between loses nothing
        private.put(target, rest)
        report.n_rewritten += 1
    if target != key:
        report.n_deleted += private.purge(key)
    return target


def _drop_rows(key: str, pattern: Finder) -> _Change:
    return lambda data: drop_mentions(data, key, pattern) if count_mentions(data, key, pattern) else data


def _keep_entries(column: str | None, traces: Traces | None) -> _Change:
    def change(data: bytes) -> bytes | None:
        if column is None or traces is None:
            return None
        frame = pl.read_parquet(io.BytesIO(data))
        if column not in frame.columns:
            return None
        kept = frame.filter(pl.col(column).is_in(list(traces.kept)))
        if kept.height == frame.height:
            return data
        return encode_rows(kept) if kept.height else None

    return change


def _drop_texts(traces: Traces) -> _Change:
    def change(data: bytes) -> bytes | None:
        if not data.startswith(b"PAR1"):
            return data
        frame = pl.read_parquet(io.BytesIO(data))
        is_theirs = pl.col("group_id").is_in(list(traces.groups)) | pl.Series(
            [text_key(t) in traces.texts for t in frame["text"]], dtype=pl.Boolean
        )
        kept = frame.filter(~is_theirs)
        if kept.height == frame.height:
            return data
        return encode_rows(kept) if kept.height else None

    return change


def _purge_folders(
    private: Store,
    files: Sequence[ObjectInfo],
    pattern: Finder,
    report: PurgeReport,
    is_doomed: Callable[[str, Sequence[ObjectInfo]], bool],
) -> None:
    """Delete the folders, one a candidate or evaluation, that are doomed or speak of somebody."""
    folders: dict[str, list[ObjectInfo]] = {}
    for info in files:
        parts = info.key.split("/")
        # an evaluation lies one level deeper, under its suite
        depth = 3 if info.key.startswith(_EVALUATIONS) else 2
        folders.setdefault("/".join(parts[1:depth]), []).append(info)
    for name, members in folders.items():
        if is_doomed(name, members) or any(_speaks(private, o.key, pattern) for o in members):
            # the description goes first: what is left must not look complete
            for info in sorted(members, key=lambda o: not o.key.endswith("/candidate.json")):
                report.n_deleted += private.purge(info.key)


def _speaks(private: Store, key: str, pattern: Finder) -> bool:
    with suppress(NotFoundError):
        return bool(count_mentions(private.get(key), key, pattern))
    return False


def _is_outdated(private: Store, request_id: str) -> Callable[[str, Sequence[ObjectInfo]], bool]:
    def is_outdated(candidate_id: str, _: Sequence[ObjectInfo]) -> bool:
        try:
            return request_id not in read_candidate(private, candidate_id).info.withdrawals
        except NotFoundError:
            return True  # staging died half-way

    return is_outdated


def _is_of(versions: Collection[str]) -> Callable[[str, Sequence[ObjectInfo]], bool]:
    # the name of a run begins with the version
    starts = tuple(f"{v}-" for v in versions)
    return lambda folder, _: bool(starts) and folder.rpartition("/")[2].startswith(starts)


def _key_of(key: str, data: bytes) -> str:
    """Where rewritten bytes go: a file that is named by its digest gets its new name."""
    folder, _, name = key.rpartition("/")
    stem, dot, ending = name.partition(".")
    if not _DIGEST.fullmatch(stem):
        return key
    digest = hashlib.sha256(data).hexdigest()
    above, _, shelf = folder.rpartition("/")
    folder = f"{above}/{digest[:2]}" if shelf == stem[:2] else folder
    return f"{folder}/{digest}{dot}{ending}"
