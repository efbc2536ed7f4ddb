"""What every task of a run knows: places, settings and policy. Holds no secret."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from schemas.config import Settings
from schemas.refs import ArtifactRef

AppliedPolicy = Literal["strict", "as-published"]


@dataclass(frozen=True, slots=True)
class RunContext:
    """The frame of one run.

    Attributes:
        store: where releases live.
        private: where private files live.
        settings: resolved settings.
        started_at: UTC; the only clock a run reads.
        policy: privacy policy in force; decided after the exports were read.
        taxonomy_files: taxonomies given for this run; the others are the newest known.
        is_dry: whether nothing may be spent; what only a provider could answer stays unasked.
    """

    store: str
    private: str
    settings: Settings
    started_at: datetime
    policy: AppliedPolicy = "strict"
    taxonomy_files: tuple[str, ...] = ()
    is_dry: bool = False

    def with_policy(self, policy: AppliedPolicy) -> RunContext:
        """The same run under another policy."""
        return replace(self, policy=policy)

    def with_dryness(self, is_dry: bool) -> RunContext:
        """The same run, which may or may not spend."""
        return replace(self, is_dry=is_dry)

    def with_taxonomies(self, files: Sequence[str]) -> RunContext:
        """The same run with these taxonomy files."""
        return replace(self, taxonomy_files=tuple(files))


@dataclass(frozen=True, slots=True)
class TableSet:
    """Files of one finished step: tables as Parquet, documents as JSON.

    Attributes:
        fingerprint: digest of everything that decided the content.
        files: pairs of name and file.
    """

    fingerprint: str
    files: tuple[tuple[str, ArtifactRef], ...]

    def __getitem__(self, name: str) -> ArtifactRef:
        for known, ref in self.files:
            if known == name:
                return ref
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class StagedExports:
    """What reading the exports gave.

    Attributes:
        shards: staged tables of each shard, in the order of the exports.
        summary: `quarantine` table and `report` document (counts, input files, funnel).
        dialects: dialects seen.
    """

    shards: tuple[TableSet, ...]
    summary: TableSet
    dialects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BuiltRelease:
    """The tables of a release that is not staged yet.

    Attributes:
        tables: base tables by name and `records` (`thoughttrace.jsonl.zst`).
        version: version it will have; the parent's when nothing changed.
        parent: version of the release before, empty for the first.
        is_unchanged: whether every row equals the parent's.
    """

    tables: TableSet
    version: str
    parent: str
    is_unchanged: bool
