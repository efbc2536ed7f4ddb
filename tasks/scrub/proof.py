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
) -> dict[str, Any]:
    """Count what was masked and what is uncertain.

    Args:
        audit: `scrub_audit` of all shards.
        review: `scrub_review` of all shards.
        messages: `clean_messages`, for the sensitive kinds.
        k_report: report on k-anonymity.
        policy: privacy policy in force.
    """
    return {
        "policy": policy,
        "n_redactions": audit.height,
        "redactions_by_type": _count(audit, "type"),
        "redactions_by_recognizer": _count(audit, "recognizer"),
        "n_review": review.height,
        "review_by_status": _count(review, "status"),
        "sensitive": _count(messages.select("sensitive").explode("sensitive").drop_nulls(), "sensitive"),
        **k_report,
        "k_margin": k_report["k"] - k_report["k_required"],
    }


def _count(frame: pl.DataFrame, column: str) -> dict[str, int]:
    counted = frame.group_by(column).len().sort("len", column, descending=[True, False])
    return dict(counted.iter_rows())
