"""The end of a withdrawal or redaction: a patch is measured, judged and published without asking anybody.

What harms somebody must not wait for an approval, so the gate judges the patch but does not hold it.
"""

from __future__ import annotations

from flows.progress import advance
from schemas.params import SourceOptions
from schemas.run import RunContext
from tasks.gate.task import judge_release
from tasks.publish.patch import Patch
from tasks.publish.task import publish, stage
from tasks.report.task import write_report
from tasks.stats.task import compute_statistics
from tasks.tag.measure_task import measure_labels


def publish_patch(run: RunContext, patch: Patch, approved_by: str) -> str:
    """Publish a patch and return its version.

    Args:
        run: the run, under the policy of the parent.
        patch: what it is made from.
        approved_by: stands in its manifest.
    """
    measured = measure_labels(run, patch.built, (patch.labelled,))
    stats = compute_statistics(run, patch.built, (patch.labelled,), measured, patch.proof)
    gate = judge_release(run, patch.built, stats, SourceOptions(allow_removals=True), must_pass=False)
    report = write_report(run, patch.staged.summary, patch.built, stats, gate, patch.proof)
    advance("publishing the patch", 0)
    candidate = stage(run, patch.staged.summary, patch.built, stats, gate, patch.proof, report, {})
    return publish(run, candidate, approved_by)
