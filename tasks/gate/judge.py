"""Great Expectations as the judge: every number in its band, on a frame of one row.

It sees numbers only. The library is imported here and nowhere else, when the gate runs; its context is
ephemeral, its analytics are off, and its pages (Data Docs) are not built.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tasks.gate.plan import PlannedCheck

SUITE = "release_gate"


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What the judge said.

    Attributes:
        passed: name of the check to whether its number is in the band.
        engine: name and version of the library.
    """

    passed: Mapping[str, bool]
    engine: str


def judge(checks: Sequence[PlannedCheck]) -> Verdicts:
    """Judge every check that has a value; the others have no verdict.

    Args:
        checks: planned checks with unique names.
    """
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx
    import pandas as pd
    from great_expectations.expectations.core.expect_column_max_to_be_between import (
        ExpectColumnMaxToBeBetween,
    )
    from great_expectations.expectations.metadata_types import FailureSeverity

    # it announces temporary folders at INFO, which Prefect's logging would show to the maintainer
    logging.getLogger("great_expectations.data_context.types.base").setLevel(logging.WARNING)
    engine = f"great_expectations {gx.__version__}"
    judged = [c for c in checks if c.value is not None and (c.low, c.high) != (None, None)]
    if not judged:
        return Verdicts({}, engine)
    context: Any = gx.get_context(mode="ephemeral")
    context.enable_analytics(False)
    context.variables.progress_bars = {"globally": False}
    batch = (
        context.data_sources.add_pandas("metrics")
        .add_dataframe_asset("release")
        .add_batch_definition_whole_dataframe("one_row")
    )
    suite: Any = gx.ExpectationSuite(
        name=SUITE,
        expectations=[
            ExpectColumnMaxToBeBetween(
                column=_column(i),
                min_value=check.low,
                max_value=check.high,
                severity=FailureSeverity(check.severity),
                meta={"check": check.name},
            )
            for i, check in enumerate(judged)
        ],
    )
    frame = pd.DataFrame([{_column(i): float(check.value or 0.0) for i, check in enumerate(judged)}])
    result: Any = batch.get_batch({"dataframe": frame}).validate(suite, result_format="BOOLEAN_ONLY")
    passed = {str(r.expectation_config.meta["check"]): bool(r.success) for r in result.results}
    return Verdicts(passed, engine)


def _column(i: int) -> str:
    """Column of the i-th check; label names never become column names."""
    return f"check_{i:04d}"
