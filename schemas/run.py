"""What every task of a run knows: places, settings and policy. Holds no secret."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from schemas.config import Settings
from schemas.refs import ArtifactRef, ShardRef

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
    """

    store: str
    private: str
    settings: Settings
    started_at: datetime
    policy: AppliedPolicy = "strict"

    def with_policy(self, policy: AppliedPolicy) -> RunContext:
        """The same run under another policy."""
        return replace(self, policy=policy)


@dataclass(frozen=True, slots=True)
class StagedExports:
    """What reading the exports gave.

    Attributes:
        shards: staged tables, in the order of the exports.
        quarantine: faults found (`quarantine` table).
        report: counts and input files as JSON.
        dialects: dialects seen.
    """

    shards: tuple[ShardRef, ...]
    quarantine: ArtifactRef
    report: ArtifactRef
    dialects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TableSet:
    """Files of one stage by name: tables as Parquet, documents as JSON."""

    fingerprint: str
    files: tuple[tuple[str, ArtifactRef], ...]

    def __getitem__(self, name: str) -> ArtifactRef:
        for known, ref in self.files:
            if known == name:
                return ref
        raise KeyError(name)
