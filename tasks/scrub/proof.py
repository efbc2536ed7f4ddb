"""`privacy.json`: what a release can say about itself, as counts; no text, no ids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl


def summarise_privacy(
    audit: pl.DataFrame,
    review: pl.DataFrame,
    messages: pl.DataFrame,
    k_report: Mapping[str, Any],
    policy: str,
    n_dropped: int = 0,
) -> dict[str, Any]:
    """Count what was masked and what is uncertain.

    Args:
        audit: `scrub_audit` of all shards.
        review: `scrub_review` of all shards.
        messages: column `sensitive` of `clean_messages`.
        k_report: report on k-anonymity.
        policy: privacy policy in force.
        n_dropped: conversations that an operator or the policy on sensitive content left out.
    """
    audit = audit.filter(pl.col("action") != "drop")
    return {
        "policy": policy,
        "n_conversations_dropped": n_dropped,
        "n_redactions": audit.height,
        "redactions_by_type": _count(audit, "type"),
        "redactions_by_recognizer": _count(audit, "recognizer"),
        "n_review": review.height,
        "review_by_status": _count(review, "status"),
        "sensitive": _count(messages.select("sensitive").explode("sensitive").drop_nulls(), "sensitive"),
        **k_report,
        "k_margin": k_report["k"] - k_report["k_required"],
    }


def summarise_canaries(found: Mapping[str, Any]) -> dict[str, Any]:
    """Recall of the planted canaries, as the gate and the report read it.

    Args:
        found: result of `tasks.scrub.canary.measure_canaries`.
    """
    structured, names = found["structured"], found["names"]
    return {
        "structured_n": structured["n_planted"],
        "structured_recall": structured["recall"],
        "structured_recall_low": structured["recall_low"],
        "names_n": names["n_planted"],
        "names_recall": names["recall"],
        "names_recall_low": names["recall_low"],
        "names_recall_high": names["recall_high"],
        **{key: found[key] for key in ("by_type", "by_variant", "by_field")},
    }


def summarise_scans(scans: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Hits of the second scan over all built files.

    Args:
        scans: file or table to the result of `tasks.scrub.audit_scan`.
    """
    critical, warnings = (
        dict.fromkeys(next(iter(scans.values()))[key], 0) for key in ("critical", "warnings")
    )
    for scan in scans.values():
        for kind in critical:
            critical[kind] += scan["critical"][kind]
        for kind in warnings:
            warnings[kind] += scan["warnings"][kind]
    return {
        "engine": next(iter(scans.values()))["engine"],
        "hits": sum(critical.values()),
        "critical": critical,
        "warnings": warnings,
        "n_texts": sum(scan["n_texts"] for scan in scans.values()),
        "by_file": {name: scan["by_column"] for name, scan in scans.items() if scan["by_column"]},
    }


def _count(frame: pl.DataFrame, column: str) -> dict[str, int]:
    counted = frame.group_by(column).len().sort("len", column, descending=[True, False])
    return dict(counted.iter_rows())
