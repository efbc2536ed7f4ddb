"""The release: raw exports in, a staged and (once approved) published version out.

Read it from top to bottom: one line a stage, in the order in which data flows. Tasks exchange
references to files, never text; every task is safe to run twice and skips what is done already.
"""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run

from flows.fan_out import over_shards, runner, side_tasks, start_shards
from flows.outcome import conclude, describe_outcome
from flows.processes import count_processes, open_processes
from flows.progress import advance
from flows.publication import Approval, publish_when_approved
from flows.run import choose_policy, describe_call, open_run
from flows.spending import plan_release
from flows.telling import UNKNOWN_VERSION, tell
from schemas.params import PrivacyOptions, PublishingOptions, SourceOptions, TaggingOptions
from tasks.assemble.task import build_release
from tasks.gate.task import judge_release
from tasks.ingest.task import read_exports
from tasks.pseudonymise.task import assign_public_ids, generalise_survey
from tasks.publish.task import discard_work, finish_publications, stage
from tasks.report.task import write_report
from tasks.scrub.task import plant_canaries, prove_privacy, require_review, scrub_shard
from tasks.stats.task import compute_statistics
from tasks.tag.measure_task import measure_labels
from tasks.tag.task import fit_taggers, tag_shard


def _name_run() -> str:
    parameters = flow_run.parameters
    version = parameters["publishing"].set_version or UNKNOWN_VERSION
    n_exports = len(parameters["exports"])
    return f"release {version} · {n_exports} export{'s' if n_exports != 1 else ''}"


@flow(name="release", flow_run_name=_name_run, task_runner=runner())
def release(
    exports: list[str],
    store: str = "",
    config_file: str = "",
    source: SourceOptions = SourceOptions(),
    privacy: PrivacyOptions = PrivacyOptions(),
    tagging: TaggingOptions = TaggingOptions(),
    publishing: PublishingOptions = PublishingOptions(),
    approval: Approval = "ask",
    approved_by: str = "",
) -> dict[str, Any] | State[Any]:
    """Build a release from raw exports, stage it, and publish it once it is approved.

    Args:
        exports: Export files, folders, patterns or s3:// addresses.
        store: Where releases live; empty means as the settings say.
        config_file: Settings file (TOML or YAML) on the worker; empty means as the environment says.
        source: Which conversations go in.
        privacy: How personal data is treated.
        tagging: Which model labels, and what it may cost.
        publishing: What the release is called.
        approval: `ask` waits for a person in the UI, `stage` leaves the candidate for `approve`,
            `none` publishes at once.
        approved_by: Who answers for the release where nobody is asked; kept in its manifest.
    """
    run = open_run(store, config_file, privacy=privacy, tagging=tagging, publishing=publishing)
    run = run.with_dryness(publishing.dry_run)
    finish_publications(run)
    advance("reading exports", 0)
    n_processes = count_processes(run.settings, exports)
    # what is opened last ends first: a task that waits for a worker ends with it
    with side_tasks(n_processes > 1) as beside, open_processes(run.settings, n_processes):
        staged = read_exports(run, exports)
        run = run.with_policy(choose_policy(run, staged.dialects))
        ids = assign_public_ids(run, staged)
        if n_processes > 1:
            # this process has nothing to do meanwhile; a shard that needs a head waits for it
            beside(fit_taggers, run)
        scrubbing = start_shards("scrubbing", scrub_shard, run, staged.shards, ids)
        # in the first process that finds no shard to scrub
        scrubbing.wait(n_left=max(0, n_processes - 1))
        planted = beside(plant_canaries, run, staged, ids)
        clean = scrubbing.results()
        require_review(run, staged, ids, clean)
        spending = plan_release(run, clean)
        participants = generalise_survey(run, clean)
        labelled = over_shards("tagging", tag_shard, run, clean, len(clean))
        advance("building tables", 0)
        built = build_release(run, staged, ids, clean, participants, labelled, source, publishing)
        canaries = planted.result()
        if built.is_unchanged:
            discard_work(run, [built.tables, canaries])
            return tell(describe_outcome(run, "unchanged", built) | {"tagging_plan": spending})
        advance("proving privacy", 0)
        comparing = beside(measure_labels, run, built, labelled, has_canaries=True)
        proof = prove_privacy(run, staged, clean, participants, built, canaries)
        measured = comparing.result()
    advance("counting", 0)
    stats = compute_statistics(run, built, labelled, measured, proof)
    advance("judging", 0)
    gate = judge_release(run, built, stats, source, must_pass=not (run.is_dry and spending["calls"]))
    outcome = describe_outcome(run, "dry-run", built, stats, gate, proof) | {"tagging_plan": spending}
    if publishing.dry_run:
        return tell(outcome)
    advance("writing the report", 0)
    report = write_report(run, staged.summary, built, stats, gate, proof)
    advance("staging", 0)
    candidate = stage(run, staged.summary, built, stats, gate, proof, report, describe_call())
    staged_outcome = conclude(run, outcome, "staged", candidate)

    def build_again(version: str, reviewer: str) -> Any:
        named = publishing.model_copy(update={"set_version": version})
        return release.fn(exports, store, config_file, source, privacy, tagging, named, "none", reviewer)

    return publish_when_approved(run, staged_outcome, approval, approved_by, build_again)
