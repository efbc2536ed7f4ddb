"""What a release run tells: one dictionary for the terminal, `--json`, the UI and the calling program."""

from __future__ import annotations

from typing import Any, Literal

from schemas.fields import CHANGES
from schemas.run import BuiltRelease, RunContext, TableSet
from tasks.publish.layout import release as release_key
from tasks.storage.store import Store, open_store
from tasks.storage.tables import read_json, read_table

Status = Literal["published", "staged", "unchanged", "dry-run", "rejected"]
_COUNTS = ("participants", "conversations", "messages", "reasons", "reactions", "models")


def describe_outcome(
    run: RunContext,
    status: Status,
    built: BuiltRelease,
    stats: TableSet | None = None,
    gate: TableSet | None = None,
    proof: TableSet | None = None,
) -> dict[str, Any]:
    """Describe a run in counts and places; holds no text and no ids of participants."""
    outcome: dict[str, Any] = {
        "status": status,
        "version": built.version,
        "parent": built.parent,
        "policy": run.policy,
        "store": run.store,
        "candidate_id": "",
        "places": _places(run, status, built.version, ""),
        "report_url": _address_report(run, status, built.version, ""),
    }
    if stats is None or gate is None or proof is None:
        return outcome
    private = open_store(run.private)
    numbers = read_json(private, stats["stats"].uri)
    verdict = read_json(private, gate["gate"].uri)
    privacy = read_json(private, proof["privacy"].uri)
    labels = {
        "topic": numbers["topics"]["domains"],
        "relationship": numbers["relationships"]["with_first"],
        "reason": numbers["reasons"]["labels"],
        "reaction": numbers["reactions"]["labels"],
    }
    return outcome | {
        "counts": {name: numbers["counts"][name] for name in _COUNTS},
        "median_messages": numbers["conversation_length"]["spread"]["median"],
        "changes": _count_changes(private, built),
        "funnel": numbers["funnel"],
        "quarantine": numbers["quarantine"],
        "labels": {facet: {row["value"]: row["n"] for row in rows} for facet, rows in labels.items()},
        "held_labels": [facet for facet, rows in labels.items() if any(row["is_held"] for row in rows)],
        "privacy": privacy,
        "gate": {
            "passed": verdict["passed"],
            "warnings": [c["why"] for c in verdict["checks"] if not c["passed"]],
        },
        "quality": numbers["labelling"]["quality"],
        "cost": numbers["cost"],
    }


def _count_changes(private: Store, built: BuiltRelease) -> dict[str, dict[str, int]]:
    """Rows added, changed, removed and unchanged since the parent, for each table."""
    found: dict[str, dict[str, int]] = {}
    changes = read_table(private, built.tables[CHANGES.name], CHANGES)
    for row in changes.iter_rows(named=True):
        table, _, _ = row["scope"].partition(".")
        counts = found.setdefault(table, {})
        counts[row["change"]] = counts.get(row["change"], 0) + row["n_rows"]
    return found


def conclude(
    run: RunContext, outcome: dict[str, Any], status: Status, candidate_id: str = "", *, why: str = ""
) -> dict[str, Any]:
    """The same outcome after a further step; `why` is the reason of a rejection."""
    places = _places(run, status, outcome["version"], candidate_id)
    url = _address_report(run, status, outcome["version"], candidate_id)
    told = {"why": why} if why else {}
    changed = {"status": status, "candidate_id": candidate_id, "places": places, "report_url": url}
    return outcome | changed | told


def _address_report(run: RunContext, status: Status, version: str, candidate_id: str) -> str:
    """Address of the report at `python -m deployments.reports`; empty where none is set or there is no report."""
    root = run.settings.run.reports_url.rstrip("/")
    if root and status == "staged":
        return f"{root}/candidates/{candidate_id}/report.html"
    if root and status in {"published", "unchanged"}:
        return f"{root}/releases/{version}/report.html"
    return ""


def _places(run: RunContext, status: Status, version: str, candidate_id: str) -> dict[str, str]:
    if status == "staged":
        return {"candidate": f"{run.private.rstrip('/')}/candidates/{candidate_id}"}
    return published_places(run.store, version) if status in {"published", "unchanged"} else {}


def published_places(store: str, version: str) -> dict[str, str]:
    """Where a published release and its report are."""
    root = store.rstrip("/")
    return {
        "release": f"{root}/{release_key(version, '')}".rstrip("/"),
        "report": f"{root}/{release_key(version, 'report.html')}",
    }
