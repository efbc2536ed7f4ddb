"""The release manifest: what a version consists of, byte by byte, and where it came from.

Creating `releases/<version>/manifest.json` is the publication; everything else can be repaired from it.
The JSON Schema beside the documentation is generated from these models.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from schemas.fields import SCHEMA_VERSION

MANIFEST_FORMAT = "thoughttrace-release/1"
CANDIDATE_FORMAT = "thoughttrace-candidate/1"
_SHA256 = r"^[0-9a-f]{64}$"
_VERSION = r"^v\d+\.\d+\.\d+$"


class Part(BaseModel):
    """Base of all parts. Unknown keys are skipped: the format number says when an old reader must stop."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class ColumnStatistics(Part):
    """Bounds of one column in one file, for pruning; texts written by people have none."""

    n_null: int = Field(ge=0, description="Null values.")
    min: str | float | int | bool | None = Field(
        default=None, description="Smallest value; times as ISO 8601."
    )
    max: str | float | int | bool | None = Field(
        default=None, description="Largest value; times as ISO 8601."
    )


class DataFile(Part):
    """One Parquet file."""

    path: str = Field(description="Key relative to the root of the store.")
    sha256: str = Field(pattern=_SHA256, description="Digest of the bytes.")
    n_bytes: int = Field(ge=0, description="Size in bytes.")
    n_rows: int = Field(ge=0, description="Rows.")
    rows_sha256: str = Field(
        pattern=_SHA256, description="Digest of the values, whatever library or settings wrote them."
    )
    partition: str = Field(description="Wave of first appearance and participant bucket, or `all`.")
    columns: dict[str, ColumnStatistics] = Field(default_factory=dict, description="Statistics by column.")


class SideFile(Part):
    """One file of a release that is not a table: card, metadata, report, compatible JSONL."""

    path: str = Field(description="Key relative to the root of the store.")
    sha256: str = Field(pattern=_SHA256, description="Digest of the bytes.")
    n_bytes: int = Field(ge=0, description="Size in bytes.")


class TableFiles(Part):
    """The files of one table."""

    n_rows: int = Field(ge=0, description="Rows in all files.")
    schema_sha256: str = Field(pattern=_SHA256, description="Digest of column names, types and nullability.")
    primary_key: list[str] = Field(description="Columns that identify a row.")
    files: list[DataFile] = Field(description="Files in order.")


class TaxonomyInfo(Part):
    """Which taxonomy decided the labels of a facet."""

    version: str = Field(description="Version of the taxonomy.")
    sha256: str = Field(default="", description="Digest of its file.")


class CodeInfo(Part):
    """Which code made the release."""

    version: str = Field(default="", description="Version of this package.")
    commit: str | None = Field(default=None, description="Git commit; null outside a checkout.")
    is_dirty: bool = Field(default=False, description="Whether the checkout had uncommitted changes.")
    lock_sha256: str = Field(default="", description="Digest of the lock file.")


class InputInfo(Part):
    """One export that was read."""

    name: str = Field(description="File name, without folders.")
    sha256: str = Field(description="Digest of the bytes as read.")
    n_bytes: int = Field(default=0, ge=0, description="Size in bytes.")
    n_conversations: int = Field(default=0, ge=0, description="Conversations found in it.")
    dialect: str = Field(default="", description="Dialect of the export.")


class ModelInfo(Part):
    """One model that labelled, and what it cost."""

    facet: str = Field(description="What it was asked.")
    name: str = Field(description="Model as configured.")
    snapshot: str = Field(default="", description="Exact version that answered.")
    prompt_sha256: str = Field(default="", description="Digest of the prompt.")
    n_calls: int = Field(default=0, ge=0, description="Calls made for this release.")
    n_from_memo: int = Field(default=0, ge=0, description="Answers that were paid for earlier.")
    cost_usd: float = Field(default=0.0, ge=0, description="Cost of the calls made.")


class FunnelRow(Part):
    """Row accounting of one stage and table: in = out + quarantined + removed."""

    stage: str
    table_name: str
    n_in: int
    n_out: int
    n_quarantined: int
    n_removed: int


class ReleaseInfo(Part):
    """Where a release came from, as far as the publisher cannot see it in the tables."""

    title: str = Field(default="ThoughtTrace", description="Name of the dataset.")
    license: str = Field(default="cc-by-4.0", description="Licence id of the data.")
    policy: str = Field(default="", description="Privacy policy in force.")
    schema_version: str = Field(default=SCHEMA_VERSION, description="Version of the column definitions.")
    taxonomies: dict[str, TaxonomyInfo] = Field(default_factory=dict, description="Taxonomy by facet.")
    config_sha256: str = Field(default="", description="Digest of the settings that decide the content.")
    code: CodeInfo = Field(default=CodeInfo(), description="Which code made it.")
    inputs: list[InputInfo] = Field(default_factory=list, description="Exports that were read.")
    models: list[ModelInfo] = Field(default_factory=list, description="Models that labelled.")
    cost_usd: float = Field(default=0.0, ge=0, description="Cost of all provider calls.")
    withdrawals: list[str] = Field(
        default_factory=list,
        description="Digests of the withdrawal and redaction requests that were applied.",
    )
    notes: dict[str, str] = Field(default_factory=dict, description="Anything else worth keeping.")


class ParentInfo(Part):
    """The release that this one follows; a chain of digests back to the first."""

    version: str = Field(pattern=_VERSION)
    manifest_sha256: str = Field(pattern=_SHA256)


class WriterInfo(Part):
    """What encoded the files; another version may give other bytes for the same rows."""

    pyarrow: str
    polars: str
    zstd_level: int
    row_group_rows: int


class Content(Part):
    """What candidate and manifest share: files, counts and origin."""

    version: str = Field(pattern=_VERSION, description="Version of the data.")
    parent: ParentInfo | None = Field(default=None, description="Release before this one.")
    tables: dict[str, TableFiles] = Field(description="Base tables, under `shards/`.")
    views: dict[str, TableFiles] = Field(description="Reader views, under `releases/<version>/<table>/`.")
    side_files: list[SideFile] = Field(default_factory=list, description="Everything else, sorted by path.")
    funnel: list[FunnelRow] = Field(default_factory=list, description="Row accounting.")
    info: ReleaseInfo = Field(description="Where it came from.")
    writer: WriterInfo


class Candidate(Content):
    """A staged release: complete, private, waiting for approval."""

    format: str = CANDIDATE_FORMAT
    candidate_id: str = Field(description="Start of the digest of the content.")
    staged_at: str = Field(default="", description="UTC; not part of the id.")


class Manifest(Content):
    """A published release."""

    format: str = MANIFEST_FORMAT
    candidate_id: str = Field(description="The candidate that was approved.")
    publish_id: str = Field(description="The run that published; tells its own commit from another's.")
    created_at: str = Field(description="UTC.")
    approved_by: str = Field(default="", description="Who approved.")

    def data_files(self) -> list[DataFile]:
        """Every Parquet file, shards first."""
        return [f for group in (self.tables, self.views) for t in group.values() for f in t.files]


class Latest(Part):
    """`latest.json`: a hint that can be computed from the releases at any time.

    Source: the growing `seq` guards against replay, as in The Update Framework
    (https://theupdateframework.github.io/specification/).
    """

    version: str | None = Field(description="Newest release that is not yanked.")
    manifest_sha256: str | None = Field(default=None, description="Digest of its manifest.")
    seq: int = Field(ge=1, description="Grows with every change of this file.")
    announced: str | None = Field(
        default=None, description="Highest version that was ever complete, yanked or not."
    )


def manifest_json_schema() -> dict[str, Any]:
    """JSON Schema of the manifest."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Manifest.model_json_schema()}


if __name__ == "__main__":
    import json
    from pathlib import Path

    target = Path(__file__).with_name("manifest.schema.json")
    target.write_text(json.dumps(manifest_json_schema(), indent=2, sort_keys=True) + "\n")
