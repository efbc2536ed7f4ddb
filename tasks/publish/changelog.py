"""`CHANGELOG.md` of the store: every release and what it changed, generated from its `changes` table."""

from __future__ import annotations

import json

import polars as pl

from schemas.errors import NotFoundError
from tasks.publish import layout
from tasks.publish.releases import Release, list_releases, read_tables
from tasks.storage.store import Store

_TABLES = ("participants", "conversations", "messages", "thoughts")
_CHANGES = ("added", "removed", "changed")


def write_changelog(store: Store) -> None:
    """Write the changelog of all releases, newest first; safe to repeat."""
    sections = [_describe(store, release) for release in reversed(list_releases(store))]
    text = "# Changes\n\nGenerated from the `changes` table of each release.\n\n" + "\n".join(sections)
    store.put(layout.CHANGELOG, text.encode())


def summarise_changes(changes: pl.DataFrame) -> list[str]:
    """Return one line a table and facet that changed, in words."""
    lines: list[str] = []
    for scope in changes["scope"].unique(maintain_order=True):
        rows = changes.filter(pl.col("scope") == scope)
        counts = {c: int(rows.filter(pl.col("change") == c)["n_rows"].sum()) for c in _CHANGES}
        if any(counts.values()):
            reasons = rows.filter(pl.col("change").is_in(_CHANGES), pl.col("reason") != "")
            why = reasons.group_by("change", "reason").agg(pl.col("n_rows").sum()).sort("change", "reason")
            notes = ", ".join(f"{row[2]:,} {row[0]} ({row[1]})" for row in why.iter_rows())
            shown = ", ".join(f"{n:,} {change}" for change, n in counts.items() if n)
            lines.append(f"{scope}: {shown}" + (f"; of these {notes}" if notes else ""))
    return lines


def _describe(store: Store, release: Release) -> str:
    manifest = release.manifest
    title = f"## {release.version} ({manifest.created_at[:10]})"
    lines = [title, ""]
    if release.is_yanked:
        lines += [f"**Yanked**: {_why_yanked(store, release.version)}", ""]
    counts = ", ".join(f"{manifest.tables[t].n_rows:,} {t}" for t in _TABLES if t in manifest.tables)
    lines.append(f"- holds {counts}")
    lines += _advise(store, release.version)
    if manifest.parent is None:
        lines.append("- first release")
    else:
        lines.append(f"- follows {manifest.parent.version}")
        try:
            changes = read_tables(store, manifest, ["changes"])["changes"]
        except NotFoundError:  # purged
            changes = pl.DataFrame()
        if changes.height:
            lines += [f"- {line}" for line in summarise_changes(changes)]
    return "\n".join(lines) + "\n"


def _advise(store: Store, version: str) -> list[str]:
    """What readers must know about a leak that this release mends; says kinds and counts, quotes nothing."""
    try:
        advisory = json.loads(store.get(layout.release(version, layout.ADVISORY)))
    except (NotFoundError, ValueError):
        return []
    spans, conversations, types, affected = (
        advisory[name] for name in ("n_spans", "n_conversations", "types", "affected")
    )
    return [
        f"- **Advisory** ({advisory['at']}): personal data ({', '.join(types)}) was found after publication and "
        f"masked: {spans:,} spans in {conversations:,} conversations. {', '.join(affected)} held it and should "
        "not be used any more: delete your copies and load this release"
    ]


def _why_yanked(store: Store, version: str) -> str:
    try:
        return str(json.loads(store.get(layout.yanked(version))).get("why", ""))
    except (NotFoundError, ValueError):
        return ""
