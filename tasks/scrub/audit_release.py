"""The privacy proof of any published release, made again from its files: second scan, canaries, classes.

Needs no key and no raw text. Findings say file, item and kind; what was found is not told.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import PurePosixPath
from typing import Any

import polars as pl

from schemas.config import PrivacySettings
from schemas.fields import TABLES, VIEWS
from schemas.manifest import Manifest
from tasks.assemble.records import RECORDS, read_records
from tasks.gate.policy import Check, load_policy
from tasks.pseudonymise.k_report import count_classes
from tasks.publish.releases import read_manifest, read_tables, require_files
from tasks.scrub.audit_scan import CRITICAL, ENGINE, scan_text
from tasks.scrub.canary import CANARY_SEED, choose_conversations, measure_canaries, plant_canaries
from tasks.scrub.proof import summarise_canaries
from tasks.scrub.scrubber import Scrubber
from tasks.storage.store import Store

_NO_KEY = b"audit of a published release"
"""Digests of this scrubber are thrown away, so their key is no secret."""
_TEXT_SUFFIXES = (".html", ".md", ".json", ".jsonl", ".cff", ".svg", ".bib", ".yaml", ".yml")
_KEYS = ("_id", "_sha256", "_hmac")


@dataclass(frozen=True, slots=True)
class Finding:
    """Personal data in a file: where, and of which kind.

    Attributes:
        file: key of the file in the store.
        item_id: message, thought, conversation or participant; a line where the file has no items.
        field: column or place inside the item.
        kind: what it is, see `tasks.scrub.audit_scan`.
        is_critical: whether such a finding stops a release.
    """

    file: str
    item_id: str
    field: str
    kind: str
    is_critical: bool


@dataclass(slots=True)
class PiiAudit:
    """What an audit saw.

    Attributes:
        version: which release.
        engine: what scanned it.
        n_files: files scanned.
        n_texts: texts scanned.
        findings: critical ones first.
        measures: `k`, `k_required`, class sizes and `canary`.
        failed: measures outside the limits of the gate, in words.
    """

    version: str
    engine: str = ENGINE
    n_files: int = 0
    n_texts: int = 0
    findings: list[Finding] = field(default_factory=list[Finding])
    measures: dict[str, Any] = field(default_factory=dict[str, Any])
    failed: list[str] = field(default_factory=list[str])

    @property
    def is_clean(self) -> bool:
        """Whether nothing critical was found and every measure holds."""
        return not self.failed and not any(f.is_critical for f in self.findings)

    @property
    def counts(self) -> dict[str, int]:
        """Findings by kind."""
        found: dict[str, int] = {}
        for item in self.findings:
            found[item.kind] = found.get(item.kind, 0) + 1
        return dict(sorted(found.items()))

    def describe(self) -> dict[str, Any]:
        """The audit as plain values: counts, places and measures, no text."""
        return {
            "ok": self.is_clean,
            "engine": self.engine,
            "n_files": self.n_files,
            "n_texts": self.n_texts,
            "counts": self.counts,
            "findings": [asdict(f) for f in self.findings],
            "measures": self.measures,
            "failed": self.failed,
        }

    def complain(self) -> str:
        """What is wrong, how much of it and where first, and what to do; empty for a clean release."""
        critical = [f for f in self.findings if f.is_critical]
        if critical:
            first = critical[0]
            return (
                f"{self.version} holds personal data: {len(critical):,} findings, first {first.kind} in "
                f"{first.file}, {first.item_id} {first.field}; look at them and mask them with "
                "`thoughttrace redact --spans FILE`"
            )
        return f"{self.version}: {self.failed[0]}" if self.failed else ""


def audit_release(
    store: Store, version: str, settings: PrivacySettings, *, policy_file: str = ""
) -> PiiAudit:
    """Scan every file of a release again and measure it again.

    Args:
        store: where the release is.
        version: which one; `resolve_version` first.
        settings: for the scrubber that the canaries go through.
        policy_file: limits of the gate; empty takes the ones that ship.

    Raises:
        NotFoundError: no such release, or its files were deleted.
    """
    manifest, _ = read_manifest(store, version)
    require_files(store, version)
    audit = PiiAudit(version)
    for file, item_id, name, text in _texts(store, manifest, audit):
        audit.n_texts += 1
        audit.findings += [
            Finding(file, item_id, name, kind, kind in CRITICAL) for kind in sorted(set(scan_text(text)))
        ]
    audit.findings.sort(key=lambda f: (not f.is_critical, f.file, f.item_id, f.field, f.kind))
    tables = read_tables(store, manifest, ("participants", "conversations", "messages", "thoughts"))
    audit.measures = _measure(store, manifest, tables, settings)
    audit.failed = list(_judge(audit, manifest.info.policy, policy_file))
    return audit


def _texts(store: Store, manifest: Manifest, audit: PiiAudit) -> Iterator[tuple[str, str, str, str]]:
    """Yield file, item id, field and text of everything that a reader may load."""
    for group, definitions in ((manifest.tables, TABLES), (manifest.views, VIEWS)):
        for name, table in group.items():
            for file in table.files:
                audit.n_files += 1
                frame = pl.read_parquet(io.BytesIO(store.get(file.path)))
                yield from _of_frame(file.path, frame, definitions[name].primary_key[0])
    for side in manifest.side_files:
        audit.n_files += 1
        data, name = store.get(side.path), PurePosixPath(side.path).name
        if name.endswith(".parquet"):
            frame = pl.read_parquet(io.BytesIO(data))
            yield from _of_frame(side.path, frame, frame.columns[0])
        elif name == RECORDS:
            for line in read_records(data):
                record: dict[str, Any] = json.loads(line)
                yield from ((side.path, record["id"], place, text) for place, text in _walk(record, ""))
        elif name.endswith(_TEXT_SUFFIXES):
            for number, line in enumerate(data.decode(errors="replace").splitlines(), start=1):
                yield side.path, f"line {number}", "", line


def _of_frame(path: str, frame: pl.DataFrame, key: str) -> Iterator[tuple[str, str, str, str]]:
    for name, dtype in frame.schema.items():
        if dtype == pl.String and not name.endswith(_KEYS):
            rows = frame.select(pl.col(key).cast(pl.String).alias("_key"), pl.col(name)).drop_nulls(name)
            yield from ((path, str(item), name, text) for item, text in rows.iter_rows())
        elif dtype.is_nested():
            for row in frame.select(pl.col(key).alias("_key"), pl.col(name)).iter_rows():
                yield from ((path, str(row[0]), f"{name}{place}", text) for place, text in _walk(row[1], ""))


def _walk(value: Any, place: str) -> Iterator[tuple[str, str]]:
    """Yield place and text of every string in a document, keys and digests left out."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, dict):
        for name, item in value.items():
            if not str(name).endswith(_KEYS) and name != "id":
                yield from _walk(item, f"{place}.{name}")
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _walk(item, f"{place}[{number}]")


def _measure(
    store: Store, manifest: Manifest, tables: Mapping[str, pl.DataFrame], settings: PrivacySettings
) -> dict[str, Any]:
    sizes = count_classes(tables["participants"], tables["conversations"])
    key = f"releases/{manifest.version}/privacy.json"
    stated: dict[str, Any] = json.loads(store.get(key)) if store.head(key) is not None else {}
    required = int(stated.get("k_required", settings.k))
    smallest = min(sizes, default=0)
    items = _items(tables)
    shadow, truth = plant_canaries(items, CANARY_SEED)
    scrubber = Scrubber(settings.model_copy(update={"review": "auto"}), _policy(manifest), _NO_KEY)
    canary = summarise_canaries(measure_canaries(truth, scrubber.scrub(shadow).texts))
    return {
        "k": smallest,
        "k_required": required,
        # nobody can share with more than there are
        "k_margin": smallest - min(required, tables["participants"].height),
        "n_classes": len(sizes),
        "canary": canary,
    }


def _policy(manifest: Manifest) -> Any:
    return "strict" if manifest.info.policy == "strict" else "as-published"


def _items(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Texts of some conversations, by hash, as the scrubber takes them."""
    conversations = tables["conversations"]
    ids = choose_conversations(conversations["conversation_id"]).to_frame()
    chosen = conversations.join(ids, on="conversation_id", how="semi")
    messages = (
        tables["messages"]
        .join(ids, on="conversation_id", how="semi")
        .select(
            pl.col("message_id").alias("item_id"),
            "conversation_id",
            pl.lit("content").alias("field"),
            "role",
            pl.lit("message").alias("kind"),
            "position",
            pl.col("content").alias("text"),
        )
    )
    thoughts = (
        tables["thoughts"]
        .join(ids, on="conversation_id", how="semi")
        .join(tables["messages"].select("message_id", "position"), on="message_id", how="left")
        .select(
            pl.col("thought_id").alias("item_id"),
            "conversation_id",
            pl.lit("thought").alias("field"),
            pl.lit("user").alias("role"),
            "kind",
            "position",
            pl.col("content").alias("text"),
        )
    )
    summaries = [
        chosen.select(
            pl.format("{}_{}", "conversation_id", pl.lit(name)).alias("item_id"),
            "conversation_id",
            pl.lit(name).alias("field"),
            pl.lit("user").alias("role"),
            pl.lit("summary").alias("kind"),
            pl.lit(None, pl.Int32).alias("position"),
            pl.col(name).alias("text"),
        )
        for name in ("task_summary", "task_expectation")
    ]
    return pl.concat([messages, thoughts, *summaries]).drop_nulls("text").sort("item_id")


def _judge(audit: PiiAudit, policy: str, policy_file: str) -> Iterator[str]:
    """Yield what lies outside the gate's critical limits on privacy."""
    canary = audit.measures["canary"]
    values: dict[str, float] = {
        "privacy.k_margin": audit.measures["k_margin"],
        **{f"privacy.canary.{k}": v for k, v in canary.items() if isinstance(v, int | float)},
    }
    for check in load_policy(policy_file).checks:
        value = values.get(check.metric)
        if value is not None and _applies(check, policy, values) and not _holds(check, value):
            yield f"{check.metric} is {value:g}: {check.why}"


def _applies(check: Check, policy: str, values: Mapping[str, float]) -> bool:
    is_big = check.needs is None or values.get(check.needs.metric, 0) >= check.needs.at_least
    return check.severity == "critical" and check.when in {"always", policy} and is_big


def _holds(check: Check, value: float) -> bool:
    return (check.min is None or value >= check.min) and (check.max is None or value <= check.max)
