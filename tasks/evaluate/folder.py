"""The result folder of an evaluation: `evaluations/<suite>/<run>/` in the private store.

It holds text of participants and of models, so it is private; a purge deletes it whole. The same release,
suite, settings and prompts have the same folder: a repetition fills in what failed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import polars as pl

from schemas.errors import NotFoundError
from schemas.fields import (
    EVALUATION_FAILURES,
    EVALUATION_ITEMS,
    EVALUATION_PREDICTIONS,
    EVALUATION_SCORES,
    Table,
)
from tasks.evaluate.guard import Guard
from tasks.evaluate.judging import MASKED
from tasks.evaluate.models import is_local
from tasks.evaluate.prompting import load_prompt, read_prompt_file
from tasks.evaluate.published import read_published
from tasks.evaluate.run import Evaluation
from tasks.evaluate.suite import Failure
from tasks.memo.steps import fingerprint_step
from tasks.report.drawing import to_png
from tasks.storage.store import Store
from tasks.storage.tables import read_json, write_json, write_table
from tasks.tag.sending import BUDGET, NO_MODEL

PREFIX = "evaluations"
RESULT_VERSION = 1
"""Raised when the same answers would be summarised in another way."""
INCOMPLETE = frozenset({BUDGET, NO_MODEL})
"""Faults of questions that nobody was asked."""
STAND_IN = (
    "local models stand in for real ones: these figures show that the suite works, not what a model can do"
)


@dataclass(frozen=True, slots=True)
class Subject:
    """What was evaluated: a release.

    Attributes:
        version: its version.
        manifest_sha256: digest of its manifest.
        is_yanked: whether its use is discouraged.
    """

    version: str
    manifest_sha256: str
    is_yanked: bool


def name_run(subject: Subject, evaluation: Evaluation) -> str:
    """Return the name of a run: version and digest of what decides its questions."""
    options = evaluation.options
    settings = options.settings.model_dump(exclude={"budget_usd", "model", "judge"})
    parts = {
        "manifest": subject.manifest_sha256,
        "method": options.method,
        "models": options.models,
        "judges": options.judges,
        "settings": settings,
        "prompts": {p: load_prompt(p).sha256 for p in evaluation.suite.prompts},
    }
    return f"{subject.version}-{fingerprint_step(evaluation.suite.name, RESULT_VERSION, parts)[:12]}"


def write_results(
    private: Store, subject: Subject, evaluation: Evaluation, *, now: datetime
) -> dict[str, Any]:
    """Write all files of an evaluation and return its summary; safe to repeat.

    Args:
        private: the private store.
        subject: which release.
        evaluation: what was found.
        now: time of the run.
    """
    run = name_run(subject, evaluation)
    folder = f"{PREFIX}/{evaluation.suite.name}/{run}"
    tables = build_tables(evaluation)
    files: dict[str, str] = {}
    for table, frame in tables.items():
        name = f"{table.name.removeprefix('evaluation_')}.parquet"
        files[name] = write_table(private, f"{folder}/{name}", frame, table).sha256
    for name, svg in evaluation.results.figures.items():
        files[f"{name}.svg"] = private.put(f"{folder}/{name}.svg", svg.encode())
        files[f"{name}.png"] = private.put(f"{folder}/{name}.png", to_png(svg))
    for prompt in evaluation.suite.prompts:
        private.put(f"{folder}/prompts/{load_prompt(prompt).file}", read_prompt_file(load_prompt(prompt)))
    for name, data in evaluation.results.files.items():
        private.put(f"{folder}/{name}", data)
    summary = summarise(subject, evaluation, tables, run, now)
    # last, so that a folder with a summary is whole
    write_json(private, f"{folder}/summary.json", summary)
    return {**summary, "folder": f"{private.uri.rstrip('/')}/{folder}"}


def build_tables(evaluation: Evaluation) -> dict[Table, pl.DataFrame]:
    """Return items, predictions, scores and failures, each in the order of its key.

    Row law: an item is in `scores`, `predictions` or `failures`, often in several.
    """
    selection, findings = evaluation.selection, evaluation.findings
    items = [
        {
            "item_id": i.item_id,
            "participant_id": i.conversation.participant_id,
            "conversation_id": i.conversation.conversation_id,
            "split": i.conversation.split,
            "item_group": i.group,
            "context": i.context,
            "target": i.target,
        }
        for i in selection.items
    ]
    rows: dict[Table, list[dict[str, Any]]] = {
        EVALUATION_ITEMS: items,
        EVALUATION_PREDICTIONS: [asdict(p) for p in findings.predictions],
        EVALUATION_SCORES: [asdict(s) for s in findings.scores],
        EVALUATION_FAILURES: [asdict(f) for f in (*selection.left_out, *findings.failures)],
    }
    return {
        table: pl.DataFrame(found, schema=table.polars_schema()).sort(table.primary_key)
        for table, found in rows.items()
    }


def summarise(
    subject: Subject, evaluation: Evaluation, tables: Mapping[Table, pl.DataFrame], run: str, now: datetime
) -> dict[str, Any]:
    """Return `summary.json`: figures with denominators and intervals, the paper's beside them; no text."""
    options, findings, suite = evaluation.options, evaluation.findings, evaluation.suite
    guard = findings.extra.get(MASKED)
    notes = list(dict.fromkeys(findings.notes))
    if any(is_local(m) for m in (*options.models, *options.judges)):
        notes.insert(0, STAND_IN)
    for model in options.models:
        for judge in options.judges_of(model):
            shared = set(evaluation.snapshots.get(model, ())) & set(evaluation.snapshots.get(judge, ()))
            if shared:
                notes.append(f"{model} and {judge} both answer as {min(shared)}: is the judge another model?")
    if subject.is_yanked:
        notes.insert(0, f"{subject.version} is yanked: its use is discouraged")
    lines = [line for models in evaluation.cost.values() for line in models.values()]
    return {
        "suite": suite.name,
        "question": suite.question,
        "run": run,
        "status": status_of(evaluation, tables),
        "stopped": evaluation.stopped,
        "version": subject.version,
        "manifest_sha256": subject.manifest_sha256,
        "evaluated_at": now.isoformat(timespec="seconds"),
        "method": options.method,
        "models": list(options.models),
        "judges": list(options.judges),
        "embedding_model": findings.extra.get("snapshot", ""),
        "snapshots": {m: list(s) for m, s in evaluation.snapshots.items()},
        "counts": {
            "items": tables[EVALUATION_ITEMS].height,
            "items_by_group": _count(tables[EVALUATION_ITEMS]["item_group"]),
            "participants": tables[EVALUATION_ITEMS]["participant_id"].n_unique(),
            "predictions": tables[EVALUATION_PREDICTIONS].height,
            "scores": tables[EVALUATION_SCORES].height,
            "left_out": _count_errors(evaluation.selection.left_out),
            "failures": _count_errors(findings.failures),
            "texts_masked": len(guard.texts) if isinstance(guard, Guard) else 0,
        },
        "results": [asdict(r) for r in evaluation.results.rows],
        "checks": evaluation.results.checks,
        "tables": evaluation.results.tables,
        "published": {"source": read_published()["source"], **read_published().get(suite.name, {})},
        "notes": notes,
        "cost": {
            "calls": int(sum(x["calls"] for x in lines)),
            "memo_hits": int(sum(x["memo_hits"] for x in lines)),
            "usd": round(sum(x["usd"] for x in lines), 6),
            "steps": evaluation.cost,
        },
        "prompts": [
            {"name": p.name, "version": p.version, "file": f"prompts/{p.file}", "sha256": p.sha256}
            for p in (load_prompt(n) for n in suite.prompts)
        ],
        "settings": options.settings.model_dump(),
    }


def status_of(evaluation: Evaluation, tables: Mapping[Table, pl.DataFrame]) -> str:
    """Return `complete`, `partial` (something failed or the budget ended it), `empty` or `failed`."""
    if not evaluation.selection.items:
        return "empty"
    asked = bool(evaluation.suite.predicts or evaluation.suite.judges)
    if asked and not (tables[EVALUATION_SCORES].height or tables[EVALUATION_PREDICTIONS].height):
        return "failed"
    # an item that a rule left out is no failure of the run
    is_incomplete = any(f.n_attempts or f.error in INCOMPLETE for f in evaluation.findings.failures)
    return "partial" if evaluation.stopped or is_incomplete else "complete"


def list_runs(private: Store, suite: str = "") -> list[dict[str, Any]]:
    """Return the summaries of finished runs, by suite and time."""
    found: list[dict[str, Any]] = []
    for info in private.list(f"{PREFIX}/"):
        parts = info.key.split("/")
        if len(parts) == 4 and parts[3] == "summary.json" and suite in ("", parts[1]):
            found.append(read_json(private, info.key))
    return sorted(found, key=lambda s: (s["suite"], s["evaluated_at"], s["run"]))


def find_run(private: Store, run: str) -> dict[str, Any]:
    """Return the summary of a run.

    Raises:
        NotFoundError: no such run.
    """
    for summary in list_runs(private):
        if summary["run"] == run:
            return summary
    raise NotFoundError(f"no evaluation {run}; `thoughttrace evaluate --list` shows those that are")


def _count(values: pl.Series) -> dict[str, int]:
    return dict(sorted(values.value_counts().rows()))


def _count_errors(failures: list[Failure]) -> dict[str, dict[str, int]]:
    """Count failures by step and error."""
    counts: dict[str, dict[str, int]] = {}
    for failure in failures:
        of_step = counts.setdefault(failure.step, {})
        of_step[failure.error] = of_step.get(failure.error, 0) + 1
    return json.loads(json.dumps(counts, sort_keys=True))
