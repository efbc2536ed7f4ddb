"""Prefect tasks: stage a candidate, publish it, reject it; verify what is published."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prefect import task
from prefect.runtime import flow_run

from schemas.errors import GateError
from schemas.fields import BASE_TABLES, TABLES
from schemas.manifest import TableFiles
from schemas.run import BuiltRelease, RunContext, TableSet
from tasks.assemble.nested import encode_nested
from tasks.assemble.records import RECORDS
from tasks.assemble.views import build_views
from tasks.memo.steps import clear_steps, list_folders
from tasks.pseudonymise.registry_file import note_release
from tasks.publish.candidate import delete_candidate
from tasks.publish.origin import describe_origin
from tasks.publish.parameters import write_call, write_steps
from tasks.publish.publish import finish_interrupted, publish_candidate
from tasks.publish.releases import read_manifest, read_tables, resolve_version
from tasks.publish.signing import open_signer
from tasks.publish.staged import NestedView, StagedFiles, WriteSettings
from tasks.publish.staging import stage_candidate
from tasks.publish.verify import verify_release
from tasks.redact.requests import honoured_redactions
from tasks.report.gather import gather_inputs
from tasks.report.inputs import TableFile
from tasks.report.metadata import render_metadata
from tasks.scrub.audit_scan import scan_lines
from tasks.storage.store import Store, open_store
from tasks.storage.tables import canonical_json, fetch_file, fetch_table, read_json, read_table
from tasks.tag.chosen import choose_taxonomies, dump_taxonomies
from tasks.withdraw.plan import honoured_requests

NESTED = "conversations_nested"
_TEXT_SUFFIXES = (".html", ".md", ".json", ".cff", ".svg")


@task(name="stage candidate", task_run_name="stage candidate")
def stage(
    run: RunContext,
    summary: TableSet,
    built: BuiltRelease,
    stats: TableSet,
    gate: TableSet,
    proof: TableSet,
    report: TableSet,
    call: Mapping[str, Any],
) -> str:
    """Write the complete release to the private store and return the candidate's id.

    `call` is kept beside it, so that the candidate can be staged again under another version.
    """
    store, private = open_store(run.store), open_store(run.private)
    taxonomies = choose_taxonomies(store, run.taxonomy_files)
    topics = {node.id: node.parent for node in taxonomies["topic"].nodes if node.parent}
    document = read_json(private, stats["stats"].uri)
    info = describe_origin(
        run.settings,
        run.policy,
        read_json(private, summary["report"].uri),
        taxonomies,
        document["cost"],
    )
    people = read_table(private, built.tables["participants"], TABLES["participants"])
    honoured = honoured_requests(private, people["participant_id"].to_list())
    honoured += honoured_redactions(private, run.started_at)
    info = info.model_copy(update={"withdrawals": honoured})
    zstd_level = run.settings.publish.zstd_level
    with tempfile.TemporaryDirectory(dir=run.settings.run.scratch_dir or None, prefix="stage-") as folder:
        scratch = Path(folder)
        inputs = gather_inputs(run, built, stats, gate, scratch, info.model_dump(mode="json"))
        beside = {
            RECORDS: fetch_file(private, built.tables[RECORDS], scratch),
            "stats.json": canonical_json(document),
            **dump_taxonomies(taxonomies),
            **_documents(private, stats, ("metrics",)),
            **_documents(private, gate, ("gate",)),
            # small counts held back, unlike in the stage's own document
            "privacy.json": canonical_json(document["privacy"]),
            **_documents(private, proof, ("advisory",)),
            **{name: private.get(ref.uri) for name, ref in stats.files if name.startswith("stats/")},
            **{name: private.get(ref.uri) for name, ref in report.files},
        }

        def side_files(files: StagedFiles) -> Mapping[str, bytes | Path]:
            shown = {name: _list_files(built.version, table) for name, table in files.views.items()}
            shown[NESTED] = [TableFile(p.name, p.sha256, p.n_rows, p.n_bytes) for p in files.nested]
            files_beside = {**beside, **render_metadata(inputs, shown)}
            _refuse_personal_data(files_beside)
            return files_beside

        candidate = stage_candidate(
            store,
            private,
            version=built.version,
            parent=built.parent or None,
            tables={t.name: fetch_table(private, built.tables[t.name], t, scratch) for t in BASE_TABLES},
            build_views=lambda tables: build_views(tables, topics),
            nested=NestedView(NESTED, lambda views: encode_nested(views, zstd_level)),
            side_files=side_files,
            info=info,
            now=run.started_at,
            settings=WriteSettings(
                zstd_level=zstd_level,
                row_group_rows=run.settings.publish.row_group_rows,
                bucket_count=run.settings.publish.bucket_count,
            ),
            scratch=scratch,
        )
    write_call(private, candidate.candidate_id, call)
    steps = (summary, built.tables, stats, gate, proof, report)
    write_steps(private, candidate.candidate_id, list_folders(steps))
    return candidate.candidate_id


@task(name="publish", task_run_name="publish")
def publish(run: RunContext, candidate_id: str, approved_by: str) -> str:
    """Publish a staged candidate, drop its run's intermediate files, and return the version."""
    store, private = open_store(run.store), open_store(run.private)
    release = publish_candidate(
        store,
        private,
        candidate_id,
        publish_id=_name_publication(candidate_id),
        approved_by=approved_by,
        now=datetime.now(UTC),
        single_writer=run.settings.publish.single_writer,
        signer=open_signer(run.settings.publish.signing_key_file, os.environ),
    )
    _note_first_releases(store, private, release.version)
    return release.version


@task(name="finish publications", task_run_name="finish publications")
def finish_publications(run: RunContext) -> list[str]:
    """Finish what a killed run has committed but not completed; returns the versions."""
    store, private = open_store(run.store), open_store(run.private)
    finished = finish_interrupted(
        store,
        private,
        publish_id=_name_publication("finish"),
        now=datetime.now(UTC),
        single_writer=run.settings.publish.single_writer,
    )
    for version in finished:
        _note_first_releases(store, private, version)
    return finished


@task(name="discard work", task_run_name="discard work")
def discard_work(run: RunContext, last_steps: Sequence[TableSet]) -> int:
    """Delete the intermediate files of a run that made no new version; returns how many there were.

    Args:
        run: the run.
        last_steps: steps that no other one uses; what they were made from goes with them.
    """
    return clear_steps(open_store(run.private), list_folders(last_steps))


@task(name="reject", task_run_name="reject")
def reject(run: RunContext, candidate_id: str) -> None:
    """Delete a staged candidate."""
    delete_candidate(open_store(run.private), candidate_id)


def _refuse_personal_data(files: Mapping[str, bytes | Path]) -> None:
    """Scan the pages and documents themselves; the tables and the JSONL were scanned before.

    Raises:
        GateError: the second engine finds personal data; names the file and the kind.
    """
    for name, content in files.items():
        if isinstance(content, Path) or not name.endswith(_TEXT_SUFFIXES):
            continue
        critical = scan_lines(name, content.decode().splitlines())["critical"]
        found = [f"{n} {kind}" for kind, n in critical.items() if n]
        if found:
            raise GateError(f"{name} holds personal data ({', '.join(found)}); nothing was staged")


def _note_first_releases(store: Store, private: Store, version: str) -> None:
    """Tell the registry who is out, so that who leaves and comes back keeps the first release."""
    manifest, _ = read_manifest(store, version)
    people = read_tables(store, manifest, ("participants",))["participants"]
    note_release(private, people["participant_id"].to_list(), version)


def _name_publication(what: str) -> str:
    """Name this run's attempt: the same over its retries, another for any other run."""
    return f"{what}-{flow_run.id or 'local'}"


def _documents(private: Store, files: TableSet, names: tuple[str, ...]) -> dict[str, bytes]:
    return {f"{name}.json": private.get(ref.uri) for name, ref in files.files if name in names}


def _list_files(version: str, table: TableFiles) -> list[TableFile]:
    prefix = f"releases/{version}/"
    return [
        TableFile(file.path.removeprefix(prefix), file.sha256, file.n_rows, file.n_bytes)
        for file in table.files
    ]


@task(name="verify", task_run_name="verify")
def verify(run: RunContext, version: str) -> dict[str, Any]:
    """Compare every file of a release with its manifest; returns the report as plain values."""
    store = open_store(run.store)
    report = verify_release(store, resolve_version(store, version))
    return {
        "version": report.version,
        "ok": report.is_sound,
        "n_files": report.n_files,
        "n_bytes": report.n_bytes,
        "problems": [{"path": p.path, "what": p.what} for p in report.problems],
        "notes": report.notes,
    }
