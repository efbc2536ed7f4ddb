"""A re-tag: a taxonomy changed, so labels change; text, ids and base shards stay as they are."""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.outcome import conclude, describe_outcome
from flows.progress import advance
from flows.publication import Approval, publish_when_approved
from flows.run import describe_call, open_run
from flows.spending import plan_changes, tell_changes
from flows.telling import tell
from schemas.params import PublishingOptions, SourceOptions, TaggingOptions
from tasks.assemble.retag_task import relabel_release
from tasks.gate.task import judge_release
from tasks.publish.task import discard_work, finish_publications, stage
from tasks.report.task import write_report
from tasks.stats.task import compute_statistics
from tasks.tag.measure_task import measure_labels
from tasks.tag.retag_plan import describe_plan
from tasks.tag.retag_task import retag_labels


@flow(name="plan-retag", flow_run_name="plan re-tag of {version}")
def plan_retag(
    version: str,
    taxonomies: list[str],
    store: str = "",
    config_file: str = "",
    tagging: TaggingOptions = TaggingOptions(),
) -> dict[str, Any]:
    """Say what a re-tag would touch and cost, per change; nothing is asked of any provider.

    Args:
        version: Release to re-tag: a version or `latest`.
        taxonomies: Changed taxonomy files on the worker or at s3:// addresses, one a facet; none means the newest known.
        store: Where releases live; empty means as the settings say.
        config_file: Settings file; empty means as the environment says.
        tagging: Which model would label.
    """
    run = open_run(store, config_file, tagging=tagging).with_taxonomies(taxonomies)
    return tell_changes(describe_plan(run, version) | {"budget_usd": run.settings.tag.budget_usd})


@flow(name="retag", flow_run_name="re-tag {version}")
def retag(
    version: str,
    taxonomies: list[str],
    store: str = "",
    config_file: str = "",
    tagging: TaggingOptions = TaggingOptions(),
    publishing: PublishingOptions = PublishingOptions(),
    approval: Approval = "ask",
    approved_by: str = "",
) -> dict[str, Any] | State[Any]:
    """Re-tag the latest release after a taxonomy change, stage it, and publish it once it is approved.

    Args:
        version: Release to re-tag: the latest version, or `latest`.
        taxonomies: Changed taxonomy files on the worker or at s3:// addresses, one a facet; none means the newest known.
        store: Where releases live; empty means as the settings say.
        config_file: Settings file; empty means as the environment says.
        tagging: Which model labels, and what it may cost.
        publishing: What the release is called.
        approval: `ask` waits for a person in the UI, `stage` leaves the candidate for `approve`,
            `none` publishes at once.
        approved_by: Who answers for the release where nobody is asked; kept in its manifest.
    """
    run = open_run(store, config_file, tagging=tagging, publishing=publishing).with_taxonomies(taxonomies)
    run = run.with_dryness(publishing.dry_run)
    finish_publications(run)
    advance("planning", 0)
    spending = plan_changes(run, version)
    advance("re-tagging", 0)
    labelled = retag_labels(run, version)
    advance("building tables", 0)
    run, origin, built = relabel_release(run, version, labelled, publishing)
    if built.is_unchanged:
        discard_work(run, [built.tables])
        return tell(describe_outcome(run, "unchanged", built) | {"tagging_plan": spending})
    proof = built.tables
    advance("counting", 0)
    measured = measure_labels(run, built, (labelled,))
    stats = compute_statistics(run, built, (labelled,), measured, proof)
    advance("judging", 0)
    gate = judge_release(run, built, stats, SourceOptions(), must_pass=not (run.is_dry and spending["calls"]))
    outcome = describe_outcome(run, "dry-run", built, stats, gate, proof) | {"tagging_plan": spending}
    if publishing.dry_run:
        return tell(outcome)
    advance("writing the report", 0)
    report = write_report(run, origin.summary, built, stats, gate, proof)
    advance("staging", 0)
    candidate = stage(run, origin.summary, built, stats, gate, proof, report, describe_call())
    staged_outcome = conclude(run, outcome, "staged", candidate)

    def build_again(name: str, reviewer: str) -> Any:
        named = publishing.model_copy(update={"set_version": name})
        return retag.fn(version, taxonomies, store, config_file, tagging, named, "none", reviewer)

    return publish_when_approved(run, staged_outcome, approval, approved_by, build_again)
