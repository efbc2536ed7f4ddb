"""Prefect tasks: stage a candidate, publish it, reject it; verify what is published."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
from prefect import task
from prefect.runtime import flow_run

from schemas.errors import GateError
from schemas.fields import BASE_TABLES
from schemas.manifest import TableFiles
from schemas.run import BuiltRelease, RunContext, TableSet
from tasks.assemble.nested import nest_conversations, nested_schema
from tasks.assemble.records import RECORDS
from tasks.assemble.views import build_views
from tasks.memo.steps import clear_work
from tasks.publish.candidate import WriteSettings, delete_candidate, stage_candidate
from tasks.publish.origin import describe_origin
from tasks.publish.parameters import write_parameters
from tasks.publish.publish import finish_interrupted, publish_candidate
from tasks.publish.releases import resolve_version
from tasks.publish.signing import open_signer
from tasks.publish.verify import verify_release
from tasks.report.gather import gather_inputs
from tasks.report.inputs import TableFile
from tasks.report.metadata import render_metadata
from tasks.scrub.audit_scan import scan_lines
from tasks.storage.store import Store, open_store
from tasks.storage.tables import canonical_json, read_json, read_table
from tasks.tag.chosen import choose_taxonomies, dump_taxonomies
from tasks.withdraw.plan import honoured_requests

NESTED = "conversations_nested"
_NESTED_ROWS = 5_000
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
    parameters: Mapping[str, Any],
) -> str:
    """Write the complete release to the private store and return the candidate's id."""
    store, private = open_store(run.store), open_store(run.private)
    tables = {t.name: read_table(private, built.tables[t.name], t) for t in BASE_TABLES}
    taxonomies = choose_taxonomies(store, run.taxonomy_files)
    topics = {node.id: node.parent for node in taxonomies["topic"].nodes if node.parent}
    views = build_views(tables, topics)
    nested = _encode_nested(views, run.settings.publish.zstd_level)
    document = read_json(private, stats["stats"].uri)
    info = describe_origin(
        run.settings,
        run.policy,
        read_json(private, summary["report"].uri),
        taxonomies,
        document["cost"],
    )
    honoured = honoured_requests(private, tables["participants"]["participant_id"].to_list())
    info = info.model_copy(update={"withdrawals": honoured})
    inputs = gather_inputs(run, built, stats, gate, info.model_dump(mode="json"))
    beside = {
        RECORDS: private.get(built.tables[RECORDS].uri),
        f"{NESTED}/part-00000.parquet": nested,
        "stats.json": canonical_json(document),
        **dump_taxonomies(taxonomies),
        **_documents(private, stats, ("metrics",)),
        **_documents(private, gate, ("gate",)),
        # small counts held back, unlike in the stage's own document
        "privacy.json": canonical_json(document["privacy"]),
        **{name: private.get(ref.uri) for name, ref in stats.files if name.startswith("stats/")},
        **{name: private.get(ref.uri) for name, ref in report.files},
    }

    def side_files(files: Mapping[str, TableFiles]) -> Mapping[str, bytes | Path]:
        shown = {name: _list_files(built.version, table) for name, table in files.items()}
        digest = hashlib.sha256(nested).hexdigest()
        n_rows = views["conversations"].height
        shown[NESTED] = [TableFile(f"{NESTED}/part-00000.parquet", digest, n_rows, len(nested))]
        files_beside = {**beside, **render_metadata(inputs, shown)}
        _refuse_personal_data(files_beside)
        return files_beside

    candidate = stage_candidate(
        store,
        private,
        version=built.version,
        parent=built.parent or None,
        tables=tables,
        views=views,
        side_files=side_files,
        info=info,
        now=run.started_at,
        settings=WriteSettings(
            zstd_level=run.settings.publish.zstd_level,
            row_group_rows=run.settings.publish.row_group_rows,
            bucket_count=run.settings.publish.bucket_count,
        ),
        scratch=Path(run.settings.run.scratch_dir) if run.settings.run.scratch_dir else None,
    )
    write_parameters(private, candidate.candidate_id, parameters)
    return candidate.candidate_id


@task(name="publish", task_run_name="publish")
def publish(run: RunContext, candidate_id: str, approved_by: str) -> str:
    """Publish a staged candidate, drop the run's intermediate files, and return the version."""
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
    clear_work(private)
    return release.version


@task(name="finish publications", task_run_name="finish publications")
def finish_publications(run: RunContext) -> list[str]:
    """Finish what a killed run has committed but not completed; returns the versions."""
    store, private = open_store(run.store), open_store(run.private)
    return finish_interrupted(
        store,
        private,
        publish_id=_name_publication("finish"),
        now=datetime.now(UTC),
        single_writer=run.settings.publish.single_writer,
    )


@task(name="discard work")
def discard_work(run: RunContext) -> int:
    """Delete the intermediate files of a run that made no new version; returns how many there were."""
    return clear_work(open_store(run.private))


@task(name="reject", task_run_name="reject")
def reject(run: RunContext, candidate_id: str) -> None:
    """Delete a staged candidate."""
    delete_candidate(open_store(run.private), candidate_id)


def _refuse_personal_data(files: Mapping[str, bytes]) -> None:
    """Scan the pages and documents themselves; the tables and the JSONL were scanned before.

    Raises:
        GateError: the second engine finds personal data; names the file and the kind.
    """
    for name, content in files.items():
        if not name.endswith(_TEXT_SUFFIXES):
            continue
        critical = scan_lines(name, content.decode().splitlines())["critical"]
        found = [f"{n} {kind}" for kind, n in critical.items() if n]
        if found:
            raise GateError(f"{name} holds personal data ({', '.join(found)}); nothing was staged")


def _name_publication(what: str) -> str:
    """Name this run's attempt: the same over its retries, another for any other run."""
    return f"{what}-{flow_run.id or 'local'}"


def _documents(private: Store, files: TableSet, names: tuple[str, ...]) -> dict[str, bytes]:
    return {f"{name}.json": private.get(files[name].uri) for name in names}


def _list_files(version: str, table: TableFiles) -> list[TableFile]:
    prefix = f"releases/{version}/"
    return [
        TableFile(file.path.removeprefix(prefix), file.sha256, file.n_rows, file.n_bytes)
        for file in table.files
    ]


def _encode_nested(views: Mapping[str, pl.DataFrame], zstd_level: int) -> bytes:
    table = nest_conversations(views).to_arrow().cast(nested_schema())
    buffer = io.BytesIO()
    pq.write_table(
        table,
        buffer,
        version="2.6",
        compression="zstd",
        compression_level=zstd_level,
        row_group_size=_NESTED_ROWS,
        write_page_index=True,
        write_page_checksum=True,
    )
    return buffer.getvalue()


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
