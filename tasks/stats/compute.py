"""Every figure of a release, computed from its own tables."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import polars as pl
import yaml

from schemas.config import StatsSettings
from schemas.fields import FACETS
from schemas.stats import FunnelRow, Method, QuarantineRow, StatsDocument
from tasks.stats.comparison import Comparison, load_published, scan_comparison
from tasks.stats.completeness import count_nulls
from tasks.stats.conversations import count_models, count_rows, measure_conversations
from tasks.stats.export import FLAGS, tabulate
from tasks.stats.frames import MAX_TOKENIZED, Frames, collect_frames
from tasks.stats.hold import hold, read_previous
from tasks.stats.intervals import CONFIDENCE, ClusterBootstrap
from tasks.stats.labelling import count_provenance
from tasks.stats.names import TaxonomyLike, name_facets
from tasks.stats.people import count_demographics, count_languages
from tasks.stats.relationships import count_relationships
from tasks.stats.suppress import suppress
from tasks.stats.texts import bin_texts, count_redactions, measure_texts, tokenizer_name
from tasks.stats.thoughts import count_per_message, count_thought_labels
from tasks.stats.tokens import find_tokenizer
from tasks.stats.topics import count_topics


@dataclass(frozen=True, slots=True)
class Stats:
    """The statistics of one release.

    Attributes:
        document: what `stats.json` holds; `schemas.stats.StatsDocument` as plain values.
        tables: name to small frame, for `stats/<name>.parquet`.
        model: the document, typed.
    """

    document: dict[str, Any]
    tables: dict[str, pl.DataFrame]
    model: StatsDocument


def compute_stats(
    tables: Mapping[str, pl.LazyFrame | pl.DataFrame],
    *,
    taxonomies: Mapping[str, TaxonomyLike],
    settings: StatsSettings,
    min_cell: int,
    policy: str,
    quality: Mapping[str, Any] | None = None,
    privacy: Mapping[str, Any] | None = None,
    cost: Mapping[str, Any] | None = None,
    comparison: Comparison | None = None,
    previous: Mapping[str, Any] | None = None,
) -> Stats:
    """Compute `stats.json` and its tables.

    Args:
        tables: base tables of the release by name; lazy frames keep the memory small. A missing table
            counts as empty.
        taxonomies: facet to taxonomy.
        settings: resamples, seed, and the corpus to compare with.
        min_cell: smallest count of participants shown under `strict`.
        policy: `strict` or `as-published`; the latter suppresses nothing.
        quality: agreement of the labels with gold, passed on.
        privacy: numbers of the privacy stage, passed on; `redactions_by_type` fills the table of types.
        cost: cost of the labels, passed on.
        comparison: another corpus; read from `settings.compare_to` when not given.
        previous: the last release's `stats.json`; under `strict`, counts that differ from it by fewer than
            `min_cell` stay as they were. Another shape is passed over.

    Raises:
        InputError: when `settings.compare_to` cannot be read.
    """
    with ThreadPoolExecutor(1) as pool:
        # its merge table takes about as long to load as the tables of a release of the real size
        pool.submit(find_tokenizer)
        frames = collect_frames(tables)
        # counting tokens is native code, and the rest leaves a core idle now and then
        text_lengths = pool.submit(measure_texts, frames, tables)
        if comparison is None and settings.compare_to:
            comparison = scan_comparison(settings.compare_to)
        boot = ClusterBootstrap(count_clusters(frames), settings.resamples, settings.seed)
        names = name_facets(taxonomies, FACETS)
        smallest = min_cell if policy == "strict" else 0
        model = StatsDocument(
            definitions=load_definitions(),
            method=Method(
                resamples=settings.resamples,
                seed=settings.seed,
                confidence=CONFIDENCE,
                policy=policy,
                min_cell=min_cell,
                is_suppressing=smallest > 0,
                tokenizer=tokenizer_name(),
                max_tokenized_texts=MAX_TOKENIZED,
            ),
            counts=count_rows(frames),
            models=count_models(frames),
            conversation_length=measure_conversations(frames, boot, list(load_published()), comparison),
            topics=count_topics(frames, names["topic"], boot),
            reasons=count_thought_labels(frames, "reason", names["reason"], names["topic"], boot),
            reactions=count_thought_labels(frames, "reaction", names["reaction"], names["topic"], boot),
            relationships=count_relationships(frames, names["relationship"], boot),
            thoughts_per_message=count_per_message(frames, boot),
            demographics=count_demographics(frames.participants, smallest),
            text_lengths=text_lengths.result(),
            text_length_bins=bin_texts(frames),
            languages=count_languages(frames, smallest),
            redactions=count_redactions(frames, privacy or {}, boot),
            labelling=count_provenance(frames.provenance, quality or {}),
            completeness=count_nulls(tables),
            funnel=[FunnelRow(**row) for row in frames.funnel.iter_rows(named=True)],
            quarantine=[QuarantineRow(**row) for row in frames.quarantine.iter_rows(named=True)],
            privacy=dict(privacy or {}),
            cost=dict(cost or {}),
        )
    model = hold(suppress(model, smallest), read_previous(previous), smallest)
    return Stats(flags_last(model.model_dump(mode="json")), tabulate(model), model)


def flags_last(value: Any) -> Any:
    """The same document with the flags of a cell after its numbers."""
    if isinstance(value, list):
        return [flags_last(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        **{key: flags_last(item) for key, item in value.items() if key not in FLAGS},
        **{key: value[key] for key in FLAGS if key in value},
    }


def count_clusters(frames: Frames) -> int:
    """Participants to draw from: all that have a row number."""
    highest = frames.conversations["p"].max()
    return max(frames.participants.height, 0 if highest is None else int(str(highest)) + 1)


@cache
def load_definitions() -> dict[str, str]:
    """What each term means, from `definitions.yaml`."""
    text = (files("tasks.stats") / "definitions.yaml").read_text("utf-8")
    found: dict[str, str] = yaml.safe_load(text)
    return {term: " ".join(words.split()) for term, words in found.items()}
