"""Where labels come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from schemas.fields import FACETS
from schemas.stats import Labelling, ProvenanceRow
from tasks.stats.frames import PROVENANCE
from tasks.stats.shares import number


def count_provenance(provenance: pl.DataFrame, quality: Mapping[str, Any]) -> Labelling:
    """Labels of each facet by who decided and how, the most frequent first.

    Args:
        provenance: facet, source, via, labeller, model_snapshot, taxonomy_version, n, mean_confidence.
        quality: agreement with gold as measured by the tagger; passed on.
    """
    counted = (
        provenance.with_columns(share=pl.col("n") / pl.col("n").sum().over("facet"))
        .with_columns(
            facet_no=pl.col("facet").replace_strict(
                {f: i for i, f in enumerate(FACETS)}, default=len(FACETS), return_dtype=pl.Int64
            )
        )
        .sort(
            "facet_no",
            "n",
            *PROVENANCE,
            descending=[False, True, *(False for _ in PROVENANCE)],
            nulls_last=True,
        )
        .drop("facet_no")
    )
    rows = [
        ProvenanceRow.model_validate(
            {**row, "share": number(row["share"]), "mean_confidence": number(row["mean_confidence"])}
        )
        for row in counted.iter_rows(named=True)
    ]
    return Labelling(provenance=rows, quality=dict(quality))
