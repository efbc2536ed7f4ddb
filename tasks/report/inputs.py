"""What the report and the metadata are written from: numbers, counts and scrubbed tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Protocol

import polars as pl

from schemas.config import ReportSettings


def _nothing() -> Mapping[str, Any]:
    return MappingProxyType({})


class LabelNode(Protocol):
    """One label as readers see it; a node of `schemas.taxonomies` is one."""

    @property
    def id(self) -> str:
        """Taxonomy node id, as it stands in the tables."""
        ...

    @property
    def name(self) -> str:
        """Display name."""
        ...

    @property
    def parent(self) -> str | None:
        """Id of the node above (the domain of a subtopic), else None."""
        ...

    @property
    def definition(self) -> str:
        """What the label means."""
        ...


@dataclass(frozen=True, slots=True)
class TableFile:
    """One Parquet part of a reader view, as the manifest lists it.

    Attributes:
        path: relative to the release's folder: `messages/part-00000.parquet`.
        sha256: hex digest of the bytes.
        n_rows: rows.
        n_bytes: size in bytes.
    """

    path: str
    sha256: str
    n_rows: int
    n_bytes: int


@dataclass(frozen=True, slots=True)
class ReportInputs:
    """Everything a release says about itself, before it is put into words.

    Text reaches the report through `tables` only, which are the scrubbed base tables.

    Attributes:
        version: version of the release, `v1.2.0`.
        parent_version: the release it is compared with; None for a first release.
        created_at: the day the release stands for, UTC: the last day of its data, so that the same data give
            the same files; None for a release without conversations.
        settings: title, licence, contact, size of the explorer.
        policy: `strict` or `as-published`.
        stats: content of `stats.json`.
        parent_stats: content of the parent's `stats.json`; None for a first release.
        gate: content of `gate.json`.
        privacy: content of `privacy.json`.
        quality: label quality: agreement and confidence by facet.
        cost: calls, tokens and USD of tagging.
        provenance: `schemas.manifest.ReleaseInfo` as a dictionary: inputs, code, taxonomies, models.
        changes: table `changes`.
        funnel: table `funnel`.
        quarantine_summary: table `quarantine_summary`.
        tables: base tables by name, scrubbed (participants, conversations, messages, thoughts, labels); lazy
            where they are large, and read for the columns and conversations that are shown.
        taxonomies: facet to its labels in taxonomy order.
    """

    version: str
    created_at: datetime | None
    policy: str
    stats: Mapping[str, Any]
    changes: pl.DataFrame
    funnel: pl.DataFrame
    quarantine_summary: pl.DataFrame
    parent_version: str | None = None
    parent_stats: Mapping[str, Any] | None = None
    settings: ReportSettings = field(default_factory=ReportSettings)
    gate: Mapping[str, Any] = field(default_factory=_nothing)
    privacy: Mapping[str, Any] = field(default_factory=_nothing)
    quality: Mapping[str, Any] = field(default_factory=_nothing)
    cost: Mapping[str, Any] = field(default_factory=_nothing)
    provenance: Mapping[str, Any] = field(default_factory=_nothing)
    tables: Mapping[str, pl.DataFrame | pl.LazyFrame] = field(default_factory=_nothing)
    taxonomies: Mapping[str, Sequence[LabelNode]] = field(default_factory=_nothing)
