"""Commands that show what is published: list, show, diff."""

from __future__ import annotations

from typing import Any

import typer

from flows.cli.config import ConfigOption
from flows.cli.output import JsonOption, StoreOption, console, print_json, print_rows
from flows.cli.store import VersionArgument, open_existing


def list_command(store: StoreOption = "", config: ConfigOption = None, json: JsonOption = False) -> None:
    """List the releases of a store."""
    from tasks.publish.latest import read_latest
    from tasks.publish.layout import release
    from tasks.publish.releases import is_purged, latest_version, list_releases
    from tasks.publish.versions import parse_version

    opened, _, _ = open_existing(store, config)
    releases, newest = list_releases(opened), latest_version(opened)
    pointer, _ = read_latest(opened)
    announced = pointer.announced if pointer else None
    rows: list[dict[str, Any]] = []
    for item in releases:
        is_done = announced is not None and parse_version(item.version) <= parse_version(announced)
        is_latest = item.version == newest
        state = "yanked" if item.is_yanked else "latest" if is_latest else ""
        state = "purged" if is_purged(opened, item.version) else state
        rows.append(
            {
                "version": item.version,
                "state": state if is_done else "unfinished",
                "is_latest": is_latest,
                "is_yanked": item.is_yanked,
                "created_at": item.manifest.created_at,
                "parent": item.manifest.parent.version if item.manifest.parent else None,
                "n_rows": {name: t.n_rows for name, t in item.manifest.tables.items()},
                "manifest_sha256": item.sha256,
                "path": release(item.version, ""),
            }
        )
    if json:
        print_json({"store": opened.uri, "latest": newest, "releases": rows})
        return
    if not rows:
        console.print(f"no release in {opened.uri} yet", markup=False, soft_wrap=True)
    print_rows(
        ["version", "state", "created", "participants", "conversations", "messages", "thoughts"],
        [
            [r["version"], r["state"], r["created_at"][:16]]
            + [
                f"{r['n_rows'].get(t, 0):,}"
                for t in ("participants", "conversations", "messages", "thoughts")
            ]
            for r in rows
        ],
    )


def show(
    version: VersionArgument, store: StoreOption = "", config: ConfigOption = None, json: JsonOption = False
) -> None:
    """Show what a release consists of and where it came from."""
    from tasks.publish.layout import yanked
    from tasks.publish.releases import latest_version, read_manifest, resolve_version

    opened, _, _ = open_existing(store, config)
    version = resolve_version(opened, version)
    manifest, digest = read_manifest(opened, version)
    is_yanked = opened.head(yanked(version)) is not None
    if json:
        extra = {
            "manifest_sha256": digest,
            "is_yanked": is_yanked,
            "is_latest": latest_version(opened) == version,
        }
        print_json(manifest.model_dump() | extra)
        return
    info = manifest.info
    facts = [
        ("version", version + (" (yanked)" if is_yanked else "")),
        ("manifest", digest),
        ("created", f"{manifest.created_at}, approved by {manifest.approved_by or 'nobody named'}"),
        ("follows", manifest.parent.version if manifest.parent else "nothing, first release"),
        ("licence", info.license),
        ("policy", info.policy),
        ("schema", info.schema_version),
        ("taxonomies", ", ".join(f"{k} {v.version}" for k, v in sorted(info.taxonomies.items()))),
        ("inputs", ", ".join(f"{i.name} ({i.sha256[:12]})" for i in info.inputs)),
        ("models", ", ".join(f"{m.facet}: {m.snapshot or m.name}" for m in info.models)),
        ("cost", f"{info.cost_usd:.2f} USD"),
        ("code", f"{info.code.version} {info.code.commit or ''}".strip()),
    ]
    print_rows(["", ""], [[a, b] for a, b in facts if b])
    print_rows(
        ["table", "rows", "files", "MB"],
        [
            [name, f"{t.n_rows:,}", str(len(t.files)), f"{sum(f.n_bytes for f in t.files) / 1e6:.2f}"]
            for name, t in manifest.views.items()
        ],
    )
    print_rows(["file", "MB"], [[f.path, f"{f.n_bytes / 1e6:.2f}"] for f in manifest.side_files])


def diff(
    before: VersionArgument,
    after: VersionArgument,
    store: StoreOption = "",
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Show what differs between two releases: columns, rows, labels, statistics."""
    from tasks.publish.compare import compare_releases
    from tasks.publish.releases import resolve_version

    opened, _, _ = open_existing(store, config)
    found = compare_releases(opened, resolve_version(opened, before), resolve_version(opened, after))
    tables: dict[str, dict[str, Any]] = {}
    labels: dict[str, list[dict[str, Any]]] = {}
    for row in found.changes.iter_rows(named=True):
        scope, _, facet = row["scope"].partition(".")
        if facet:
            flow = {k: row[v] for k, v in (("from", "from_value"), ("to", "to_value"))}
            flow |= {k: row[k] for k in ("change", "reason", "n_rows")}
            labels.setdefault(facet, []).append(flow)
            continue
        counts = tables.setdefault(
            scope, {"added": 0, "removed": 0, "changed": 0, "unchanged": 0, "reasons": {}}
        )
        counts[row["change"]] += row["n_rows"]
        if row["reason"]:
            key = f"{row['change']}: {row['reason']}"
            counts["reasons"][key] = counts["reasons"].get(key, 0) + row["n_rows"]
    schema = [{"table": c.table, "column": c.column, "change": c.change} for c in found.schema]
    if json:
        print_json(
            {
                "before": found.before,
                "after": found.after,
                "schema": schema,
                "tables": tables,
                "labels": labels,
                "stats": [{"name": s.name, "before": s.before, "after": s.after} for s in found.stats],
                "taxonomies": {k: {"before": a, "after": b} for k, (a, b) in found.taxonomies.items()},
            }
        )
        return
    kinds = ("added", "removed", "changed", "unchanged")
    print_rows(
        [f"{found.before} to {found.after}", *kinds, "why"],
        [
            [
                name,
                *(f"{c[k]:,}" for k in kinds),
                ", ".join(f"{n:,} {why}" for why, n in c["reasons"].items()),
            ]
            for name, c in tables.items()
        ],
    )
    moved = [
        [facet, f["from"] or "(none)", f["to"] or "(none)", f"{f['n_rows']:,}"]
        for facet, flows in labels.items()
        for f in flows
        if f["change"] != "unchanged"
    ]
    print_rows(["facet", "from", "to", "labels"], moved)
    print_rows(["table", "column", "change"], [[c["table"], c["column"], c["change"]] for c in schema])
    print_rows(
        ["taxonomy", "before", "after"], [[k, a or "-", b or "-"] for k, (a, b) in found.taxonomies.items()]
    )
    if found.stats:
        shown = found.stats[:40]
        print_rows(
            [
                f"statistic ({len(shown)} of {len(found.stats)} that differ; --json shows all)",
                "before",
                "after",
            ],
            [[s.name, _number(s.before), _number(s.after)] for s in shown],
        )


def register(app: typer.Typer) -> None:
    """Attach the commands."""
    app.command("list")(list_command)
    for command in (show, diff):
        app.command()(command)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"
